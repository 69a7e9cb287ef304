"""What each verb of the Momento store does, as a plan. Arguments are checked when a plan is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ...errors import ChatMemError, InvalidInputError, StoreError
from .. import paging
from ..arguments import checked_condition, checked_index, checked_session_id, checked_text, checked_ttl
from ..paging import Cursor
from ..plans import Plan, Send, ask
from ..protocol import NewRecords, SessionSummary
from .appends import TOGETHER, Append, Appends
from .commands import Command, ListLength, Push
from .edits import Edits
from .limits import Limits
from .session_index import NameCursor, SessionIndex, as_time
from .session_list import SUMMARY_COMMANDS, SessionList, first_pages, lengths, summary, summary_commands


class MomentoPlans:
    """The plans of a store; `index` is None for one that keeps no index."""

    first_batch = TOGETHER
    summary_batch = TOGETHER

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
        self._appends = Appends(index)
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

    def lengths(self, session_ids: Sequence[str]) -> Plan[list[int]]:
        return lengths([self._key(session_id) for session_id in session_ids])

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
        return TOGETHER

    # writing

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        return self._appends.append(self._planned(session_id, records))

    def append_many(self, sessions: Sequence[tuple[str, Sequence[str]]]) -> Plan[list[int | ChatMemError]]:
        planned: list[Append | ChatMemError] = []
        for session_id, records in sessions:
            try:
                planned.append(self._planned(session_id, records))
            except InvalidInputError as error:
                planned.append(error)
        return self._appends.append_many(planned)

    def _planned(self, session_id: str, records: Sequence[str]) -> Append:
        key, values = self._key(session_id), self._limits.encode(records)
        parts = self._limits.split(values) if values else []
        pushes = [Push(key, part, self._ttl_ms) for part in parts]
        return Append(session_id, key, pushes, is_new=isinstance(records, NewRecords))

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
            yield Send([self._index.written([session_id], ttl_ms)])
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
