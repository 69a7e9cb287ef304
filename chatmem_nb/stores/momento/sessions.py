"""What each verb of the Momento store does, as a plan: lists, edits and the index together. No I/O."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...errors import InvalidInputError, RecordTooLargeError, WrongTypeError
from ..protocol import SessionSummary, checked_records, checked_session_id
from .edits import EditPlans
from .errors import MomentoError, MomentoMessageTooLargeError
from .exchange import Deadline, Exchange, Plan, known
from .index import IndexPlans, Listing, as_time
from .lists import ListPlans, Pages, as_text
from .operations import FetchList, ListLength, Operation, RemainingLife
from .seen import Seen

_log = logging.getLogger(__name__)

_FIRST_RECORDS = 200
"""Records that `read_many` asks of each of them at first."""
_ELEMENT_OVERHEAD = 6
"""Bytes that the wire format adds to an element, at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent."""

    element_bytes: int
    request_bytes: int

    def encode(self, records: Sequence[str]) -> list[bytes]:
        """Return `records` as elements.

        Raises: InvalidInputError, RecordTooLargeError, naming the first that cannot be stored.
        """
        values = []
        for position, record in enumerate(checked_records(records)):
            try:
                value = record.encode()
            except UnicodeEncodeError as exc:
                raise InvalidInputError(
                    f"record {position} holds a lone surrogate at character {exc.start}, which cannot be sent"
                ) from None
            largest = min(self.element_bytes, self.request_bytes)
            if len(value) > largest:
                raise RecordTooLargeError(
                    f"record {position} has {len(value):,} bytes, and Momento takes {largest:,}; "
                    "shorten it, or store what is large elsewhere and its address here"
                )
            values.append(value)
        return values

    def split(self, values: Sequence[bytes]) -> list[list[bytes]]:
        """Return `values` in parts, each of which one request takes."""
        parts: list[list[bytes]] = []
        free = 0
        for value in values:
            size = len(value) + _ELEMENT_OVERHEAD
            if size > free or not parts:
                parts.append([])
                free = self.request_bytes
            parts[-1].append(value)
            free -= size
        return parts


class SessionPlans:
    """The verbs of a store."""

    def __init__(
        self,
        exchange: Exchange,
        seen: Seen,
        *,
        key_prefix: str,
        ttl_ms: int | None,
        index: IndexPlans | None,
        limits: Limits,
        timeout_s: float,
        slices: bool,
    ) -> None:
        self._exchange = exchange
        self._prefix = key_prefix
        self._ttl_ms = ttl_ms
        self._index = index
        self._limits = limits
        self._timeout_s = timeout_s
        self._lists = ListPlans(exchange, seen, slices=slices)
        self._edits = EditPlans(self._lists, limits.split)

    def listing(self, match: object) -> Listing:
        """Return a listing to be turned by `page`.

        Raises: InvalidInputError, where this store keeps no index.
        """
        if self._index is None:
            raise InvalidInputError(
                "this store keeps no index of its sessions, and Momento lists no keys; "
                "make it with index=True, or open sessions by their ids"
            )
        if match is not None and not isinstance(match, str):
            raise InvalidInputError(f"match must be a text with * and ?, or None, got {type(match).__name__}")
        return Listing(match)

    def page(self, listing: Listing) -> Plan[list[str]]:
        """Return the next ids."""
        if self._index is None:
            return []
        return (yield from self._index.page(listing, self._deadline()))

    def summaries(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        """Return a summary of each id; four requests each, and one for all, at the same time."""
        keys = [self._key(session_id) for session_id in session_ids]
        operations: list[Operation[Any]] = []
        for key in keys:
            operations += [ListLength(key), FetchList(key, 0, 1), FetchList(key, -1), RemainingLife(key)]
        if self._index is not None:
            operations.append(self._index.last_writes(session_ids))
        answers = yield from self._exchange.ask_all(operations, self._deadline())
        scores = known(answers.pop()) if self._index is not None else []
        scores = scores or [None] * len(keys)
        return [
            _summary(session_id, answers[4 * at : 4 * at + 4], scores[at])
            for at, session_id in enumerate(session_ids)
        ]

    def length(self, session_id: str) -> Plan[int]:
        return self._lists.length(self._key(session_id), self._deadline())

    def read(self, session_id: str, start: int, stop: int | None) -> Plan[list[str]]:
        key, deadline = self._key(session_id), self._deadline()
        _check_index(start)
        _check_index(0 if stop is None else stop)
        return self._read(session_id, key, start, stop, deadline)

    def _read(
        self, session_id: str, key: bytes, start: int, stop: int | None, deadline: Deadline
    ) -> Plan[list[str]]:
        values = yield from self._lists.read(key, start, stop, deadline)
        if values:
            yield from self._keep(session_id, deadline)
        return [as_text(value) for value in values]

    def first_pages(self, session_ids: Sequence[str]) -> Plan[list[tuple[Pages, list[str]]]]:
        """Return the first page of each session, all asked for at the same time, and where each goes on."""
        keys = [self._key(session_id) for session_id in session_ids]
        deadline = self._deadline()
        if not self._lists.slices:
            return (yield from self._whole(session_ids))
        operations = [FetchList(key, 0, _FIRST_RECORDS) for key in keys]
        answers = yield from self._exchange.ask_all(operations, deadline)
        first = []
        for key, answer in zip(keys, answers, strict=True):
            pages = Pages(size=_FIRST_RECORDS)
            if isinstance(answer, MomentoMessageTooLargeError) and pages.shrink():
                values = yield from self._lists.page(key, pages, deadline)
            else:
                values = known(answer)
                pages.turn(values)
            first.append((pages, [as_text(value) for value in values]))
            deadline.renew()
        return first

    def _whole(self, session_ids: Sequence[str]) -> Plan[list[tuple[Pages, list[str]]]]:
        whole = []
        for session_id in session_ids:
            pages = Pages()
            records = yield from self.next_page(session_id, pages)
            whole.append((pages, records))
        return whole

    def next_page(self, session_id: str, pages: Pages) -> Plan[list[str]]:
        values = yield from self._lists.page(self._key(session_id), pages, self._deadline())
        return [as_text(value) for value in values]

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        deadline = self._deadline()
        if not values:
            return self._lists.length(key, deadline)
        return self._append(session_id, key, self._limits.split(values), deadline)

    def _append(self, session_id: str, key: bytes, parts: list[list[bytes]], deadline: Deadline) -> Plan[int]:
        """The name goes before the list, in one round trip: first on the wire, and not waited for.

        Should the process end between the two, a list without a name is listed once it is used again.
        """
        beside = None if self._index is None else self._index.written(session_id)
        length, answered = yield from self._lists.push(
            key, parts, deadline, ttl_ms=self._ttl_ms, beside=beside
        )
        if isinstance(answered, MomentoError):
            yield from self._renew_name(session_id, deadline)
        elif self._index is not None:
            self._index.remember(session_id)
        return length

    def insert(self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        _check_index(index)
        ttl_ms, deadline = self._life(ttl), self._deadline()
        if not values:
            return self._lists.length(key, deadline)
        return self._named(session_id, self._edits.insert(key, index, values, ttl_ms, deadline), deadline)

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        key, values = self._key(session_id), self._limits.encode(records)
        ttl_ms, deadline = self._life(ttl), self._deadline()
        if not values:
            return self._emptied(session_id)
        return self._named(session_id, self._edits.replace(key, values, ttl_ms, deadline), deadline)

    def _emptied(self, session_id: str) -> Plan[int]:
        yield from self.delete(session_id)
        return 0

    def _named(self, session_id: str, plan: Plan[int], deadline: Deadline) -> Plan[int]:
        """Do `plan` once the name is there."""
        if self._index is not None:
            yield from self._index.put(session_id, deadline)
        return (yield from plan)

    def delete(self, session_id: str) -> Plan[bool]:
        return self._delete(session_id, self._key(session_id), self._deadline())

    def _delete(self, session_id: str, key: bytes, deadline: Deadline) -> Plan[bool]:
        existed = yield from self._lists.delete(key, deadline)
        if self._index is not None:
            yield from self._index.forget(session_id, deadline)
        return existed

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]:
        key = self._key(session_id)
        _check_index(index)
        if not isinstance(record, str):
            raise InvalidInputError(f"record must be the text that was read, got {type(record).__name__}")
        return self._edits.remove(key, index, record, self._deadline())

    def _keep(self, session_id: str, deadline: Deadline) -> Plan[None]:
        """Have a session that is read here listed from now on, whoever wrote it."""
        if self._index is None or self._index.knows(session_id):
            return
        try:
            yield from self._index.keep(session_id, deadline)
        except MomentoError as exc:  # what was asked for is read; the next reading tries again
            _log.warning("session %r was read, but not put into the index: %s", session_id, exc)

    def _renew_name(self, session_id: str, deadline: Deadline) -> Plan[None]:
        """Put the name once more, after its records were stored and it was not."""
        if self._index is None:
            return
        try:
            yield from self._index.put(session_id, deadline)
        except MomentoError as exc:  # to raise would have the records stored twice
            _log.warning("session %r was written, but not put into the index: %s", session_id, exc)

    def _key(self, session_id: object) -> bytes:
        return (self._prefix + checked_session_id(session_id)).encode()

    def _life(self, ttl: timedelta | None) -> int | None:
        return self._ttl_ms if ttl is None else milliseconds(ttl)

    def _deadline(self) -> Deadline:
        return Deadline(self._timeout_s)


def milliseconds(ttl: object) -> int | None:
    """Return the life that the service is told; None for None.

    Raises: InvalidInputError, where it is no timedelta of a millisecond or more.
    """
    if ttl is None:
        return None
    if not isinstance(ttl, timedelta) or ttl < timedelta(milliseconds=1):
        raise InvalidInputError(f"ttl must be a timedelta above 0, or None, got {ttl!r:.60}")
    return ttl // timedelta(milliseconds=1)


def _check_index(index: object) -> None:
    if not isinstance(index, int) or isinstance(index, bool):
        raise InvalidInputError(f"an index must be a whole number, got {type(index).__name__}")


def _summary(session_id: str, answers: Sequence[Any], score: float | None) -> SessionSummary:
    if any(isinstance(answer, WrongTypeError) for answer in answers):  # something of this key, but no session
        return SessionSummary(session_id, 0)
    length, first, last, life = map(known, answers)
    if not length:
        return SessionSummary(session_id, 0)
    return SessionSummary(
        session_id,
        length,
        None if life is None else timedelta(milliseconds=life),
        as_text(first[0]) if first else None,
        as_text(last[-1]) if last else None,
        as_time(score),
    )
