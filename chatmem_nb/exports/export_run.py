"""One run of an export: sessions going into a writer, with checkpoints between them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tqdm.auto import tqdm

from ..errors import InvalidInputError, StoreLimitError
from ..formats.writer import LeftOutSession
from ..frames.messages import chosen
from ..records import StoredMessage
from ..sources import Session, scope_ids, sessions, stored_sessions
from ..stores.protocol import SessionReader
from .budget import Budget
from .export_request import ExportRequest
from .incremental import NewRecords, with_unlisted
from .session_ends import SessionEnds
from .staging import Staging

CHECKPOINT_S = 5.0


class ExportRun:
    """Writes the sessions of `request` into `staging`, and counts what this run has written."""

    def __init__(self, request: ExportRequest, staging: Staging) -> None:
        self._request, self._staging = request, staging
        self._labels, self._redaction = request.labels, request.redaction
        self._out = request.target.writer(staging, with_labels=request.labels is not None)
        self._left_out_before = len(self._out.left_out)
        self._done = frozenset(staging.done)
        self.ends = SessionEnds(request.written_id, request.redact, staging.ends)
        self.commands = self.unreadable = 0
        self._n_sessions = self._n_messages = 0
        self._n_resumed = sum(not _is_unchanged(self.ends, name) for name in self._done)
        self._budget: Budget | None = None
        self._bar: Any = None
        self._finished: list[str] = []
        self._last_checkpoint = time.monotonic()
        self._open: tuple[str | None] | None = None
        """The id of the session that is being written."""

    @property
    def left_out(self) -> list[LeftOutSession]:
        """What the format could not hold, of the sessions resumed as well."""
        return self._out.left_out

    @property
    def sessions(self) -> int:
        """Sessions in the file that this run wrote."""
        return self._n_sessions - _count_whole(self.left_out[self._left_out_before :])

    @property
    def messages(self) -> int:
        """Records in the file that this run wrote."""
        left_out = self.left_out[self._left_out_before :]
        return self._n_messages - sum(n_messages for _, _, _, n_messages, _ in left_out)

    @property
    def resumed(self) -> int:
        """Sessions in the file that an interrupted run wrote."""
        return self._n_resumed - _count_whole(self.left_out[: self._left_out_before])

    def write(self) -> None:
        """Write all sessions.

        Raises: StoreLimitError, also if the budget is spent before all are written; RecordErrors; StoreError.
        """
        request = self._request
        if request.store is None:
            self._take(sessions(request.source), None)
        else:
            self._write_stored(request.store)
        self._out.finish()

    def close(self) -> None:
        """Close the files of the writer, finished or not."""
        self._out.close()

    def _write_stored(self, store: SessionReader) -> None:
        budget = self._budget = Budget(store, self._request.max_commands)
        budget.check_progress(self._staging.stalled_at)
        found = self._stored(store, budget)
        try:
            self._take(budget.watch(found), len(self._request.session_ids or ()) or None)
        except StoreLimitError:
            self._keep_finished(budget)
            raise
        self.commands = budget.spent
        self._check_found()

    def _check_found(self) -> None:
        """Raises: InvalidInputError, if no session that was named has messages: a misspelt id must not
        replace an earlier export by an empty one."""
        named = self._request.session_ids
        if named and self._request.earlier is None and not self.ends.ends:
            names = ", ".join(map(repr, named[:3])) + (", ..." if len(named) > 3 else "")
            raise InvalidInputError(
                f"there are no messages of these sessions: {names}; list(store.session_ids()) names all"
            )

    def _stored(self, store: SessionReader, budget: Budget) -> Iterator[Session]:
        """Return the sessions of `store` that are to be written, as far as `budget` reaches."""
        earlier, wanted = self._request.earlier, self._wanted(store)
        if earlier is None:
            return self.ends.follow(stored_sessions(store, budget.limit(wanted)))
        new_records = NewRecords(
            store,
            earlier.ends,
            self.ends,
            whole_sessions=self._request.target.is_session_per_line,
            settle=self._settle,
        )
        return new_records.read(budget.limit(wanted, reserve=1))

    def _wanted(self, store: SessionReader) -> Iterator[str]:
        """Return the ids of the sessions that an interrupted run did not complete."""
        request = self._request
        names = scope_ids(store, request.session_ids)
        if request.earlier is not None and request.session_ids is None:
            names = with_unlisted(names, request.earlier.ends, request.written_id)
        return (name for name in names if request.written_id(name) not in self._done)

    def _take(self, found: Iterable[Session], total: int | None) -> None:
        """Write all of `found`; `total` sessions are expected, those done before among them."""
        with tqdm(
            total=total,
            initial=len(self._done),
            desc="export",
            unit=" sessions",
            disable=not self._request.progress,
        ) as self._bar:
            for session_id, records in self._prepared(found):
                if self._open is not None and session_id != self._open[0]:
                    self._end_session()
                self._add(session_id, records)
            if self._open is not None:
                self._end_session()

    def _prepared(self, found: Iterable[Session]) -> Iterable[Session]:
        """Return the sessions `found` as they are to be written: filtered, then redacted."""
        if self._labels is not None:
            found = self._labels.follow(found)
        found = chosen(found, self._request.where, strict=self._request.strict)
        return found if self._redaction is None else self._redaction.sessions(found)

    def _add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        self._open = (session_id,)
        self._out.add(session_id, records)
        if self._labels is not None:
            self._labels.add(session_id, records)
        self._n_messages += len(records)
        self.unreadable += sum(record.error is not None for record in records)

    def _end_session(self) -> None:
        session_id = self._open[0] if self._open else None
        self._add_labels(session_id)
        self._out.end_session()
        self._advance_bar()
        self._n_sessions += 1
        self._open = None
        if session_id is None:
            return
        self.ends.close(session_id)
        self._finished.append(session_id)
        self._checkpoint_if_due()

    def _add_labels(self, session_id: str | None) -> None:
        if self._labels is None:
            return
        events = self._labels.end_session(session_id, can_hold=self._out.holds_labels)
        if self._out.holds_labels:
            self._out.add_labels(session_id or "", events)

    def _settle(self, session_id: str, is_unchanged: bool) -> None:
        """Note that nothing is to be written of a session; those written before it are complete."""
        if self._budget is not None:
            self._budget.settle(session_id)
        if self._open is not None:
            self._end_session()
        self._advance_bar()
        if is_unchanged:
            self._finished.append(self._request.written_id(session_id))
            self._checkpoint_if_due()

    def _advance_bar(self) -> None:
        if self._bar is not None:
            self._bar.update()

    def _keep_finished(self, budget: Budget) -> None:
        """Keep the complete sessions when the budget is spent, or note that there are none."""
        max_commands = self._request.max_commands
        if max_commands is None or not budget.has_stopped:
            return
        if budget.is_clean_stop:
            if self._open is not None:
                self._end_session()
            if self._finished:
                self._checkpoint()
        if len(self._staging.done) == len(self._done):
            self._staging.stall(max_commands)

    def _checkpoint_if_due(self) -> None:
        is_due = time.monotonic() - self._last_checkpoint > CHECKPOINT_S
        is_costly = self._budget is not None and self._budget.wants_checkpoint()
        if is_due or is_costly or self._out.wants_checkpoint():
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._staging.checkpoint(self._finished, self._out.checkpoint(), self.ends.ends)
        self._finished = []
        self._last_checkpoint = time.monotonic()


def _is_unchanged(ends: SessionEnds, name: str) -> bool:
    return name in ends.ends and ends.ends[name].change == "unchanged"


def _count_whole(left_out: Sequence[LeftOutSession]) -> int:
    """Return the number of sessions in `left_out` that are not in the file at all."""
    return sum(is_whole for *_, is_whole in left_out)
