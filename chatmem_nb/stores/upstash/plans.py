"""A plan for each verb, in Redis commands. Arguments are checked when a plan is made. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ...errors import ChatMemError, InvalidInputError, StoreLimitError
from .. import paging
from ..arguments import (
    checked_condition,
    checked_index,
    checked_number,
    checked_session_id,
    checked_text,
    checked_ttl,
)
from ..paging import Cursor
from ..plans import Plan, ask
from ..protocol import SessionSummary
from . import scripts
from .changes import Change, Changes
from .commands import Command, Request, as_list, as_texts
from .errors import UpstashConflictError, UpstashScriptsRefusedError
from .read_cost import FIRST_BATCH, batch_after, first_records
from .script_runner import ScriptRunner
from .session_list import HEAD_BYTES, TAIL_BYTES, SessionList, preview, summary, summary_commands

_SCAN_COUNT = 1_000
_LEAST_REQUEST_BYTES = 16_384

# Staged lists of stores with any prefix: they may be under the prefix of this one.
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
        self._scripts = ScriptRunner()
        # Outside the prefix of sessions, so that no listing names these keys.
        own_prefix = "_chatmem_nb:" if "chatmem_nb:".startswith(key_prefix) else "chatmem_nb:"
        self._changes = Changes(self._scripts, own_prefix, checked_ttl(ttl), timeout_s, max_request_bytes)
        self._runs_scripts = True
        """Whether this token may run read-only scripts; True until the service rejects one."""

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
        return [summary(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]

    def previews(self, session_ids: Sequence[str]) -> Plan[list[SessionSummary]]:
        keys = [self._key(session_id) for session_id in session_ids]
        if self._runs_scripts:
            try:
                rows = as_list(
                    (yield from self._scripts.run(scripts.PREVIEWS, keys, HEAD_BYTES, TAIL_BYTES)), len(keys)
                )
            except UpstashScriptsRefusedError:
                self._runs_scripts = False
            else:
                return [preview(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]
        rows = yield from self._rows(keys)
        return [summary(session_id, row) for session_id, row in zip(session_ids, rows, strict=True)]

    def _rows(self, keys: Sequence[str]) -> Plan[list[Any]]:
        if self._runs_scripts:
            try:
                return as_list((yield from self._scripts.run(scripts.SUMMARIES, keys)), len(keys))
            except UpstashScriptsRefusedError:
                self._runs_scripts = False
        types = as_texts(
            as_list((yield from ask(Request([["TYPE", key] for key in keys], "pipeline"))), len(keys))
        )
        lists = [key for key, kind in zip(keys, types, strict=True) if kind == "list"]
        if not lists:
            return [[0]] * len(keys)
        commands: list[Command] = [command for key in lists for command in summary_commands(key)]
        values = iter(as_list((yield from ask(Request(commands, "pipeline"))), len(commands)))
        return [[next(values) for _ in range(4)] if kind == "list" else [0] for kind in types]

    def length(self, session_id: str) -> Plan[int]:
        return self._list(session_id).length()

    def lengths(self, session_ids: Sequence[str]) -> Plan[list[int]]:
        keys = [self._key(session_id) for session_id in session_ids]
        return self._lengths(keys)

    def _lengths(self, keys: Sequence[str]) -> Plan[list[int]]:
        # The script of the summaries: one command for all of them, where LLEN would be one for each.
        rows = yield from self._rows(keys)
        return [summary("", row).length for row in rows]

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
        return self._changes.append(self._changes.new(self._key(session_id), records))

    def append_many(self, sessions: Sequence[tuple[str, Sequence[str]]]) -> Plan[list[int | ChatMemError]]:
        changes: list[Change | ChatMemError] = []
        for session_id, records in sessions:
            try:
                changes.append(self._changes.new(self._key(session_id), records))
            except InvalidInputError as error:
                changes.append(error)
        return self._changes.append_many(changes)

    def insert(self, session_id: str, index: int, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        change, index, ttl = (
            self._changes.new(self._key(session_id), records),
            checked_index(index),
            checked_ttl(ttl),
        )
        if not records:
            return self.length(session_id)
        return self._changes.place(change, "insert", index, ttl)

    def replace(self, session_id: str, records: Sequence[str], ttl: timedelta | None) -> Plan[int]:
        change, ttl = self._changes.new(self._key(session_id), records), checked_ttl(ttl)
        return self._changes.place(change, "replace", ttl=ttl)

    def delete(self, session_id: str, count: int | None, last: str | None) -> Plan[bool]:
        expected = checked_condition(count, last)
        number, record = expected or (0, "")
        change = self._changes.new(self._key(session_id), [record])
        return self._delete(session_id, change, number, record)

    def _delete(self, session_id: str, change: Change, count: int, last: str) -> Plan[bool]:
        deleted = yield from self._changes.run_once(change, scripts.DELETE, count, last)
        if deleted < 0:
            raise UpstashConflictError(
                f"session {session_id!r} was changed by others: record {count - 1} is not the expected one, "
                "and nothing was deleted; read the session again"
            )
        return deleted == 1

    def remove(self, session_id: str, index: int, record: str) -> Plan[bool]:
        change = self._changes.new(self._key(session_id), [checked_text(record, "record")])
        return self._remove(change, checked_index(index), record)

    def _remove(self, change: Change, index: int, record: str) -> Plan[bool]:
        return (yield from self._changes.run_once(change, scripts.REMOVE, -index - 1, record)) == 1

    def _key(self, session_id: str) -> str:
        return self._key_prefix + checked_session_id(session_id)

    def _list(self, session_id: str) -> SessionList:
        return SessionList(session_id, self._key(session_id))
