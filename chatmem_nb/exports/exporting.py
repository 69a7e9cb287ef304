"""Conversations to a file: streamed, resumable, and in place only when whole."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, overload

from tqdm.auto import tqdm

from ..columns.schema import checked_columns
from ..errors import InvalidInputError, StoreLimitError
from ..formats.registry import TABLES, Format, checked_format, writer
from ..formats.writer import Writer
from ..frames.messages import Where, chosen
from ..redaction import Redaction, Redactor, redaction_of
from ..sources import Session, Source, scope_ids, sessions, store_scope, stored_sessions
from ..stores.protocol import SessionReader, SessionStore
from .budget import Budget
from .estimates import Estimate, estimate
from .report import ExportReport, left_out_frame
from .staging import Staging
from .target import resolved_target

CHECKPOINT_S = 5.0


@overload
def export(
    source: Source,
    path: str | Path,
    format: Format | None = None,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    partition_by: Iterable[str] = (),
    strict: bool = False,
    max_commands: int | None = None,
    resume: bool = True,
    progress: bool = True,
    redact: Redactor | None = None,
    dry_run: Literal[False] = False,
) -> ExportReport: ...


@overload
def export(
    source: Source,
    path: str | Path,
    format: Format | None = None,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    partition_by: Iterable[str] = (),
    strict: bool = False,
    max_commands: int | None = None,
    resume: bool = True,
    progress: bool = True,
    redact: Redactor | None = None,
    dry_run: Literal[True],
) -> Estimate: ...


def export(
    source: Source,
    path: str | Path,
    format: Format | None = None,
    *,
    columns: Iterable[str] | None = None,
    where: Where | None = None,
    partition_by: Iterable[str] = (),
    strict: bool = False,
    max_commands: int | None = None,
    resume: bool = True,
    progress: bool = True,
    redact: Redactor | None = None,
    dry_run: bool = False,
) -> ExportReport | Estimate:
    """Write the messages of `source` to `path`, session by session, and return a report.

    `format`: "parquet", "jsonl" (a line a message, in LangChain's form, lossless), "openai" (a line a
    session, checked), "csv", "markdown", "html" (one page that needs nothing else); None: by the suffix.
    `columns` (Parquet, CSV), `where` and `strict` are those of `to_dataframe`. `partition_by` makes of a
    Parquet file a folder, by the values of these columns. `dry_run` returns an `Estimate` of what it would
    cost, and writes nothing; `max_commands` stops the export before more are billed (on Momento, whose
    price depends on what comes: within the page of sessions that goes over it). The sessions that are whole
    by then are kept for the next call; where a budget completes none, the same call with that budget or less
    is refused before it spends (not with a callable `where` or `resume=False`, which keep nothing).

    The file is put in its place when it is whole; one that is there is replaced then. An interrupted export
    of a store leaves `.NAME.partial` beside it, and the same call goes on from there (what was added to a
    session that is done already is not seen); `resume=False` starts anew.

    `redact` replaces personal data and credentials in all that is written, after `where` and `strict` saw the
    messages as they are. A record that is not JSON is left out, and the report names it.

    `path` is a regular file, or with `partition_by` a folder of Parquet files, or nothing yet; the target of
    a symbolic link is replaced, and the link stays. It is locked meanwhile: a second export to it is refused
    with the id of the process that holds it. A killed process holds no lock.

    Raises: InvalidInputError, OSError before anything is read; StoreLimitError; RecordErrors; StoreError.

    >>> report = export((store, ["trip-planner"]), "trip.jsonl", progress=False)
    >>> report.messages, report.format
    (10, 'jsonl')
    """
    target = Path(path).expanduser()
    chosen_format = checked_format(target, format)
    names = checked_columns(columns)
    partitions = [partition_by] if isinstance(partition_by, str) else list(partition_by)
    if chosen_format != "parquet" and partitions:
        raise InvalidInputError("partition_by is for Parquet")
    if chosen_format not in TABLES and columns is not None:
        raise InvalidInputError(f"{chosen_format} has no columns to choose; columns are for Parquet and CSV")
    place = resolved_target(target, is_folder=bool(partitions))
    if dry_run:
        return estimate(source)
    redaction = redaction_of(redact)
    options: dict[str, Any] = {
        "format": chosen_format,
        "columns": names,
        "partition_by": partitions,
        "strict": strict,
        "redact": None if redact is None else redact.fingerprint(),
    }
    is_known = redact is None or options["redact"] is not None
    _check_not_own_file(source, target)
    scope = store_scope(source)
    task = _task(scope, where, options) if resume and scope and is_known else None
    started = time.monotonic()
    with Staging(place, task) as staging:
        out = writer(chosen_format, staging.output, staging.state, names, partitions)
        before = len(out.left_out)
        run = _Run(out, staging, progress, redaction)
        try:
            if scope is None:
                run.take(chosen(sessions(source), where, strict=strict), None)
                commands = 0
            else:
                commands = _from_store(run, scope, where, strict, max_commands)
            out.finish()
        finally:
            out.close()
        staging.publish()
    return ExportReport(
        target,
        chosen_format,
        run.sessions - len(out.left_out[before:]),
        run.messages - sum(entry[3] for entry in out.left_out[before:]),
        run.unreadable,
        run.resumed - before,
        _size(target),
        commands,
        time.monotonic() - started,
        left_out_frame(out.left_out),
        {} if redaction is None else dict(redaction.counts),
        () if redaction is None else tuple(redaction.left_out),
    )


def _check_not_own_file(source: Source, target: Path) -> None:
    """Raises: InvalidInputError if `source` is a history that keeps its messages in the file `target`."""
    kept = getattr(source, "file_path", None)  # as LangChain's FileChatMessageHistory has it
    if isinstance(kept, str | Path) and os.path.realpath(kept) == os.path.realpath(target):
        raise InvalidInputError(f"{target} is the history's own file; choose another path")


def _from_store(
    run: _Run,
    scope: tuple[SessionReader, Iterable[str] | None],
    where: Where | None,
    strict: bool,
    max_commands: int | None,
) -> int:
    """Export from a store, and return the billed commands."""
    store, ids = scope
    budget = Budget(store, max_commands)
    budget.check_progress(run.stalled_at)
    listed = ids if isinstance(ids, list) else None
    wanted = (name for name in scope_ids(store, ids) if run.name_of(name) not in run.done)
    found = stored_sessions(store, budget.limit(wanted))
    run.budget = budget
    try:
        run.take(chosen(budget.watch(found), where, strict=strict), len(listed) if listed else None)
    except StoreLimitError:
        run.stop(max_commands)
        raise
    return budget.spent


class _Run:
    """Sessions going into a writer, with checkpoints between them."""

    def __init__(
        self, out: Writer, staging: Staging, progress: bool, redaction: Redaction | None = None
    ) -> None:
        self._redaction = redaction
        self._out, self._staging, self._progress = out, staging, progress
        self.done = frozenset(staging.done)
        self.sessions = self.messages = self.unreadable = 0
        self.resumed = len(self.done)
        self._finished: list[str] = []
        self._last_checkpoint = time.monotonic()
        self._open: tuple[str | None] | None = None
        self.stalled_at = staging.stalled_at
        self.budget: Budget | None = None

    def name_of(self, session_id: str) -> str:
        """Return the id that a session is written by."""
        return session_id if self._redaction is None else self._redaction.session_id(session_id)

    def take(self, found: Iterable[Session], total: int | None) -> None:
        """Write all of `found`; `total` sessions are expected, those done before among them."""
        if self._redaction is not None:
            found = self._redaction.sessions(found)
        bar = tqdm(
            total=total,
            initial=self.resumed,
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
                self.messages += len(records)
                self.unreadable += sum(record.error is not None for record in records)
            if self._open is not None:
                self._end_session()
                bar.update()

    def stop(self, max_commands: int | None) -> None:
        """Keep the sessions that are whole when the budget is spent, or note that there are none."""
        if self.budget is None or max_commands is None or not self.budget.has_stopped:
            return
        if self.budget.is_clean_stop:
            if self._open is not None:
                self._end_session()
            if self._finished:
                self._checkpoint()
        if len(self._staging.done) == self.resumed:
            self._staging.stall(max_commands)

    def _end_session(self) -> None:
        self._out.end_session()
        self.sessions += 1
        session_id = self._open[0] if self._open else None
        self._open = None
        if session_id is None:
            return
        self._finished.append(session_id)
        is_due = time.monotonic() - self._last_checkpoint > CHECKPOINT_S
        is_costly = self.budget is not None and self.budget.wants_checkpoint()
        if is_due or is_costly or self._out.wants_checkpoint():
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._staging.checkpoint(self._finished, self._out.checkpoint())
        self._finished = []
        self._last_checkpoint = time.monotonic()


def _task(
    scope: tuple[SessionReader, Iterable[str] | None], where: Where | None, options: dict[str, Any]
) -> dict[str, Any] | None:
    """What makes two exports the same one; None where that cannot be told."""
    store, ids = scope
    # The repr of a store says which one it is, and holds no secret; that of another source need not.
    if callable(where) or not isinstance(store, SessionStore):
        return None
    limited = None if ids is None else hashlib.sha256("\n".join(ids).encode()).hexdigest()
    kept = None if where is None else repr(sorted((name, repr(value)) for name, value in where.items()))
    return {**options, "where": kept, "ids": limited, "store": repr(store)}


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
