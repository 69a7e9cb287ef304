"""`export`: writes conversations to a file; streamed, resumable, and atomically replaced."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, overload

from ..columns.schema import checked_columns
from ..errors import InvalidInputError, StoreLimitError
from ..formats.compression import compress, compression_of
from ..formats.html_pages import split_pages
from ..formats.registry import CONVERSATIONS, TABLES, Format, checked_format, writer
from ..formats.writer import LeftOutSession
from ..frames.messages import Where, chosen
from ..labels import Labels
from ..redaction import Redactor, redaction_of
from ..sources import Source, scope_ids, sessions, store_scope, stored_sessions
from ..stores.protocol import SessionReader, SessionStore
from .budget import Budget
from .estimates import Estimate, estimate
from .export_run import ExportRun
from .exported_labels import ExportedLabels
from .incremental import NewRecords, ends_digest, with_unlisted
from .report import ExportReport, left_out_frame
from .saved_report import earlier_report
from .session_ends import SessionEnds, compared
from .staging import Staging
from .target import resolved_target


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
    since: ExportReport | str | Path | None = None,
    labels: Labels | None = None,
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
    since: ExportReport | str | Path | None = None,
    labels: Labels | None = None,
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
    since: ExportReport | str | Path | None = None,
    labels: Labels | None = None,
    dry_run: bool = False,
) -> ExportReport | Estimate:
    """Write the messages of `source` to `path`, session by session, and return a report.

    `source` is whatever `to_dataframe` takes, or a frame that it made, filtered or edited: a row that was not
    edited is written byte for byte, and others are rebuilt as `from_dataframe` does.

    `format`: "parquet" and "jsonl" (a line per message, in LangChain's form) are lossless; "csv", "markdown"
    and "html" (a self-contained page; above 3 MB an index, with its pages in a folder beside it,
    `NAME.pages-...`) are for people; "openai", "finetuning", "huggingface" and "opentelemetry" have a
    validated line or row per session: see the README for what each keeps. None: by the suffix. JSON Lines are
    compressed if the suffix says so: `.jsonl.gz`, `.jsonl.zst`.
    `columns` (Parquet, CSV), `where` and `strict` are those of `to_dataframe`. `partition_by` writes a folder
    of Parquet files, by the values of these columns. `dry_run` returns an `Estimate` of the cost, and writes
    nothing; `max_commands` stops the export before more are billed (on Momento, where the cost depends on the
    response: within the page of sessions that exceeds it). Sessions that are complete by then are kept for
    the next call; if there is none, the same call with the same budget or less is rejected before it spends
    any (not with a callable `where` or `resume=False`, which keep nothing). Sources that bill no commands,
    such as files and frames, reject `max_commands`.

    The file appears, and replaces an existing one, when it is complete. An interrupted export of a store
    leaves `.NAME.partial` beside it, and the same call resumes it (without what was added meanwhile to
    sessions that were already exported); `resume=False` starts over.

    `redact` replaces personal data and credentials in everything that is written, after `where` and `strict`
    were applied to the original messages. A record that is not JSON is left out, and the report names it.

    `since` is the report of an earlier export, or the path of the file that its `save` wrote: only what is
    new in a store is written then: of a session that grew, the records after the last exported one, with
    their indexes, or, in formats with a line per session, the whole session. A session that is shorter, or
    whose last exported record has changed, is written whole, and `changes` of the report names it, as well as
    those that were deleted. (An earlier record that was edited, in a session of the same length, is not
    noticed.) Each session costs a summary, and one that grew also a read. `import_file` adds such a file with
    "append", if no session changed or shrank.

    `labels` are written beside their messages: in JSONL as lines after their session, in Parquet in a column
    `labels` (JSON text; those of the session itself in its first row); `import_file(..., labels=)` imports
    them. Other formats cannot hold them, and the report counts those that are not in the file. `redact`
    applies to notes, tags and authors. Not with `since`, as a label may belong to a message exported before.

    `path` is a regular file, or with `partition_by` a folder of Parquet files, or does not exist; if it is a
    symbolic link, its target is replaced, and the link stays. It is locked meanwhile: a second export to it
    is rejected with the id of the process that holds the lock. A killed process holds no lock.

    Raises: InvalidInputError, OSError before anything is read; StoreLimitError; RecordErrors; StoreError.

    >>> report = export((store, ["trip-planner"]), "trip.jsonl", progress=False)
    >>> report.messages, report.format
    (10, 'jsonl')
    >>> frame = to_dataframe((store, ["trip-planner"]))
    >>> export(frame[frame["role"] != "tool"], "without-tools.md", progress=False).messages
    7
    """
    target = Path(path).expanduser()
    chosen_format = checked_format(target, format)
    compression = compression_of(target)
    names = checked_columns(columns)
    partitions = [partition_by] if isinstance(partition_by, str) else list(partition_by)
    if chosen_format != "parquet" and partitions:
        raise InvalidInputError("partition_by is for Parquet")
    if chosen_format not in TABLES and columns is not None:
        raise InvalidInputError(f"{chosen_format} has no columns to choose; columns are for Parquet and CSV")
    place = resolved_target(target, is_folder=bool(partitions))
    redaction = redaction_of(redact)
    options: dict[str, Any] = {
        "format": chosen_format,
        "columns": names,
        "partition_by": partitions,
        "strict": strict,
        "redact": None if redact is None else redact.fingerprint(),
    }
    marked = None if labels is None else ExportedLabels(labels, redaction)
    scope = store_scope(source)
    if scope is None and max_commands is not None:
        raise InvalidInputError(
            "max_commands is for stores; messages in memory bill no commands", field="max_commands"
        )
    earlier = earlier_report(since, _store_name(scope))
    if earlier is not None:
        _check_since(scope, dry_run=dry_run)
        if labels is not None:
            raise InvalidInputError(
                "labels go with whole sessions; leave out since, or copy the file of labels", field="labels"
            )
    options["labels"] = None if labels is None else str(labels.path)
    options["since"] = None if earlier is None else ends_digest(earlier.ends)
    is_known = redact is None or options["redact"] is not None
    if dry_run:
        return estimate(source)
    _check_not_own_file(source, target)
    task = _task(scope, where, options) if resume and scope and is_known else None
    name_of = _written_id if redaction is None else redaction.session_id
    started = time.monotonic()
    with Staging(place, task) as staging:
        out = writer(
            chosen_format, staging.output, staging.state, names, partitions, with_labels=marked is not None
        )
        before = list(out.left_out)
        run = ExportRun(out, staging, progress, redaction, SessionEnds(name_of, redact, staging.ends), marked)
        try:
            if scope is None:
                run.take(chosen(run.labelled(sessions(source)), where, strict=strict), None)
                commands = 0
            else:
                is_whole = chosen_format in CONVERSATIONS
                commands = _from_store(run, scope, where, strict, max_commands, earlier, is_whole)
            out.finish()
        finally:
            out.close()
        if compression is not None:
            compress(staging.output, compression)
        if chosen_format == "html":
            split_pages(staging.output, staging.pages, staging.pages_name)
        size = _size(staging.output) + (_size(staging.pages) if staging.pages.is_dir() else 0)
        staging.publish()
    ends, changes = run.ends.ends, None
    if earlier is not None:
        ids = scope[1] if scope else None
        ends, changes = compared(ends, earlier.ends, None if ids is None else map(name_of, ids))
    return ExportReport(
        target,
        chosen_format,
        run.sessions - _whole(out.left_out[len(before) :]),
        run.messages - sum(entry[3] for entry in out.left_out[len(before) :]),
        run.unreadable,
        run.resumed - _whole(before),
        size,
        commands,
        time.monotonic() - started,
        left_out_frame(out.left_out),
        {} if redaction is None else dict(redaction.counts),
        () if redaction is None else tuple(redaction.left_out),
        _store_name(scope),
        ends,
        changes,
        0 if marked is None else marked.written,
        0 if marked is None else marked.left_out,
    )


def _whole(left_out: Sequence[LeftOutSession]) -> int:
    """Return the number of sessions in `left_out` that are not in the file at all."""
    return sum(is_whole for *_, is_whole in left_out)


def _check_not_own_file(source: Source, target: Path) -> None:
    """Raises: InvalidInputError if `source` is a history that keeps its messages in the file `target`."""
    kept = getattr(source, "file_path", None)  # the attribute of LangChain's FileChatMessageHistory
    if isinstance(kept, str | Path) and os.path.realpath(kept) == os.path.realpath(target):
        raise InvalidInputError(f"{target} is the history's own file; choose another path")


def _from_store(
    run: ExportRun,
    scope: tuple[SessionReader, Iterable[str] | None],
    where: Where | None,
    strict: bool,
    max_commands: int | None,
    earlier: ExportReport | None,
    whole_sessions: bool,
) -> int:
    """Export from a store, and return the billed commands."""
    store, ids = scope
    budget = run.budget = Budget(store, max_commands)
    budget.check_progress(run.stalled_at)
    listed = ids if isinstance(ids, list) else None
    name_of, names = run.ends.name_of, scope_ids(store, ids)
    if earlier is not None and ids is None:
        names = with_unlisted(names, earlier.ends, name_of)
    wanted = (name for name in names if name_of(name) not in run.done)
    if earlier is None:
        found = run.ends.follow(stored_sessions(store, budget.limit(wanted)))
    else:
        news = NewRecords(store, earlier.ends, run.ends, whole_sessions=whole_sessions, settle=run.settle)
        found = news.read(budget.limit(wanted, reserve=1))
    try:
        run.take(
            chosen(run.labelled(budget.watch(found)), where, strict=strict), len(listed) if listed else None
        )
    except StoreLimitError:
        run.stop(max_commands)
        raise
    return budget.spent


def _check_since(scope: tuple[SessionReader, Iterable[str] | None] | None, *, dry_run: bool) -> None:
    if scope is None:
        raise InvalidInputError(
            "since is for stores and other sources of sessions; messages in memory are exported whole",
            field="since",
        )
    if dry_run:
        raise InvalidInputError(
            "since and dry_run cannot be combined: finding what is new means checking every session",
            field="since",
        )


def _written_id(session_id: str) -> str:
    """Return the id that a session is written with if ids are not redacted."""
    return session_id


def _store_name(scope: tuple[SessionReader, Iterable[str] | None] | None) -> str | None:
    """Return what identifies a store, without a secret; None for other sources."""
    # The repr of a store identifies it, and contains no secret; that of another source may not.
    return repr(scope[0]) if scope is not None and isinstance(scope[0], SessionStore) else None


def _task(
    scope: tuple[SessionReader, Iterable[str] | None], where: Where | None, options: dict[str, Any]
) -> dict[str, Any] | None:
    """Return what identifies an export, to resume it; None if that cannot be determined."""
    ids = scope[1]
    name = _store_name(scope)
    if callable(where) or name is None:
        return None
    limited = None if ids is None else hashlib.sha256("\n".join(ids).encode()).hexdigest()
    kept = None if where is None else repr(sorted((name, repr(value)) for name, value in where.items()))
    return {**options, "where": kept, "ids": limited, "store": name}


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
