"""`export`: writes conversations to a file; streamed, resumable, and atomically replaced."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Literal, overload

from ..formats.registry import Format
from ..frames.messages import Where
from ..labels import Labels
from ..redaction import Redactor
from ..sources import Source
from .estimates import Estimate, estimate
from .export_request import ExportRequest, checked_request
from .export_run import ExportRun
from .report import ExportReport, left_out_frame
from .session_ends import Changes, SessionEnd, compared
from .staging import Staging


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
    request = checked_request(
        source,
        path,
        format,
        columns=columns,
        where=where,
        partition_by=partition_by,
        strict=strict,
        max_commands=max_commands,
        resume=resume,
        progress=progress,
        redact=redact,
        since=since,
        labels=labels,
        dry_run=dry_run,
    )
    return estimate(source) if dry_run else _run(request)


def _run(request: ExportRequest) -> ExportReport:
    started = time.monotonic()
    with Staging(request.target.resolved, request.task()) as staging:
        with closing(ExportRun(request, staging)) as run:
            run.write()
        size = request.target.complete(staging)
        staging.publish()
    return _report(request, run, size, time.monotonic() - started)


def _report(request: ExportRequest, run: ExportRun, size: int, seconds: float) -> ExportReport:
    redaction, labels = request.redaction, request.labels
    ends, changes = _ends_and_changes(request, run)
    return ExportReport(
        path=request.target.path,
        format=request.target.format,
        sessions=run.sessions,
        messages=run.messages,
        unreadable=run.unreadable,
        resumed=run.resumed,
        bytes=size,
        commands=run.commands,
        seconds=seconds,
        left_out=left_out_frame(run.left_out),
        redacted={} if redaction is None else dict(redaction.counts),
        unredactable=() if redaction is None else tuple(redaction.left_out),
        store=request.store_name,
        ends=ends,
        changes=changes,
        labels=0 if labels is None else labels.written,
        labels_left_out=0 if labels is None else labels.left_out,
    )


def _ends_and_changes(request: ExportRequest, run: ExportRun) -> tuple[dict[str, SessionEnd], Changes | None]:
    ends = run.ends.ends
    if request.earlier is None:
        return ends, None
    ids = request.session_ids
    return compared(ends, request.earlier.ends, None if ids is None else map(request.written_id, ids))
