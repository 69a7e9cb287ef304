"""One run of an export: sessions going into a writer, with checkpoints between them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tqdm.auto import tqdm

from ..formats.writer import Writer
from ..redaction import Redaction
from ..sources import Session
from .budget import Budget
from .exported_labels import ExportedLabels
from .session_ends import SessionEnds
from .staging import Staging

CHECKPOINT_S = 5.0


class ExportRun:
    """Writes sessions by `out`, and notes in `staging` and `ends` which are done."""

    def __init__(
        self,
        out: Writer,
        staging: Staging,
        progress: bool,
        redaction: Redaction | None,
        ends: SessionEnds,
        labels: ExportedLabels | None = None,
    ) -> None:
        self._redaction = redaction
        self._out, self._staging, self._progress = out, staging, progress
        self.ends = ends
        self._labels = labels
        self.done = frozenset(staging.done)
        self.sessions = self.messages = self.unreadable = 0
        self.resumed = sum(not _is_unchanged(ends, name) for name in self.done)
        self._finished: list[str] = []
        self._last_checkpoint = time.monotonic()
        self._open: tuple[str | None] | None = None
        self.stalled_at = staging.stalled_at
        self.budget: Budget | None = None

    def take(self, found: Iterable[Session], total: int | None) -> None:
        """Write all of `found`; `total` sessions are expected, those done before among them."""
        if self._redaction is not None:
            found = self._redaction.sessions(found)
        bar = tqdm(
            total=total,
            initial=len(self.done),
            desc="export",
            unit=" sessions",
            disable=not self._progress,
        )
        with bar:
            for session_id, records in found:
                if self._open is not None and session_id != self._open[0]:
                    self._end_session()
                    bar.update()
                self._open = (session_id,)
                self._out.add(session_id, records)
                if self._labels is not None:
                    self._labels.add(session_id, records)
                self.messages += len(records)
                self.unreadable += sum(record.error is not None for record in records)
            if self._open is not None:
                self._end_session()
                bar.update()

    def labelled(self, found: Iterable[Session]) -> Iterable[Session]:
        """Return the sessions `found`, whose labels are matched meanwhile."""
        return found if self._labels is None else self._labels.follow(found)

    def settle(self, session_id: str, is_there: bool) -> None:
        """Note that nothing is to be written of a session; those written before it have come whole."""
        if self.budget is not None:
            self.budget.settle(session_id)
        if self._open is not None:
            self._end_session()
        if is_there:
            self._finished.append(self.ends.name_of(session_id))
            self._checkpoint_if_due()

    def stop(self, max_commands: int | None) -> None:
        """Keep the sessions that are whole when the budget is spent, or note that there are none."""
        if self.budget is None or max_commands is None or not self.budget.has_stopped:
            return
        if self.budget.is_clean_stop:
            if self._open is not None:
                self._end_session()
            if self._finished:
                self._checkpoint()
        if len(self._staging.done) == len(self.done):
            self._staging.stall(max_commands)

    def _end_session(self) -> None:
        session_id = self._open[0] if self._open else None
        if self._labels is not None:
            events = self._labels.end_session(session_id, can_hold=self._out.holds_labels)
            if self._out.holds_labels:
                self._out.add_labels(session_id or "", events)
        self._out.end_session()
        self.sessions += 1
        self._open = None
        if session_id is None:
            return
        self.ends.close(session_id)
        self._finished.append(session_id)
        self._checkpoint_if_due()

    def _checkpoint_if_due(self) -> None:
        is_due = time.monotonic() - self._last_checkpoint > CHECKPOINT_S
        is_costly = self.budget is not None and self.budget.wants_checkpoint()
        if is_due or is_costly or self._out.wants_checkpoint():
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._staging.checkpoint(self._finished, self._out.checkpoint(), self.ends.ends)
        self._finished = []
        self._last_checkpoint = time.monotonic()


def _is_unchanged(ends: SessionEnds, name: str) -> bool:
    return name in ends.ends and ends.ends[name].change == "unchanged"
