"""The text of records to `StoredMessage`: tolerant of whatever is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any, Final

from langchain_core.messages import BaseMessage
from pydantic_core import from_json

from ..errors import RecordError
from ..json_text import parse_json
from .encoding import json_reason, to_json
from .javascript import message_of
from .message_types import MESSAGE_CLASSES, build_message, json_type, shape_error

_LONGEST_REASON = 500
_STORED_AT: Final = re.compile(r'"stored_at"\s*:\s*"([^"\\]{10,40})"\s*\}\s*$')
_SYSTEM: Final = re.compile(r'\s*\{\s*"type"\s*:\s*"system"')


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One record of a session, readable or not.

    `index` counts from the oldest record, 0. `raw` is the text exactly as stored. Where the record cannot
    be read, `error` says why, and `type` and `data` hold what could be told, or None. `record_id` and
    `stored_at` (UTC) are None for records that something else wrote.

    >>> history = UpstashRedisChatMessageHistory.from_store(store, "one-broken-record")
    >>> [(record.index, record.type, record.error is None) for record in history.records()][:2]
    [(0, 'human', True), (1, None, False)]
    """

    index: int
    raw: str
    type: str | None
    data: dict[str, Any] | None
    error: str | None = None
    record_id: str | None = None
    stored_at: datetime | None = None

    @property
    def message(self) -> BaseMessage:
        """The message, built anew at each access.

        Raises: RecordError, with `index`, `reason` and `field`, and without the chat's words.
        """
        if self.error is not None or self.type is None or self.data is None:
            raise RecordError(self.error or "no data", index=self.index)
        return build_message(self.type, dict(self.data), self.index)


def parse(raw: str, index: int = 0) -> StoredMessage:
    """Return the record that the text `raw` holds. Never raises: what is wrong stands in `error`."""
    try:
        value = parse_json(raw)
    except (ValueError, RecursionError) as exc:
        return StoredMessage(index, raw, None, None, f"not JSON: {json_reason(exc)}")
    if type(value) is not dict:
        return StoredMessage(index, raw, None, None, f"a JSON {json_type(value)}, not an object")
    (kind, data), record_id = message_of(value), value.get("record_id")
    if kind is None and type(reason := value.get("unreadable")) is str:
        return StoredMessage(index, raw, None, None, reason[:_LONGEST_REASON])
    return StoredMessage(
        index,
        raw,
        kind if type(kind) is str else None,
        data if type(data) is dict else None,
        shape_error(kind, data),
        record_id if type(record_id) is str else None,
        timestamp(value.get("stored_at")),
    )


def unreadable_text(reason: str) -> str:
    """Return the text of a record in the place of one that its source cannot read; `parse` gives `reason`."""
    return to_json({"unreadable": reason})


def unreadable_reason(raw: str) -> str | None:
    """Return the reason that `unreadable_text` was given; None if `raw` is another record."""
    return parse(raw).error if raw.startswith('{"unreadable":') else None


def parse_start(raw: str) -> StoredMessage:
    """Return the record that the text `raw` is the start of, as far as it goes. Never raises."""
    record = parse(raw)
    if record.error is None:
        return record
    try:
        value = from_json(raw, allow_partial="trailing-strings")
    except (ValueError, TypeError):  # no JSON; a lone surrogate
        return record
    kind, data = message_of(value) if type(value) is dict else (None, None)
    if type(kind) is not str or type(data) is not dict or "content" not in data:
        return record
    return StoredMessage(0, raw, kind, data, None)


def stored_at(end: str) -> datetime | None:
    """Return when the record was stored of which the text `end` is the end; None if it does not say."""
    found = _STORED_AT.search(end)
    return timestamp(found[1]) if found else None


def is_system(raw: str) -> bool:
    """Whether the record `raw` is a system message, by its first key; it is not parsed."""
    return _SYSTEM.match(raw) is not None


def parse_all(raws: Iterable[str], start: int = 0) -> list[StoredMessage]:
    """Return `parse` of each text, with indexes that count from `start`."""
    return [parse(raw, index) for index, raw in enumerate(raws, start)]


@dataclass(slots=True)
class RecordFields:
    """The fields of many records, a list for each: what `parse_all` says, in less time and memory."""

    types: list[str | None]
    datas: list[dict[str, Any] | None]
    errors: list[str | None]
    stamps: list[object]
    """When each was stored: a datetime, or as it says so; see `timestamp`."""
    size: int = 0
    """Bytes that they were made of, where no text of them is kept."""

    def extend(self, other: RecordFields) -> None:
        """Add the fields of other records."""
        self.types += other.types
        self.datas += other.datas
        self.errors += other.errors
        self.stamps += other.stamps
        self.size += other.size

    @property
    def times(self) -> list[datetime | None]:
        """When each was stored (UTC)."""
        return [timestamp(stamp) for stamp in self.stamps]


# Strings that come again (ids of models, roles) are made once; a cache for each call would be empty.
_PARSE: Final = partial(from_json, cache_strings="keys")
_THREE: Final = itemgetter("type", "data", "stored_at")
_TWO: Final = itemgetter("type", "data")


def parse_fields(raws: Sequence[str]) -> RecordFields:
    """Return the fields of the records that `raws` hold. Never raises: what is wrong stands in `errors`."""
    try:
        values = list(map(_PARSE, raws))
        fields = _uniform_fields(values)
    except (ValueError, TypeError, KeyError):  # a record of another shape is among them
        return _mixed_fields(raws)
    return fields if fields is not None else _mixed_fields(raws)


def _uniform_fields(values: Sequence[Any]) -> RecordFields | None:
    """The fields of records that all have a known type and data; None if some have not.

    Raises: TypeError, KeyError for values that are not records.
    """
    stamps: Sequence[object]
    try:
        types, datas, stamps = zip(*map(_THREE, values), strict=True)
    except KeyError:  # as langchain_community writes them
        types, datas = zip(*map(_TWO, values), strict=True)
        stamps = [value.get("stored_at") for value in values]
    if not MESSAGE_CLASSES.keys() >= set(types) or set(map(type, datas)) != {dict}:
        return None
    return RecordFields(list(types), list(datas), shape_errors(types, datas), list(stamps))


_PLAIN: Final = frozenset({"human", "system"})


def shape_errors(types: Sequence[str], datas: Sequence[dict[str, Any]]) -> list[str | None]:
    """Return `shape_error` of each, in less time."""
    return [
        None if kind in _PLAIN and type(data.get("content")) is str else shape_error(kind, data)
        for kind, data in zip(types, datas, strict=True)
    ]


def _mixed_fields(raws: Iterable[str]) -> RecordFields:
    types: list[str | None] = []
    datas: list[dict[str, Any] | None] = []
    errors: list[str | None] = []
    stamps: list[object] = []
    for raw in raws:
        try:
            value = _PARSE(raw)
            kind, data, stamp = value["type"], value["data"], value.get("stored_at")
            if type(data) is not dict or kind not in MESSAGE_CLASSES:
                raise TypeError
        except (ValueError, TypeError, KeyError, AttributeError):  # rare, and `parse` says what is wrong
            record = parse(raw)
            kind, data, error, stamp = record.type, record.data, record.error, record.stored_at
        else:
            error = shape_error(kind, data)
        types.append(kind)
        datas.append(data)
        errors.append(error)
        stamps.append(stamp)
    return RecordFields(types, datas, errors, stamps)


def timestamp(stamp: object) -> datetime | None:
    """Return the time (UTC) that `stored_at` of a record names; None if it names none that can be read."""
    if type(stamp) is not str:
        return stamp if isinstance(stamp, datetime) else None
    try:
        time = datetime.fromisoformat(stamp)
        if time.tzinfo is UTC:
            return time
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # another writer's idea of a time: the record is read without it
        return None
