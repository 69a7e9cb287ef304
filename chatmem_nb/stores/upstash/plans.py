"""What each verb of the store does: its arguments checked, and a plan for them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import SupportsIndex, TypeVar

from ...errors import InvalidInputError
from ..protocol import SessionSummary, checked_records, checked_session_id
from . import listing, plain, reading, writing
from .errors import UpstashEvalRefusedError
from .requests import Plan

T = TypeVar("T")


@dataclass(slots=True)
class Plans:
    """Plans for the sessions under one prefix. Arguments are checked when a plan is asked for."""

    key_prefix: str
    ttl: timedelta | None
    timeout_s: float
    max_request_bytes: int
    scripts: bool = True
    """Whether the server runs scripts, as far as is known."""

    def __post_init__(self) -> None:
        _checked_text(self.key_prefix, "key_prefix")
        if not isinstance(self.timeout_s, int | float) or not 0 < self.timeout_s < float("inf"):
            raise InvalidInputError("timeout_s must be a number of seconds above 0")
        if not isinstance(self.max_request_bytes, int) or self.max_request_bytes < 16_384:
            raise InvalidInputError("max_request_bytes must be a whole number, 16384 or more")
        _checked_ttl(self.ttl)

    @property
    def aside(self) -> str:
        """Prefix of keys for markers and staged parts: outside `key_prefix` where that is possible."""
        return "_chatmem_nb:" if "chatmem_nb:".startswith(self.key_prefix) else "chatmem_nb:"

    def scan(self, cursor: int, match: str | None) -> Plan[tuple[int, list[str]]]:
        if match is not None:
            _checked_text(match, "match")
        return listing.scan(cursor, self.key_prefix, match)

    def summaries(self, session_ids: Iterable[str]) -> Plan[list[SessionSummary]]:
        asked = list(checked_names(session_ids)), self.key_prefix
        return self._either(listing.summaries(*asked), plain.summaries(*asked))

    def length(self, session_id: str) -> Plan[int]:
        return reading.length(self._key(session_id))

    def read(self, session_id: str, start: int, stop: int | None) -> Plan[list[str]]:
        end = None if stop is None else _checked_index(stop)
        return reading.read(self._key(session_id), _checked_index(start), end)

    def first_pages(self, session_ids: list[str]) -> Plan[list[tuple[list[str], bool]]]:
        return reading.first_pages([self._key(session_id) for session_id in session_ids])

    def page_after(self, session_id: str, start: int, records: list[str]) -> Plan[tuple[list[str], bool]]:
        return reading.page(self._key(session_id), start, reading.next_size(records))

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        checked = checked_records(records)
        if not checked:
            return self.length(session_id)
        asked = self._change(session_id), checked, self.ttl
        return self._either(writing.append(*asked), plain.append(*asked))

    def insert(self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        checked = checked_records(records)
        if not checked:
            return self.length(session_id)
        return self._placed(session_id, checked, ttl, "insert", _checked_index(index))

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        return self._placed(session_id, checked_records(records), ttl, "replace", 0)

    def _placed(
        self, session_id: str, records: list[str], ttl: timedelta | None, mode: writing.Mode, index: int
    ) -> Plan[int]:
        asked = self._change(session_id), records, _checked_ttl(ttl) or self.ttl, mode, index
        return self._either(writing.place(*asked), plain.place(*asked))

    def delete(self, session_id: str) -> Plan[bool]:
        change = self._change(session_id)
        return self._either(writing.delete(change), plain.delete(change))

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]:
        [checked] = checked_records([record])
        change = self._change(session_id)
        writing.parts_of([checked], writing.room(change))
        asked = change, _checked_index(index), checked
        return self._either(writing.remove(*asked), plain.remove(*asked))

    def _either(self, scripted: Plan[T], without: Plan[T]) -> Plan[T]:
        """By one script; where the server refuses scripts, without, from now on."""
        if self.scripts:
            try:
                return (yield from scripted)
            except UpstashEvalRefusedError:
                self.scripts = False
        return (yield from without)

    def _key(self, session_id: str) -> str:
        return self.key_prefix + checked_session_id(session_id)

    def _change(self, session_id: str) -> writing.Change:
        return writing.Change.of(self._key(session_id), self.aside, self.timeout_s, self.max_request_bytes)


def checked_names(session_ids: Iterable[str]) -> Iterator[str]:
    """Yield each of `session_ids`, checked. Raises: InvalidInputError."""
    if isinstance(session_ids, str):
        raise InvalidInputError("session_ids must be a list of names, not one name")
    return map(checked_session_id, session_ids)


def _checked_text(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise InvalidInputError(f"{name} must be text, got {type(text).__name__}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as exc:
            raise InvalidInputError(f"{name} holds a lone surrogate at character {exc.start}") from None


def _checked_ttl(ttl: object) -> timedelta | None:
    if ttl is None or (isinstance(ttl, timedelta) and ttl > timedelta(0)):
        return ttl
    raise InvalidInputError("ttl must be a timedelta longer than zero, or None for no end")


def _checked_index(index: object) -> int:
    if isinstance(index, SupportsIndex):
        return operator.index(index)
    raise InvalidInputError(f"a position must be a whole number, got {type(index).__name__}")
