"""Plain JSON: one array of conversations, of records or of messages, or such objects one after another."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from ..errors import InvalidInputError
from ..records import to_json

_LONGEST: Final = 128_000_000
"""Characters of one entry that are kept in memory."""
_SPACE: Final = " \t\r\n"


def entry_lines(path: Path, parts: Iterable[bytes]) -> Iterator[str]:
    """Yield each entry of a JSON file on a line of its own, as JSON Lines has them.

    The messages of one conversation that stand in the array by themselves are one entry.
    Raises: InvalidInputError, with the number of the entry.
    """
    entries: Iterator[tuple[Any, str]] = _entries(path, _decoded(path, parts))
    first = next(entries, None)
    if first is None:
        return
    entries = chain([first], entries)
    if isinstance(first[0], dict) and {"role", "from"} & set(first[0]) and "type" not in first[0]:
        key = "messages" if "role" in first[0] else "conversations"
        yield to_json({key: [value for value, _ in entries]})
        return
    for value, text in entries:
        yield to_json({"messages": value}) if isinstance(value, list) else text


def _decoded(path: Path, parts: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        for part in parts:
            yield decoder.decode(part)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as exc:
        raise InvalidInputError(f"{path} is not UTF-8; convert it") from exc


def _entries(path: Path, parts: Iterator[str]) -> Iterator[tuple[Any, str]]:
    """Yield the entries and their texts, each on one line."""
    reader = _Reader(path, parts)
    is_array = reader.skips("[")
    while not reader.is_at_end():
        if is_array and reader.skips("]"):
            if not reader.is_at_end():
                raise InvalidInputError(f"{path} goes on after the end of its array; is it several files?")
            return
        yield reader.entry()
        reader.skips(",")
    if is_array:
        raise InvalidInputError(f"{path} ends before its array does; was it copied or downloaded whole?")


class _Reader:
    """JSON values out of text that comes in parts."""

    def __init__(self, path: Path, parts: Iterator[str]) -> None:
        self._path, self._parts = path, parts
        self._text, self._at, self._number = "", 0, 0
        self._decode = json.JSONDecoder().raw_decode

    def is_at_end(self) -> bool:
        """Whether nothing but white space is left; skips it."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return False
            if not self._grow(1):
                return True

    def skips(self, character: str) -> bool:
        """Whether this character comes next; skips it."""
        found = not self.is_at_end() and self._text[self._at] == character
        self._at += found
        return found

    def entry(self) -> tuple[Any, str]:
        """Return the next object or array, and its text. Raises: InvalidInputError."""
        self._number += 1
        if self._text[self._at] not in "{[":
            raise self._error("is neither an object nor an array")
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except RecursionError:
                raise self._error("is nested too deeply") from None
            except ValueError:  # or it goes on in the next part: twice as much, so that it is linear in all
                waiting = len(self._text) - self._at
                if waiting > _LONGEST or not self._grow(waiting):
                    raise self._error("is not JSON") from None
            else:
                text, self._at = self._text[self._at : end], end
                # Line breaks stand between values only: inside of strings, JSON escapes them.
                return value, text.replace("\n", " ").replace("\r", " ")

    def _grow(self, characters: int) -> bool:
        """Take in at least so much more text; return whether there was any."""
        self._text, self._at = self._text[self._at :], 0
        taken: list[str] = []
        missing = characters
        for part in self._parts:
            taken.append(part)
            missing -= len(part)
            if missing <= 0:
                break
        self._text += "".join(taken)
        return any(taken)

    def _error(self, problem: str) -> InvalidInputError:
        return InvalidInputError(
            f"entry {self._number} of {self._path} {problem}", reason=problem, line=self._number
        )
