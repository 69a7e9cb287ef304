"""Parsed JSON as text again, with every number as it was, however deep it is."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError
from pydantic_core import to_json as core_to_json


def json_text(value: object) -> str:
    """Return `value` (parsed JSON) as JSON text on one line; NaN stays NaN."""
    try:
        return core_to_json(value, inf_nan_mode="constants").decode()
    except PydanticSerializationError:  # a lone surrogate, which JSON has an escape for
        return _escaped(value)
    except (RecursionError, ValueError):  # nested deeper than it goes
        return _escaped(value)


def pretty_json(value: object) -> str:
    """Return `value` as JSON text for people, on several lines; text as it is."""
    if type(value) is str:
        return value
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return json_text(value)


def _escaped(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return "".join(_pieces(value))


def _pieces(value: Any) -> list[str]:
    """The text in pieces, without recursion: what was read may be nested nearly as deep as Python goes."""
    pieces: list[str] = []
    waiting: list[Any] = [_Value(value)]
    while waiting:
        item = waiting.pop()
        if type(item) is str:  # punctuation and keys
            pieces.append(item)
            continue
        inner = item.value
        if type(inner) is dict:
            parts: list[Any] = ["{"]
            for key, child in inner.items():
                parts += [f"{json.dumps(key)}:", _Value(child), ","]
        elif type(inner) is list:
            parts = ["["]
            for child in inner:
                parts += [_Value(child), ","]
        else:
            pieces.append(json.dumps(inner))
            continue
        if len(parts) > 1:
            parts.pop()
        waiting += reversed([*parts, "}" if type(inner) is dict else "]"])
    return pieces


class _Value:
    """Something yet to be written; a text among it is no punctuation."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
