"""Sessions from one store to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from ..errors import InvalidInputError
from ..frames.session_writer import Conflict, SessionWriter
from ..records import parse_all, unreadable_reason
from ..redaction import Redaction, Redactor, redaction_of
from ..sources import as_reader, dated, scope_ids
from ..stores.protocol import SessionReader, SessionStore, SessionSummary
from .same_database import check_distinct
from .whole_sessions import joined_pages

if TYPE_CHECKING:
    import pandas as pd


def copy_sessions(
    from_store: SessionReader | pd.DataFrame | str | PathLike[str],
    to_store: SessionStore,
    ids: Iterable[str] | None = None,
    *,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
    progress: bool = True,
    redact: Redactor | None = None,
) -> pd.DataFrame:
    """Copy sessions (`ids`; None: all), byte for byte, and return one row a session that says what was done.

    `from_store` is a store, another source of sessions, the path of a file, or a frame of `to_dataframe`,
    filtered or edited: what was not edited is copied byte for byte, and other rows are rebuilt as
    `from_dataframe` does.

    A session is written once it was read whole, by one call of `to_store` that keeps its promises: an
    interruption leaves each session as it was or as it is to be. With "replace" the new session is written
    before the old one is erased. The TTL is that of `to_store`. A session that it does not take (a record
    over its limit) has `failed`, with the problem, and the others go on.

    `on_conflict` is for sessions that are there already: "error" stops before anything is written, which
    takes a list of all ids first; "append" and "replace" do what they say. "merge" adds what is missing:
    records are matched by `record_id` (by text if it has none), and those of a LangGraph thread also by the
    id that `to_langgraph` gave them; those missing at the end are appended, those in between inserted. That a
    message got an id or another `stored_at` is no difference. "skip" compares length, first and last record.
    The row says `create`, `merge` with `n_messages` added, `skip` if the session is there, and `different`
    with the problem if it was left alone because it cannot be aligned ("merge") or is not the same ("skip").
    With `dry_run`, nothing is written.

    `redact` replaces personal data and credentials in what is written. Records that are not JSON are left
    out; `attrs["redaction"]` of the frame counts and names. Copies to be merged need the same key.

    Both stores may be of one database if their prefixes differ. To tell, where both services are the same
    and the endpoints do not settle it, a probe record is written to `to_store`, read through `from_store`,
    and deleted; it would expire after a minute.

    Raises: InvalidInputError before anything is changed, also if both stores hold the same sessions;
    StoreError and its kinds: call again with "merge" for the rest.

    >>> copy_sessions(store, momento.store(), ["trip-planner"])["n_messages"].tolist()
    [10]
    """
    if isinstance(ids, str):
        raise InvalidInputError('ids must be a list of session ids, as in ["alice"]')
    source = _checked_reader(from_store)
    redaction = redaction_of(redact)
    names = list(dict.fromkeys(scope_ids(source, ids)))
    name_of = {name: name if redaction is None else redaction.session_id(name) for name in names}
    check_distinct(source, to_store, names, dry_run=dry_run)
    writer = SessionWriter(to_store, on_conflict, dry_run)
    writer.check(list(name_of.values()))
    reader = dated(source)
    skipped = [name for name in names if writer.outcomes[name_of[name]].action == "skip"]
    for summary in reader.summaries(skipped) if skipped else ():
        writer.compare(_redacted_summary(summary, redact))
    left_alone = set(skipped)
    wanted = [name for name in names if name not in left_alone]
    with tqdm(
        total=len(names),
        initial=len(names) - len(wanted),
        desc="copy",
        unit=" sessions",
        disable=not progress,
    ) as bar:
        for session_id, records in joined_pages(reader.read_many(wanted)):
            problem = next(filter(None, map(unreadable_reason, records)), None)
            if problem is None:
                writer.add(name_of[session_id], _redacted_texts(session_id, records, redaction))
            else:
                writer.fail(name_of[session_id], problem)
            bar.update()
        writer.flush()
    report = writer.report()
    if redaction is not None:
        report.attrs["redaction"] = redaction.summary()
    return report


def _checked_reader(source: object) -> SessionReader:
    reader = as_reader(source)
    if reader is None:
        raise InvalidInputError(
            "from_store must be a store or another source of sessions, the path of a file, or a DataFrame of "
            f"messages, not {type(source).__name__}"
        )
    return reader


def _redacted_texts(session_id: str, records: list[str], redaction: Redaction | None) -> list[str]:
    if redaction is None:
        return records
    return [record.raw for record in redaction.records(session_id, parse_all(records))]


def _redacted_summary(summary: SessionSummary, redact: Redactor | None) -> SessionSummary:
    """The summary that the copy of this session has."""
    redaction = redaction_of(redact)  # one of its own: these records are not written, and so not counted
    if redaction is None:
        return summary
    ends = [record for record in (summary.first, summary.last) if record is not None]
    texts = [_redacted_texts(summary.session_id, [record], redaction) for record in ends]
    first, last = (texts[0][:1], texts[-1][:1]) if texts else ([], [])
    return replace(
        summary,
        session_id=redaction.session_id(summary.session_id),
        first=first[0] if first else None,
        last=last[0] if last else None,
    )
