"""The values of each column, out of parsed records: no message object is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from .. import content as of_message
from ..content import langchain_calls, message_text
from ..json_text import json_text
from ..plain_text import is_utf8
from ..records import StoredMessage, parse_fields

Values = list[Any]
_TOGETHER = 500
_NOTHING: dict[str, Any] = {}


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
    times: Sequence[datetime | None]

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

    @classmethod
    def parsed(cls, session_ids: Sequence[str | None], indexes: Sequence[int], raws: Sequence[str]) -> Fields:
        """Return the fields of the records that `raws` hold."""
        found = parse_fields(raws)
        return cls(session_ids, indexes, raws, found.types, found.datas, found.errors, found.times)


class Columns:
    """Columns that grow piece by piece; parsed records are let go as soon as their values are taken.

    Values are taken of several hundred records at once: one by one, short sessions would cost more in calls
    than in work, and all at once, parsed records that live long would cost the garbage collector.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._values: dict[str, Values] = {name: [] for name in names}
        self._session_ids: list[str | None] = []
        self._records: list[StoredMessage] = []
        self._indexes: list[int] = []
        self._raws: list[str] = []

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        """Take the values of `records` of one session."""
        self._session_ids += [session_id] * len(records)
        self._records += records
        if len(self._records) >= _TOGETHER:
            self._take()

    def add_raw(self, session_id: str, start: int, raws: Sequence[str]) -> None:
        """Take the values of the records of `raws`, from index `start` on; not to be mixed with `add`."""
        for first in range(0, len(raws), _TOGETHER):
            piece = raws[first : first + _TOGETHER]
            self._session_ids += [session_id] * len(piece)
            self._indexes += range(start + first, start + first + len(piece))
            self._raws += piece
            if len(self._raws) >= _TOGETHER:
                self._take()

    def _take(self) -> None:
        if self._records:
            fields = Fields.of(self._session_ids, self._records)
        else:
            fields = Fields.parsed(self._session_ids, self._indexes, self._raws)
        for name, values in column_values(list(self._values), fields).items():
            self._values[name] += values
        self._session_ids, self._records, self._indexes, self._raws = [], [], [], []

    @property
    def values(self) -> dict[str, Values]:
        """All that was taken, by column."""
        self._take()
        return self._values


def column_values(names: Iterable[str], fields: Fields) -> dict[str, Values]:
    """Return the values of the columns `names`, None where a record has none."""
    datas = [data or _NOTHING for data in fields.datas]
    counts: list[of_message.Usage] | None = None
    found: dict[str, Values] = {}
    for name in names:
        if name in _FIELDS:
            found[name] = list(getattr(fields, _FIELDS[name]))
        elif name == "checksum":
            found[name] = [checksum(raw) for raw in fields.raws]
        elif name in _COUNTS:
            if counts is None:
                counts = [of_message.usage(data) for data in datas]
            found[name] = [count[_COUNTS[name]] for count in counts]
        elif name in _OF_TYPE:
            found[name] = _OF_TYPE[name](fields.types, datas)
        else:
            found[name] = _OF_DATA[name](datas)
    return found


def checksum(raw: str) -> int:
    """Return a number that changes when `raw` is edited: the CRC-32 of it as a frame has it."""
    return crc32(raw.encode("utf-8", "backslashreplace"))


def _text(key: str) -> Callable[[list[dict[str, Any]]], Values]:
    return lambda datas: [
        value if (value := data.get(key)) is None or type(value) is str else json_text(value)
        for data in datas
    ]


def _json(key: str) -> Callable[[list[dict[str, Any]]], Values]:
    return lambda datas: [None if (value := data.get(key)) is None else json_text(value) for data in datas]


def _filled_json(key: str) -> Callable[[list[dict[str, Any]]], Values]:
    """Of objects that every message has, and most have empty."""
    return lambda datas: [
        None if (value := data.get(key)) is None or value == {} else json_text(value) for data in datas
    ]


def _content(types: Sequence[str | None], datas: list[dict[str, Any]]) -> Values:
    return [
        content if type(content := data.get("content")) is str else message_text(kind, data)
        for kind, data in zip(types, datas, strict=True)
    ]


def _content_json(datas: list[dict[str, Any]]) -> Values:
    return [
        None
        if (content := data.get("content")) is None
        or (type(content) is str and (content.isascii() or is_utf8(content)))
        else json_text(content)
        for data in datas
    ]


def _roles(types: Sequence[str | None], datas: list[dict[str, Any]]) -> Values:
    return [of_message.role(kind, data) for kind, data in zip(types, datas, strict=True)]


def _tool_calls(datas: list[dict[str, Any]]) -> Values:
    return [json_text(calls) if (calls := langchain_calls(data)) else None for data in datas]


# The places of these in a Usage.
_COUNTS = {
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
    "raw": "raws",
    "error": "errors",
}
_OF_TYPE: dict[str, Callable[[Sequence[str | None], list[dict[str, Any]]], Values]] = {
    "role": _roles,
    "content": _content,
}
_OF_DATA: dict[str, Callable[[list[dict[str, Any]]], Values]] = {
    "name": _text("name"),
    "id": _text("id"),
    "tool_calls": _tool_calls,
    "tool_call_id": _text("tool_call_id"),
    "status": _text("status"),
    "model": lambda datas: [of_message.model(data) for data in datas],
    "finish_reason": lambda datas: [of_message.finish_reason(data) for data in datas],
    "additional_kwargs": _filled_json("additional_kwargs"),
    "response_metadata": _filled_json("response_metadata"),
    "usage_metadata": _json("usage_metadata"),
    "artifact": _json("artifact"),
    "content_json": _content_json,
}
