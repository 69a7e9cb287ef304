"""JSON text to values and back: on one line with every number as it was, or indented within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json
from pydantic_core import to_json as core_to_json

LAYOUT_LIMIT: Final = 400_000
"""Characters of indented JSON; what would take more stays on one line."""
INDENTED_LEVELS: Final = 50
"""Levels that are indented; deeper ones stay on the line: 1 MB nested 900 deep would become 1 GB."""
_INDENT: Final = "  "
_READABLE: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
_ASCII: Final = json.JSONEncoder(default=str).encode


_ENCODE: Final = partial(core_to_json, inf_nan_mode="constants")


def parse_json(text: str) -> Any:
    """Return the value of JSON `text`, with every number as it is written.

    Raises: ValueError; RecursionError, if it is nested too deeply.
    """
    try:
        return from_json(text, cache_strings="keys")  # texts of a chat seldom come twice
    except (ValueError, TypeError):  # lone surrogates (a TypeError if not escaped), very long integers
        return json.loads(text)


def json_text(value: object) -> str:
    """Return `value` (parsed JSON) as JSON text on one line; NaN stays NaN."""
    try:
        return _ENCODE(value).decode()
    except PydanticSerializationError:  # a lone surrogate, which JSON has an escape for
        return _escaped(value)
    except (RecursionError, ValueError):  # nested deeper than pydantic_core goes
        return _escaped(value)


def json_texts(values: Iterable[object]) -> list[str | None]:
    """Return `json_text` of each value, None for None."""
    found = list(values)
    try:
        return [None if value is None else _ENCODE(value).decode() for value in found]
    except (PydanticSerializationError, RecursionError, ValueError):
        return [None if value is None else json_text(value) for value in found]


def pretty_json(value: object, limit: int = LAYOUT_LIMIT) -> str:
    """Return `value` as JSON text for people: indented if that takes at most `limit` characters, else on
    one line. A string is returned unchanged."""
    if type(value) is str:
        return value
    text, is_whole = _start(value, limit, pretty=True)
    return text if is_whole else json_text(value)


def pretty_start(value: object, limit: int) -> str:
    """Return the first `limit` characters of `value` as indented JSON, with an ellipsis if there are more.

    Takes no longer than those characters do, however large `value` is.
    """
    text, is_whole = _start(value, limit, pretty=True)
    return text if is_whole else text[:limit] + "…"


def line_start(value: object, limit: int) -> str:
    """Return the first `limit` characters of `value` as JSON on one line, with an ellipsis if longer."""
    text, is_whole = _start(value, limit, pretty=False)
    return text if is_whole else text[:limit] + "…"


def indented(text: str, limit: int) -> str | None:
    """Return JSON text indented; None if it is not JSON, or would take more than `limit` characters."""
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return None
    laid_out, is_whole = _start(value, limit, pretty=True)
    return laid_out if is_whole else None


def _escaped(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return "".join(_pieces(value, pretty=False))


def _start(value: object, limit: int, *, pretty: bool) -> tuple[str, bool]:
    """The text of `value` up to the part that exceeds `limit`, and whether that is all of it."""
    pieces: list[str] = []
    length = 0
    for piece in _pieces(value, pretty=pretty):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            return "".join(pieces), False
    return "".join(pieces), True


def _pieces(value: Any, *, pretty: bool) -> Iterator[str]:
    """Yield the text in parts. No recursion: parsed JSON may be nested nearly as deep as Python goes."""
    open_containers: list[tuple[Iterator[Any], str]] = []
    yield from _opened(value, open_containers, pretty)
    first = True
    while open_containers:
        items, closing = open_containers[-1]
        depth = len(open_containers)
        item = next(items, _END)
        if item is _END:
            open_containers.pop()
            yield closing if first else _line(depth - 1, depth, pretty) + closing
            first = False
            continue
        yield ("" if first else ",") + _line(depth, depth, pretty)
        if closing == "}":
            key, item = item
            yield _leaf(str(key), pretty) + (": " if pretty else ":")
        yield from _opened(item, open_containers, pretty)
        first = len(open_containers) > depth


_END: Final[Any] = object()


def _opened(value: Any, open_containers: list[tuple[Iterator[Any], str]], pretty: bool) -> Iterator[str]:
    if isinstance(value, dict):
        open_containers.append((iter(value.items()), "}"))
        yield "{"
    elif isinstance(value, (list, tuple)):
        open_containers.append((iter(value), "]"))
        yield "["
    else:
        yield _leaf(value, pretty)


def _line(indent: int, depth: int, pretty: bool) -> str:
    """The separator before an item, or before the end, of a container at `depth`."""
    return "\n" + _INDENT * indent if pretty and depth <= INDENTED_LEVELS else ""


def _leaf(value: object, readable: bool) -> str:
    return (_READABLE if readable else _ASCII)(value)
