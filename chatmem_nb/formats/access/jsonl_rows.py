"""Lines of JSON by their offsets."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...errors import InvalidInputError
from ...json_text import parse_json
from ...plain_text import utf8_text
from ...records import unreadable_text
from ..jsonl_file import Line, conversation_messages, line_session_id
from ..openai_jsonl import conversation_records
from .text_lines import LONGEST, first_offset, read_line, undecodable

# How each line of ours begins: enough to index it without parsing the rest.
_HEAD: Final = re.compile(rb'\{"session_id": ("(?:[^"\\]|\\.)*"|null), "index": (?=\d+, ")')
_NONE: Final = b"{{"  # no line of JSON begins so, and one that does is damaged
# A place is the offset of the line and, in its lowest bits, the position in the conversation of that line.
_MESSAGES: Final = 2**20
_REPORT_BYTES: Final = 4_000_000


class JsonlRows:
    """JSONL: a line a message, or a line a conversation in OpenAI's form."""

    unit = "B"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files = [path]
        self.size = path.stat().st_size
        self.end = self.size * _MESSAGES
        self.unnamed: list[str] = []
        """Ids of conversations that have none of their own; the first two of them."""
        self.label_places = array("q")
        self._last: tuple[int, list[str]] = (-1, [])

    def rows(self, advance: Callable[[int], object]) -> Iterator[tuple[str | None, int | None, int]]:
        """Yield each row. The session of a damaged line is that of the line before it."""
        name: str | None = None
        last_head, found, reported = _NONE, False, 0
        with self._path.open("rb", buffering=2**20) as file:
            offset, number = first_offset(file), 0
            while True:
                line, length = read_line(file)
                if not line:
                    break
                number += 1
                if line.startswith(last_head):  # most lines: of the same session as the one before
                    yield name, None, offset * _MESSAGES
                elif (head := _HEAD.match(line)) is not None:
                    found, last_head = True, head[0]
                    name = _name(head[1], name)
                    yield name, None, offset * _MESSAGES
                elif not line.isspace():
                    last_head = _NONE
                    other = _Other(line, name, f"{self._path.stem}-{number}")
                    name, found = other.session_id, found or other.is_message
                    if other.is_unnamed and len(self.unnamed) < 2:
                        self.unnamed.append(str(other.row_session_id))
                    if other.is_label:
                        self.label_places.append(offset)
                    for position in range(other.length):
                        yield other.row_session_id, None, offset * _MESSAGES + position
                offset += length
                if offset - reported >= _REPORT_BYTES:
                    advance(offset - reported)
                    reported = offset
        advance(offset - reported)
        if not found:
            raise _no_messages(self._path)

    def records(self, places: Sequence[int]) -> list[str]:
        """Return the record at each place."""
        found: dict[int, str] = {}
        at, records = self._last
        with self._path.open("rb") as file:
            for place in sorted(set(places)):
                offset, position = divmod(place, _MESSAGES)
                if offset != at:
                    at, records = offset, _records_at(file, offset)
                changed = position >= len(records)
                found[place] = unreadable_text("the file was changed") if changed else records[position]
        # Pages of one long conversation would otherwise parse all of its line each time.
        self._last = (at, records) if len(records) > 1 else (-1, [])
        return [found[place] for place in places]

    def labels(self, places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the labels on the lines at `places`."""
        with self._path.open("rb") as file:
            for place in places:
                file.seek(place)
                value = _value(read_line(file)[0])
                label = value.get("label") if isinstance(value, dict) else None
                if isinstance(label, dict):
                    yield {**label, "session_id": value.get("session_id")}


class _Other:
    """A line that does not begin as ours: by another program, a conversation, or damaged."""

    def __init__(self, line: bytes, before: str | None, own_name: str) -> None:
        self.session_id, self.row_session_id, self.length = before, before, 1
        self.is_message = self.is_unnamed = self.is_label = False
        value = _value(line)
        if not isinstance(value, dict):
            return
        name = line_session_id(value)
        if isinstance(name, str) or name is None:
            self.session_id = self.row_session_id = utf8_text(name) if name else None
        messages = conversation_messages(value)
        if {"type", "raw"} & set(value):
            self.is_message = True
        elif isinstance(value.get("label"), dict):
            self.is_message, self.is_label, self.length = True, True, 0
        elif messages is not None:
            self.is_message = True
            if len(messages) < _MESSAGES:  # else one record, which says so
                self.length = len(messages)
            self.is_unnamed = self.session_id is None
            self.row_session_id = self.session_id or own_name


def _name(key: bytes, before: str | None) -> str | None:
    value = _value(key)
    return (utf8_text(value) if value else None) if isinstance(value, str) or key == b"null" else before


def _value(text: bytes) -> Any:
    try:
        return parse_json(text.decode())
    except (ValueError, RecursionError):
        return None


def _records_at(file: BinaryIO, offset: int) -> list[str]:
    file.seek(offset)
    line, length = read_line(file)
    if length > len(line):
        return [unreadable_text(f"its line is longer than {LONGEST:,} bytes")]
    try:
        text = line.decode().rstrip("\r\n")
    except UnicodeDecodeError as exc:
        return [unreadable_text(undecodable(offset, exc))]
    try:
        found = Line(0, text)
    except InvalidInputError:
        return _damaged(text)
    if len(found.records) >= _MESSAGES:
        return [unreadable_text(f"its line holds {len(found.records):,} messages; split it")]
    return found.records


def _damaged(text: str) -> list[str]:
    """Return the records of a line that is not as it should be: each message by itself, or its text."""
    value = _value(text.encode())
    messages = conversation_messages(value) if isinstance(value, dict) else None
    if messages is None:
        return [text]
    records = []
    for message in messages:
        try:
            records += conversation_records([message])
        except InvalidInputError as exc:
            records.append(unreadable_text(exc.reason or str(exc)))
    return records


def _no_messages(path: Path) -> InvalidInputError:
    with path.open("rb") as file:
        begin = file.read(2)
    if begin in (b"\xff\xfe", b"\xfe\xff"):
        return InvalidInputError(f"{path} is UTF-16; convert it to UTF-8", line=1)
    with path.open("rb") as file:
        first_offset(file)
        value = _value(read_line(file)[0])
    keys = (
        f"; its first line has the keys {', '.join(map(repr, value))[:200]}"
        if isinstance(value, dict)
        else ""
    )
    return InvalidInputError(
        f"no line of {path} holds a message: `type` and `data`, `raw`, or `messages`{keys}; is it JSONL?",
        line=1,
    )
