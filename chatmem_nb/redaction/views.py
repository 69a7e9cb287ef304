"""A text as a reader sees it: what hides a value from a pattern undone, every place known in the original.

Full-width and other digits, zero-width characters, control characters, and the escapes of JSON, Python,
URLs and HTML, however often they were applied.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

_ROUNDS: Final = 3
"""How many kinds of escape may be wrapped around each other; one kind is undone however often it was used."""

# Possessive, and begun only where a run of backslashes begins: linear, whatever the text.
_ESCAPE: Final = re.compile(
    r"(?<!\\)\\++(?:"
    r"u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\++u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8})|u\{(?P<braces>[0-9a-fA-F]{1,6})\}"
    r"|x(?P<x>[0-9a-fA-F]{2})|(?P<white>[nrtfbv])|(?P<itself>[\"'/@:.+-]))"
    r"|(?P<utf8>%(?:25)*+[c-fC-F][0-9a-fA-F](?:%(?:25)*+[89abAB][0-9a-fA-F]){1,3})"
    r"|%(?:25)*+(?P<percent>[0-9a-fA-F]{2})"
    r"|&(?:amp;)*+(?:\#[xX]0{0,8}(?P<hex>[0-9a-fA-F]{1,6})|\#0{0,8}(?P<decimal>[0-9]{1,7})"
    r"|(?P<name>commat|period|colon|hyphen|dash|plus|sol|lpar|rpar|nbsp|num|equals|lowbar|amp));?"
    # `bob[at]example[.]com`, as people write it against collectors, and `=40` of quoted-printable.
    r"|\s?[\[({](?P<spelled>[aA][tT]|@|[dD][oO][tT]|\.)[\])}]\s?|(?<=\w)=(?P<quoted>40)(?=\w)"
)
_NAMED: Final = {
    "commat": "@", "period": ".", "colon": ":", "hyphen": "-", "dash": "-", "plus": "+", "sol": "/",
    "lpar": "(", "rpar": ")", "nbsp": " ", "num": "#", "equals": "=", "lowbar": "_", "amp": "&",
}  # fmt: skip
_MAY_ESCAPE: Final = re.compile(r"[\\%]|&[#acdehlnps]|[\[({](?:[aA][tT]|@|[dD][oO][tT]|\.)|=40")
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_KEPT_CONTROLS: Final = frozenset("\t\n\r\v\f")


@dataclass(frozen=True, slots=True)
class View:
    """A text derived from another one by replacing parts of it."""

    text: str
    _starts: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    """Of each part, in this text."""
    _origins: list[tuple[int, int]] = field(default_factory=list)
    """Of each part, in the other one."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the other text of `text[start:end]`, parts of it whole."""
        return self._origin(start)[0], self._origin(end - 1)[1]

    def _origin(self, position: int) -> tuple[int, int]:
        part = bisect_right(self._starts, position) - 1
        if part < 0:
            return position, position + 1
        if position < self._ends[part]:
            return self._origins[part]
        place = self._origins[part][1] + position - self._ends[part]
        return place, place + 1


def views(text: str) -> list[tuple[str, list[View]]]:
    """Return the texts to look through, each with the views that lead from it back to `text`, last first."""
    path: list[View] = []
    folded = _folded(text)
    if folded is not None:
        path = [folded]
    found = [(folded.text if folded else text, path)]
    current = found[0][0]
    for _ in range(_ROUNDS):
        unescaped = _unescaped(current)
        if unescaped is None:
            break
        path = [unescaped, *path]
        current = unescaped.text
        if (folded := _folded(current)) is not None:
            path = [folded, *path]
            current = folded.text
    if current is not found[0][0]:
        found.append((current, path))
    return found


def normalized(text: str) -> str:
    """Return `text` as a reader sees it, so that the same value written in two ways is one text."""
    return unicodedata.normalize("NFKC", views(text)[-1][0])


def _viewed(
    text: str, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str | None]
) -> View | None:
    pieces: list[str] = []
    view = View("")
    position = length = 0
    for found in pattern.finditer(text):
        decoded = decode(found)
        if decoded is None:
            continue
        start, end = found.span()
        pieces += (text[position:start], decoded)
        length += start - position
        view._starts.append(length)
        length += len(decoded)
        view._ends.append(length)
        view._origins.append((start, end))
        position = end
    if not pieces:
        return None
    pieces.append(text[position:])
    return View("".join(pieces), view._starts, view._ends, view._origins)


def _folded(text: str) -> View | None:
    """The view with each character in its plainest form; None if that is `text` itself."""
    if text.isascii() and text.isprintable():
        return None
    folds = {character: plain for character in set(text) if (plain := _fold(character)) != character}
    if not folds:
        return None
    if all(len(plain) == 1 for plain in folds.values()):
        return View(text.translate({ord(character): plain for character, plain in folds.items()}))
    pattern = re.compile("[" + "".join(map(re.escape, folds)) + "]")
    return _viewed(text, pattern, lambda found: folds[found.group()])


@lru_cache(maxsize=20_000)
def _fold(character: str) -> str:
    if character in _KEPT_CONTROLS:
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Mn", "Me") or character in _FILLERS:
        return ""
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    if category in ("Zs", "Zl", "Zp"):
        return " " if category == "Zs" else "\n"
    if category == "Pd" or character == "\u2212":
        return "-"
    if character in "。｡․":
        return "."
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() and plain.strip() else character


def _unescaped(text: str) -> View | None:
    if _MAY_ESCAPE.search(text) is None:
        return None
    return _viewed(text, _ESCAPE, _decoded)


def _decoded(found: re.Match[str]) -> str | None:
    kind, value = found.lastgroup, found.group(found.lastgroup or 0)
    if kind == "low":
        pair = bytes.fromhex(found["high"] + value)
        return pair.decode("utf-16-be")
    if kind == "white":
        return {"t": "\t", "n": "\n"}.get(value, " ")
    if kind == "itself":
        return value
    if kind == "spelled":
        return "@" if value.lower() in ("at", "@") else "."
    if kind == "name":
        return _NAMED[value]
    if kind == "utf8":
        digits = re.sub(r"%(?:25)*+(?=[0-9a-fA-F]{2})", "", value)
        try:
            return bytes.fromhex(digits).decode()
        except ValueError:
            return None
    code = int(value, 10 if kind == "decimal" else 16)
    return chr(code) if code <= 0x10FFFF else None
