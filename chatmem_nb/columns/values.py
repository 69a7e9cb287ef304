"""The values of each column, out of parsed records: no message object is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from zlib import crc32

from .. import content as of_message
from ..content import ROLES, langchain_calls, message_text
from ..json_text import json_text, json_texts
from ..plain_text import is_utf8
from ..records import StoredMessage, timestamp

Values = Sequence[Any]
STAMPS: Final = "stamps"
"""Beside the columns: when each record was stored, as the record says it."""
_NOTHING: dict[str, Any] = {}
_TEXT: Final = frozenset({str})
_TEXTS: Final = frozenset({str, type(None)})
_MISSING: Final = frozenset({type(None)})
_OBJECTS: Final = frozenset({dict, type(None)})


@dataclass(slots=True)
class Fields:
    """What columns are made of: a list for each field, a place for each record."""

    session_ids: Sequence[str | None]
    """May be empty where that column is not asked for."""
    indexes: Sequence[int]
    raws: Sequence[str]
    types: Sequence[str | None]
    datas: Sequence[dict[str, Any] | None]
    errors: Sequence[str | None]
    stamps: Sequence[object]
    """When each was stored: a datetime, or as the record says it."""

    @classmethod
    def of(cls, session_ids: Sequence[str | None], records: Sequence[StoredMessage]) -> Fields:
        """Return the fields of `records`."""
        return cls(
            session_ids,
            [record.index for record in records],
            [record.raw for record in records],
            [record.type for record in records],
            [record.data for record in records],
            [record.error for record in records],
            [record.stored_at for record in records],
        )

    @property
    def times(self) -> list[datetime | None]:
        """When each was stored (UTC)."""
        return [timestamp(stamp) for stamp in self.stamps]


def column_values(names: Iterable[str], fields: Fields) -> dict[str, Values]:
    """Return the values of the columns `names` (or STAMPS), None where a record has none."""
    datas = _Datas(fields.types, fields.datas)
    found: dict[str, Values] = {}
    for name in names:
        if name in _FIELDS:
            found[name] = getattr(fields, _FIELDS[name])
        elif name == "checksum":
            found[name] = checksums(fields.raws)
        elif name in _USAGE_PLACES:
            found[name] = datas.counts[_USAGE_PLACES[name]]
        else:
            found[name] = _OF_DATA[name](datas)
    return found


class _Datas:
    """The data of many records; what a column needs of them is looked up once, for all of them.

    Most records are alike: whether all values of a key are of the type that they usually have takes one pass
    without a step in Python for each, and a step for each is taken only if they are not.
    """

    def __init__(self, types: Sequence[str | None], datas: Sequence[dict[str, Any] | None]) -> None:
        self.types = types
        self.each = [data or _NOTHING for data in datas]
        self._found: dict[str, Values] = {}

    def of(self, key: str) -> Values:
        """Return the value of `key` in each, None where it is missing."""
        if key not in self._found:
            self._found[key] = [data.get(key) for data in self.each]
        return self._found[key]

    @cached_property
    def counts(self) -> Sequence[Values]:
        """The tokens of each: a list for each field of a Usage."""
        usages, metadatas = self.of("usage_metadata"), self.of("response_metadata")
        if not any(usages) and not any(metadatas):
            return [[None] * len(self.each)] * len(of_message.NO_USAGE)
        given = enumerate(zip(usages, metadatas, strict=True))
        found = [of_message.NO_USAGE] * len(self.each)
        for place in [place for place, (used, said) in given if used or said]:
            found[place] = of_message.usage(self.each[place])
        return list(zip(*found, strict=True))

    def metadata_texts(self, key: str, otherwise: Callable[[dict[str, Any]], str | None]) -> Values:
        """Return the text of `key` in the response metadata of each; else what `otherwise` says of it."""
        metadatas = self.of("response_metadata")
        if not any(metadatas):
            return [None] * len(self.each)
        return [
            None
            if not metadata
            else text
            if type(metadata) is dict and type(text := metadata.get(key)) is str and text
            else otherwise(data)
            for metadata, data in zip(metadatas, self.each, strict=True)
        ]


def checksum(raw: str) -> int:
    """Return a number that changes when `raw` is edited: the CRC-32 of it as a frame has it."""
    return crc32(raw.encode("utf-8", "backslashreplace"))


def checksums(raws: Sequence[str]) -> list[int]:
    """Return the `checksum` of each of `raws`."""
    try:
        return list(map(crc32, map(str.encode, raws)))
    except UnicodeEncodeError:  # a lone surrogate
        return list(map(checksum, raws))


def _texts(key: str) -> Callable[[_Datas], Values]:
    def column(datas: _Datas) -> Values:
        values = datas.of(key)
        if _TEXTS.issuperset(map(type, values)):
            return values
        return [value if value is None or type(value) is str else json_text(value) for value in values]

    return column


def _jsons(key: str, *, filled: bool = False) -> Callable[[_Datas], Values]:
    """The values of `key` as JSON text; with `filled`, of objects that every message has, and most have
    empty."""

    def column(datas: _Datas) -> Values:
        values = datas.of(key)
        if not any(values) and (_OBJECTS if filled else _MISSING).issuperset(map(type, values)):
            return [None] * len(values)
        if filled:
            values = [None if value == {} else value for value in values]
        return json_texts(values)

    return column


def _content(datas: _Datas) -> Values:
    contents = datas.of("content")
    if _TEXT.issuperset(map(type, contents)):
        return contents
    return [
        content if type(content) is str else message_text(kind, data)
        for kind, content, data in zip(datas.types, contents, datas.each, strict=True)
    ]


def _content_json(datas: _Datas) -> Values:
    contents = datas.of("content")
    if _TEXT.issuperset(map(type, contents)) and all(map(str.isascii, contents)):
        return [None] * len(contents)
    return [
        None
        if content is None or (type(content) is str and (content.isascii() or is_utf8(content)))
        else json_text(content)
        for content in contents
    ]


def _roles(datas: _Datas) -> Values:
    return [
        ROLES[kind] if kind in ROLES else of_message.role(kind, data)
        for kind, data in zip(datas.types, datas.each, strict=True)
    ]


def _tool_calls(datas: _Datas) -> Values:
    calls, kwargs = datas.of("tool_calls"), datas.of("additional_kwargs")
    if not any(calls) and not any(kwargs):
        return [None] * len(calls)
    given = zip(calls, kwargs, datas.each, strict=True)
    return json_texts([langchain_calls(data) if called or kept else None for called, kept, data in given])


# The places of these in a Usage.
_USAGE_PLACES = {
    "input_tokens": 0,
    "output_tokens": 1,
    "total_tokens": 2,
    "cached_tokens": 3,
    "reasoning_tokens": 4,
}
_FIELDS = {
    "session_id": "session_ids",
    "index": "indexes",
    "type": "types",
    "stored_at": "times",
    STAMPS: "stamps",
    "raw": "raws",
    "error": "errors",
}
_OF_DATA: dict[str, Callable[[_Datas], Values]] = {
    "role": _roles,
    "content": _content,
    "name": _texts("name"),
    "id": _texts("id"),
    "tool_calls": _tool_calls,
    "tool_call_id": _texts("tool_call_id"),
    "status": _texts("status"),
    "model": lambda datas: datas.metadata_texts("model_name", of_message.model),
    "finish_reason": lambda datas: datas.metadata_texts("finish_reason", of_message.finish_reason),
    "additional_kwargs": _jsons("additional_kwargs", filled=True),
    "response_metadata": _jsons("response_metadata", filled=True),
    "usage_metadata": _jsons("usage_metadata"),
    "artifact": _jsons("artifact"),
    "content_json": _content_json,
}
