"""What each verb does in Redis: its arguments are checked, then a plan says what to send. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import uuid4

from ...errors import ChatMemError, InvalidInputError, StoreError, StoreLimitError
from ...records import stored_at
from .. import paging
from ..paging import Cursor
from ..protocol import (
    SessionSummary,
    checked_condition,
    checked_index,
    checked_number,
    checked_records,
    checked_session_id,
    checked_text,
    checked_ttl,
)
from ..runner import Plan, Send, ask
from . import scripts
from .commands import (
    Change,
    Command,
    Request,
    as_list,
    as_number,
    as_texts,
    milliseconds,
    request_bytes,
    split,
)
from .errors import (
    UpstashConflictError,
    UpstashFlagsRefusedError,
    UpstashScriptsRefusedError,
    UpstashWrongTypeError,
    is_of_one_command,
)
from .read_cost import FIRST_BATCH, MOST_SESSIONS, batch_after, first_records
from .scripts import Script
from .session_list import SessionList

_SCAN_COUNT = 1_000
_LEAST_REQUEST_BYTES = 16_384

# Staged lists of stores with any prefix: they may stand under the prefix of this one.
_STAGED = re.compile(r"_?chatmem_nb:(part|new):[0-9a-f]{32}")
_GLOB_CHARACTER = re.compile(r"([*?\[\]\\^-])")


class UpstashPlans:
    """Plans for the sessions under one prefix."""

    first_batch = FIRST_BATCH
    summary_batch = 100

    def __init__(
        self, key_prefix: str, ttl: timedelta | None, timeout_s: float, max_request_bytes: int
    ) -> None:
        checked_number(timeout_s, "timeout_s")
        if checked_index(max_request_bytes, "max_request_bytes") < _LEAST_REQUEST_BYTES:
            raise InvalidInputError(
                f"max_request_bytes must be at least {_LEAST_REQUEST_BYTES}", field="max_request_bytes"
            )
        self._key_prefix = checked_text(key_prefix, "key_prefix")
        self._ttl = checked_ttl(ttl)
        self._timeout_s, self._max_request_bytes = timeout_s, max_request_bytes
        # Outside the prefix of sessions, so that no listing names these keys.
        self._other_prefix = "_chatmem_nb:" if "chatmem_nb:".startswith(key_prefix) else "chatmem_nb:"
        self._expires_ms = int(3_000 * timeout_s) + 60_000
        self._knows_flags = {"EVAL": True, "EVAL_RO": True}
        """Whether the server takes scripts with flags, as far as is known."""
        self._runs_scripts = True
        """Whether this token may run scripts that only read, as far as is known."""

    def session_ids(
        self, match: str | None, cursor: tuple[int, set[str]] | None
    ) -> Plan[tuple[list[str], tuple[int, set[str]] | None]]:
        """Return a page of new ids; the cursor is that of SCAN, and the ids so far: SCAN may repeat a key."""
        pattern = _GLOB_CHARACTER.sub(r"\\\1", self._key_prefix)
        pattern += "*" if match is None else checked_text(match, "match")
        return self._scanned(pattern, *(cursor or (0, set())))

    def _scanned(
        self, pattern: str, position: int, seen: set[str]
    ) -> Plan[tuple[list[str], tuple[int, set[str]] | None]]:
        command: Command = ["SCAN", position, "MATCH", pattern, "COUNT", _SCAN_COUNT, "TYPE", "list"]
        following, keys = yield from ask(Request([command]))  # the SDK makes a pair of it
        page: list[str] = []
        for key in as_texts(keys):
            session_id = key.removeprefix(self._key_prefix)
            if session_id and session_id not in seen and not _STAGED.match(key):
                seen.add(session_id)
                page.append(session_id)
        return page, (int(following), seen) if int(following) else None

    def summaries(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        rows = yield from self._rows([self._key(session_id) for session_id in session_ids])
        return [_summary(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]

    def previews(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        keys = [self._key(session_id) for session_id in session_ids]
        if self._runs_scripts:
            try:
                rows = as_list((yield from self._run(scripts.PREVIEWS, keys, _HEAD, _TAIL)), len(keys))
            except UpstashScriptsRefusedError:
                self._runs_scripts = False
            else:
                return [_preview(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]
        rows = yield from self._rows(keys)
        return [_summary(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]

    def _rows(self, keys: Sequence[str]) -> Plan[list[Any]]:
        if self._runs_scripts:
            try:
                return as_list((yield from self._run(scripts.SUMMARIES, keys)), len(keys))
            except UpstashScriptsRefusedError:
                self._runs_scripts = False
        types = as_texts(
            as_list((yield from ask(Request([["TYPE", key] for key in keys], "pipeline"))), len(keys))
        )
        lists = [key for key, kind in zip(keys, types, strict=True) if kind == "list"]
        if not lists:
            return [[0]] * len(keys)
        commands: list[Command] = [command for key in lists for command in _summary_commands(key)]
        values = iter(as_list((yield from ask(Request(commands, "pipeline"))), len(commands)))
        return [[next(values) for _ in range(4)] if kind == "list" else [0] for kind in types]

    def length(self, session_id: str) -> Plan[int]:
        return self._list(session_id).length()

    def read(self, session_id: str, start: int, stop: int | None) -> Plan[list[str]]:
        end = None if stop is None else checked_index(stop, "stop")
        return paging.read(self._list(session_id), checked_index(start, "start"), end)

    def first_pages(self, session_ids: Sequence[str]) -> Plan[list[tuple[list[str], Cursor | None]]]:
        sessions = [self._list(session_id) for session_id in session_ids]
        count = first_records(len(sessions))
        try:
            responses = yield from ask(Request([session.page(0, count) for session in sessions], "pipeline"))
        except StoreLimitError as error:
            if not error.response_too_large:
                raise
            pages = []
            for session in sessions:
                pages.append((yield from paging.next_page(session, Cursor(0, count))))
            return pages
        records = [as_texts(response)[::-1] for response in as_list(responses, len(sessions))]
        return [(page, paging.cursor_after(page, 0, count)) for page in records]

    def next_page(self, session_id: str, cursor: Cursor) -> Plan[tuple[list[str], Cursor | None]]:
        return paging.next_page(self._list(session_id), cursor)

    def next_batch(self, size: int, pages: Sequence[tuple[list[str], Cursor | None]]) -> int:
        return batch_after(size, sum(len(record) for records, _ in pages for record in records))

    def append(self, session_id: str, records: Sequence[str]) -> Plan[int]:
        checked = checked_records(records)
        if not checked:
            return self.length(session_id)
        change = self._change(session_id, checked)
        if len(change.batches) > 1:
            return self._place(change, self._ttl, "append", 0)
        return self._run_once(change, scripts.APPEND, milliseconds(self._ttl), *checked)

    def append_many(self, sessions: Sequence[tuple[str, Sequence[str]]]) -> Plan[list[int | ChatMemError]]:
        changes: list[Change | ChatMemError] = []
        for session_id, records in sessions:
            try:
                changes.append(self._change(session_id, checked_records(records)))
            except InvalidInputError as error:
                changes.append(error)
        return self._append_many(changes)

    def _append_many(self, changes: Sequence[Change | ChatMemError]) -> Plan[list[int | ChatMemError]]:
        outcomes: list[int | ChatMemError] = [
            change if isinstance(change, ChatMemError) else 0 for change in changes
        ]
        for places in self._together(changes):
            group = [change for place in places if isinstance(change := changes[place], Change)]
            found = yield from (self._append_together(group) if len(group) > 1 else self._append_each(group))
            for place, outcome in zip(places, found, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _together(self, changes: Sequence[Change | ChatMemError]) -> Iterator[list[int]]:
        """Yield the places of changes that one request takes; what takes several requests is alone."""
        places: list[int] = []
        used = 0
        for place, change in enumerate(changes):
            if isinstance(change, ChatMemError):
                continue
            if len(change.batches) > 1 or not change.batches[0]:
                yield [place]
                continue
            size = request_bytes(change.batches[0], change.key) + len(scripts.APPEND.flagged)
            if places and (used + size > self._max_request_bytes or len(places) == MOST_SESSIONS):
                yield places
                places, used = [], 0
            places.append(place)
            used += size
        if places:
            yield places

    def _append_together(self, changes: Sequence[Change]) -> Plan[list[int | ChatMemError]]:
        """Make these changes in one pipeline, which is retried unchanged if its response is lost.

        A pipeline is not a transaction, and the SDK reports only the first of its errors: if the service
        rejects a command, each change is retried in a request of its own, with the same idempotency key.
        """
        script = scripts.APPEND
        text = script.flagged if self._knows_flags["EVAL"] else script.plain
        commands: list[Command] = [
            ["EVAL", text, 2, change.key, change.idempotency_key, *self._append_arguments(change)]
            for change in changes
        ]
        try:
            responses = yield from ask(Request(commands, "pipeline"), new_deadline=True)
            return [as_number(response) for response in as_list(responses, len(commands))]
        except StoreError as error:
            if not is_of_one_command(error):
                return [error] * len(changes)
        return (yield from self._append_each(changes))

    def _append_each(self, changes: Sequence[Change]) -> Plan[list[int | ChatMemError]]:
        """Make each change by a request; none after one that failed for a reason that others share."""
        outcomes: list[int | ChatMemError] = []
        for change in changes:
            try:
                outcomes.append((yield from self._append_one(change)))
            except StoreError as error:
                outcomes.append(error)
                if not isinstance(error, UpstashWrongTypeError):
                    return outcomes + [_not_tried(error)] * (len(changes) - len(outcomes))
        return outcomes

    def _append_one(self, change: Change) -> Plan[int]:
        if not change.batches[0]:
            return as_number((yield from ask(Request([["LLEN", change.key]]), new_deadline=True)))
        if len(change.batches) > 1:
            return (yield from self._place(change, self._ttl, "append", 0))
        arguments = self._append_arguments(change)
        keys = (change.key, change.idempotency_key)
        return as_number((yield from self._run(scripts.APPEND, keys, *arguments, new_deadline=True)))

    def _append_arguments(self, change: Change) -> tuple[str | int, ...]:
        return change.expires_ms, milliseconds(self._ttl), *change.batches[0]

    def insert(self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        checked, index, ttl = checked_records(records), checked_index(index), checked_ttl(ttl)
        if not checked:
            return self.length(session_id)
        return self._place(self._change(session_id, checked), ttl or self._ttl, "insert", index)

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        checked, ttl = checked_records(records), checked_ttl(ttl)
        return self._place(self._change(session_id, checked), ttl or self._ttl, "replace", 0)

    def delete(self, session_id: str, count: int | None, last: str | None) -> Plan[bool]:
        expected = checked_condition(count, last)
        number, record = expected or (0, "")
        change = self._change(session_id, [record])
        return self._delete(session_id, change, number, record)

    def _delete(self, session_id: str, change: Change, count: int, last: str) -> Plan[bool]:
        deleted = yield from self._run_once(change, scripts.DELETE, count, last)
        if deleted < 0:
            raise UpstashConflictError(
                f"session {session_id!r} was changed by others: record {count - 1} is not the expected one, "
                "and nothing was deleted; read the session again"
            )
        return deleted == 1

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]:
        change = self._change(session_id, [checked_text(record, "record")])
        return self._remove(change, checked_index(index), record)

    def _remove(self, change: Change, index: int, record: str) -> Plan[bool]:
        return (yield from self._run_once(change, scripts.REMOVE, -index - 1, record)) == 1

    def _place(
        self, change: Change, ttl: timedelta | None, mode: Literal["append", "insert", "replace"], index: int
    ) -> Plan[int]:
        """Put the records in place by one script; if they are several batches, stage each of them first."""
        records, staged = change.batches[0], list[str]()
        total = sum(map(len, change.batches))
        if len(change.batches) > 1:
            records = []
            expires_ms = change.expires_ms + int(1_000 * self._timeout_s) * len(change.batches)
            for number in range(len(change.batches)):
                yield from ask(change.stage(number, expires_ms), new_deadline=True)
                staged.append(change.staged(number))
        arguments = (milliseconds(ttl), mode, index, total, *records)
        return (yield from self._run_once(change, scripts.PLACE, *arguments, keys=(change.new_list, *staged)))

    def _run_once(
        self, change: Change, script: Script, *arguments: str | int, keys: Sequence[str] = ()
    ) -> Plan[int]:
        """Run a script that changes a session, exactly once, and return its result."""
        all_keys = (change.key, change.idempotency_key, *keys)
        return as_number((yield from self._run(script, all_keys, change.expires_ms, *arguments)))

    def _run(
        self, script: Script, keys: Sequence[str], *arguments: str | int, new_deadline: bool = False
    ) -> Plan[Any]:
        """Run a script; from the first refusal on without flags, which a refused script never ran with."""
        command: Command
        if self._knows_flags[script.command]:
            command = [script.command, script.flagged, len(keys), *keys, *arguments]
            try:
                (response,) = yield Send([Request([command])], new_deadline)
                return response
            except UpstashFlagsRefusedError:
                self._knows_flags[script.command] = False
        command = ["EVAL", script.plain, len(keys), *keys, *arguments]
        return (yield from ask(Request([command]), new_deadline=new_deadline))

    def _key(self, session_id: str) -> str:
        return self._key_prefix + checked_session_id(session_id)

    def _list(self, session_id: str) -> SessionList:
        return SessionList(session_id, self._key(session_id))

    def _change(self, session_id: str, records: Sequence[str]) -> Change:
        key = self._key(session_id)
        batches = split(records, self._max_request_bytes, key)
        return Change(key, self._other_prefix, self._expires_ms, uuid4().hex, batches)


def _not_tried(error: StoreError) -> StoreError:
    """The error of a change that was in a pipeline with others, and was not made again after `error`."""
    copied = copy(error)
    copied.maybe_applied = True
    return copied


_HEAD: Final = 400
"""Bytes of the start of a record in a preview, which hold some 100 characters of its text in any script."""
_TAIL: Final = 160
"""Bytes of its end, which hold `record_id` and `stored_at`."""


def _summary_commands(key: str) -> list[Command]:
    return [["LLEN", key], ["PTTL", key], ["LINDEX", key, -1], ["LINDEX", key, 0]]


def _summary(session_id: str, row: Any) -> SessionSummary:
    """Return the summary that `row` holds: length, remaining TTL in ms, oldest, newest; or [0]."""
    if row == [0]:
        return SessionSummary(session_id, 0)
    length, left, oldest, newest = as_list(row, 4)
    if not as_number(length):  # it expired between two commands of a pipeline
        return SessionSummary(session_id, 0)
    as_texts([oldest, newest])
    ttl = timedelta(milliseconds=left) if as_number(left) >= 0 else None
    return SessionSummary(session_id, length, ttl, oldest, newest)


def _preview(session_id: str, row: Any) -> SessionSummary:
    """Return the summary that `row` holds: that of `_summary`, and the end of the newest record."""
    if row == [0]:
        return SessionSummary(session_id, 0)
    *found, end = as_list(row, 5)
    as_texts([end])
    return replace(_summary(session_id, found), last_write=stored_at(end))
