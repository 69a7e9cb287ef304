"""What each verb of the Momento store does, as a plan. Arguments are checked when a plan is asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ...errors import ChatMemError, InvalidInputError, StoreError
from .. import paging
from ..paging import Cursor
from ..protocol import (
    NewRecords,
    SessionSummary,
    checked_condition,
    checked_index,
    checked_session_id,
    checked_text,
    checked_ttl,
)
from ..runner import Plan, Send, ask
from .commands import Command, ListLength, Push
from .edits import Edits
from .push import Before, Limits, push_parts, push_together
from .session_index import NameCursor, SessionIndex, as_time
from .session_list import SUMMARY_COMMANDS, SessionList, first_pages, summary, summary_commands

_TOGETHER = 25
"""How many sessions are requested at the same time."""
_SLOW_S = 0.1
"""A push that took longer, or was retried, may have overlapped a removal of its name."""


@dataclass(frozen=True, slots=True)
class _Append:
    """What is to be appended to one session."""

    session_id: str
    pushes: Sequence[Push]
    is_new: bool


class MomentoPlans:
    """The plans of a store; `index` is None for one that keeps no index."""

    first_batch = _TOGETHER
    summary_batch = _TOGETHER

    def __init__(
        self,
        limits: Limits,
        index: SessionIndex | None,
        *,
        key_prefix: str,
        ttl_ms: int | None,
        slices: bool,
    ) -> None:
        self._limits = limits
        self._index = index
        self._prefix = key_prefix
        self._ttl_ms = ttl_ms
        self._slices = slices
        self._edits = Edits(limits, slices=slices)

    # reading

    def session_ids(
        self, match: str | None, cursor: NameCursor | None
    ) -> Plan[tuple[list[str], NameCursor | None]]:
        if self._index is None:
            raise InvalidInputError(
                "this store keeps no index of its sessions, and Momento cannot list keys; "
                "make it with index=True, or open sessions by their ids"
            )
        pattern = None if match is None else checked_text(match, "match")
        return _listed(self._index, cursor or NameCursor(pattern))

    def summaries(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        keys = [self._key(session_id) for session_id in session_ids]
        return self._summaries(session_ids, keys)

    def previews(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        keys = [self._key(session_id) for session_id in session_ids]
        return self._summaries(session_ids, keys, oldest=2)

    def _summaries(
        self, session_ids: Sequence[str], keys: Sequence[bytes], *, oldest: int = 1
    ) -> Plan[list[SessionSummary]]:
        requests: list[Command] = [command for key in keys for command in summary_commands(key, oldest)]
        if self._index is not None:
            requests.append(self._index.last_writes(session_ids))
        outcomes = yield Send(requests, new_deadline=True, return_errors=True)
        scores = outcomes.pop() if self._index is not None else []
        if isinstance(scores, StoreError):
            raise scores
        scores = scores or [None] * len(keys)
        return [
            summary(session_id, outcomes[at : at + SUMMARY_COMMANDS], as_time(score))
            for session_id, score, at in zip(
                session_ids, scores, range(0, len(outcomes), SUMMARY_COMMANDS), strict=True
            )
        ]

    def length(self, session_id: str) -> Plan[int]:
        return ask(ListLength(self._key(session_id)))

    def read(self, session_id: str, start: int, stop: int | None) -> Plan[list[str]]:
        session = SessionList(self._key(session_id), slices=self._slices)
        end = None if stop is None else checked_index(stop, "stop")
        return self._read(session_id, session, checked_index(start, "start"), end)

    def _read(self, session_id: str, session: SessionList, start: int, stop: int | None) -> Plan[list[str]]:
        records = yield from paging.read(session, start, stop)
        if records and self._index is not None:
            yield from self._index.heal([session_id])
        return records

    def first_pages(self, session_ids: Sequence[str]) -> Plan[list[tuple[list[str], Cursor | None]]]:
        keys = [self._key(session_id) for session_id in session_ids]
        return self._first_pages(session_ids, keys)

    def _first_pages(
        self, session_ids: Sequence[str], keys: Sequence[bytes]
    ) -> Plan[list[tuple[list[str], Cursor | None]]]:
        pages = yield from first_pages(keys, slices=self._slices)
        if self._index is not None:
            yield from self._index.heal(
                session_id for session_id, (records, _) in zip(session_ids, pages, strict=True) if records
            )
        return pages

    def next_page(self, session_id: str, cursor: Cursor) -> Plan[tuple[list[str], Cursor | None]]:
        return paging.next_page(SessionList(self._key(session_id), slices=self._slices), cursor)

    def next_batch(self, size: int, pages: Sequence[tuple[list[str], Cursor | None]]) -> int:
        return _TOGETHER

    # writing

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        if not values:
            return ask(ListLength(key))
        pushes = [Push(key, part, self._ttl_ms) for part in self._limits.split(values)]
        return self._append(session_id, pushes, new=isinstance(records, NewRecords))

    def _append(self, session_id: str, pushes: Sequence[Push], *, new: bool) -> Plan[int]:
        """Send the name before the records, in one round trip: a list without a name is not listed."""
        before = None if new else Before((yield from ask(ListLength(pushes[0].key))))
        name = None if self._index is None else self._index.written(session_id, self._ttl_ms)
        started = time.monotonic()
        pushed, outcome = yield from push_parts(pushes, before, name)
        if self._index is not None and name is not None:
            slow = pushed[0].start == 0 and time.monotonic() - started > _SLOW_S
            if slow or isinstance(outcome, StoreError):
                yield from self._index.put(name)
            else:
                self._index.remember(session_id)
        # Not `pushed[-1].length`: after a lost response it counts what others have appended since.
        return pushed[-1].start + len(pushes[-1].values)

    def append_many(self, sessions: Sequence[tuple[str, Sequence[str]]]) -> Plan[list[int | ChatMemError]]:
        planned: list[_Append | ChatMemError] = []
        for session_id, records in sessions:
            key, is_new = self._key(session_id), isinstance(records, NewRecords)
            try:
                parts = self._limits.split(self._limits.encode(records))
            except InvalidInputError as error:
                planned.append(error)
            else:
                planned.append(_Append(session_id, [Push(key, part, self._ttl_ms) for part in parts], is_new))
        return self._append_many(planned)

    def _append_many(self, planned: Sequence[_Append | ChatMemError]) -> Plan[list[int | ChatMemError]]:
        outcomes = [one if isinstance(one, ChatMemError) else 0 for one in planned]
        places = [place for place, one in enumerate(planned) if isinstance(one, _Append)]
        for start in range(0, len(places), _TOGETHER):
            group = places[start : start + _TOGETHER]
            appends = [one for place in group if isinstance(one := planned[place], _Append)]
            found = yield from self._append_together(appends)
            for place, outcome in zip(group, found, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _append_together(self, appends: Sequence[_Append]) -> Plan[list[int | ChatMemError]]:
        """Put the names of these sessions by one request, and then push to all of them at the same time."""
        together = [one for one in appends if len(one.pushes) == 1 and one.pushes[0].values]
        found: dict[str, int | ChatMemError] = {}
        if together:
            found = yield from self._pushed_together(together)
        for one in appends:
            if one.session_id not in found:
                try:
                    found[one.session_id] = yield from self._append_alone(one)
                except StoreError as error:
                    found[one.session_id] = error
        return [found[one.session_id] for one in appends]

    def _append_alone(self, one: _Append) -> Plan[int]:
        if not one.pushes[0].values:
            return int((yield from ask(ListLength(one.pushes[0].key), new_deadline=True)))
        return (yield from self._append(one.session_id, one.pushes, new=one.is_new))

    def _pushed_together(self, appends: Sequence[_Append]) -> Plan[dict[str, int | ChatMemError]]:
        session_ids = [one.session_id for one in appends]
        asked = [one for one in appends if not one.is_new]
        requests: list[Command] = [ListLength(one.pushes[0].key) for one in asked]
        if self._index is not None:
            requests.append(self._index.written_many(session_ids))
        outcomes = (yield Send(requests, new_deadline=True, return_errors=True)) if requests else []
        is_named = self._index is None or not isinstance(outcomes[-1], StoreError)
        lengths = dict(zip((one.session_id for one in asked), outcomes, strict=False))
        found: dict[str, int | ChatMemError] = {
            session_id: error for session_id, error in lengths.items() if isinstance(error, StoreError)
        }
        ready = [one for one in appends if one.session_id not in found]
        pushes = [(one.pushes[0], None if one.is_new else Before(lengths[one.session_id])) for one in ready]
        started = time.monotonic()
        landed = (yield from push_together(pushes)) if pushes else []
        is_slow = time.monotonic() - started > _SLOW_S
        doubtful = []
        for one, pushed in zip(ready, landed, strict=True):
            if isinstance(pushed, StoreError):
                found[one.session_id] = pushed
                continue
            found[one.session_id] = pushed.start + len(one.pushes[0].values)
            if not is_named or (is_slow and pushed.start == 0):
                doubtful.append(one.session_id)
            elif self._index is not None:
                self._index.remember(one.session_id)
        if self._index is not None and doubtful:
            yield from self._index.put_many(doubtful)
        return found

    def insert(self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        place, ttl_ms = checked_index(index), self._ttl_of(ttl)
        if not values:
            return ask(ListLength(key))
        return self._named(session_id, key, ttl_ms, self._edits.insert(key, place, values, ttl_ms))

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        ttl_ms = self._ttl_of(ttl)
        if not values:
            return self._emptied(session_id)
        self._limits.check_item(values)
        return self._named(session_id, key, ttl_ms, self._edits.replace(key, values, ttl_ms))

    def _emptied(self, session_id: str) -> Plan[int]:
        yield from self.delete(session_id, None, None)
        return 0

    def _named(self, session_id: str, key: bytes, ttl_ms: int | None, edit: Plan[int]) -> Plan[int]:
        """Put the name, then run `edit`."""
        if self._index is not None:
            yield Send([self._index.written(session_id, ttl_ms)])
            self._index.remember(session_id)
        return (yield from edit)

    def delete(self, session_id: str, count: int | None, last: str | None) -> Plan[bool]:
        key, condition = self._key(session_id), checked_condition(count, last)
        return self._delete(session_id, key, condition)

    def _delete(self, session_id: str, key: bytes, condition: tuple[int, str] | None) -> Plan[bool]:
        if condition is None:
            existed = yield from self._edits.delete(key)
        else:
            existed = yield from self._edits.delete_oldest(key, *condition)
            if existed and (yield from ask(ListLength(key))):
                return True
        if self._index is not None:
            yield from self._index.remove([session_id])
        return existed

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]:
        key, place = self._key(session_id), checked_index(index)
        return self._edits.remove(key, place, checked_text(record, "record"))

    def _key(self, session_id: object) -> bytes:
        return (self._prefix + checked_session_id(session_id)).encode()

    def _ttl_of(self, ttl: timedelta | None) -> int | None:
        return self._ttl_ms if ttl is None else milliseconds(ttl)


def _listed(index: SessionIndex, cursor: NameCursor) -> Plan[tuple[list[str], NameCursor | None]]:
    names = yield from index.page(cursor)
    return names, cursor if cursor.left else None


def milliseconds(ttl: object) -> int | None:
    """Return a TTL as the service takes it; None for None. Raises: InvalidInputError."""
    checked = checked_ttl(ttl)
    return None if checked is None else checked // timedelta(milliseconds=1)
