"""`copy_sessions`: copies sessions from a store or another source to a store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    """Copy sessions byte for byte, and return a frame that says what was done, with a row per session.

    `from_store` is a store, another source of sessions, the path of a file, or a frame of `to_dataframe`,
    filtered or edited: rows that were not edited are copied byte for byte, others are rebuilt as
    `from_dataframe` does. `ids` are the sessions to copy (None: all).

    Each session is read completely and then written by one call of `to_store`: an interruption leaves it
    either unchanged or complete. With "replace" the new session is written before the old one is erased. The
    TTL is that of `to_store`. If `to_store` rejects a session (a record over its limit), the row says
    `failed` with the problem, and the other sessions are copied.

    `on_conflict` says what to do with sessions that `to_store` already has: "error" raises before anything
    is written, and lists all ids first to find out; "append" and "replace" do what they say. "merge" adds
    missing records: they are matched by `record_id` (by text if they have none), and those of a LangGraph
    thread also by the id that `to_langgraph` gave them; those missing at the end are appended, those in
    between inserted. A message that got an id or another `stored_at` still matches. "skip" compares length,
    first and last record. The row says `create`, `merge` with `n_messages` added, `skip` if the session
    exists, and `different` with the problem if it was left unchanged because both versions cannot be merged
    ("merge") or are not the same ("skip"). With `dry_run`, nothing is written.

    `redact` replaces personal data and credentials in what is written. Records that are not JSON are left
    out; `attrs["redaction"]` of the frame has the counts and names these records. To merge redacted copies,
    redact them with the same key.

    Both stores may be in the same database if their key prefixes differ. If the services are the same and
    the endpoints do not show whether the databases are, a probe record is written to `to_store`, read
    through `from_store`, and deleted; it would expire after a minute.

    Raises: InvalidInputError before anything is changed, also if both stores hold the same sessions;
    StoreError: call again with "merge" for the rest.

    >>> copy_sessions(store, momento.store(), ["trip-planner"])["n_messages"].tolist()
    [10]
    """
    if isinstance(ids, str):
        raise InvalidInputError('ids must be a list of session ids, as in ["alice"]')
    source = _checked_reader(from_store)
    redaction = redaction_of(redact)
    writer = SessionWriter(to_store, on_conflict, dry_run)
    names = list(dict.fromkeys(scope_ids(source, ids)))
    check_distinct(source, to_store, names, dry_run=dry_run)
    copy = _Copy(source, writer, redact, redaction)
    found = copy.run(names, progress)
    if ids is not None:
        copy.report_missing([name for name in names if name not in found])
    report = writer.report()
    if redaction is not None:
        report.attrs["redaction"] = redaction.summary()
    return report


@dataclass(frozen=True, slots=True)
class _Copy:
    """Reads sessions of `source`, and gives them to `writer`."""

    source: SessionReader
    writer: SessionWriter
    redact: Redactor | None
    redaction: Redaction | None
    """Applies `redact`, and counts what it replaces."""

    def run(self, session_ids: list[str], progress: bool) -> set[str]:
        """Copy these sessions, but for those that are to be skipped, which are compared.

        Return the ids of those that the source has.
        """
        self.writer.check([self._written_id(session_id) for session_id in session_ids])
        reader = dated(self.source)
        skipped = {session_id: None for session_id in session_ids if self._is_skipped(session_id)}
        for summary in reader.summaries(list(skipped)) if skipped else ():
            self.writer.compare(_redacted_summary(summary, self.redact))
        wanted = [session_id for session_id in session_ids if session_id not in skipped]
        with tqdm(
            total=len(session_ids), initial=len(skipped), desc="copy", unit=" sessions", disable=not progress
        ) as bar:
            found = set(skipped)
            for session_id, records in joined_pages(reader.read_many(wanted)):
                found.add(session_id)
                self._write(session_id, records)
                bar.update()
            self.writer.flush()
        return found

    def report_missing(self, session_ids: Iterable[str]) -> None:
        """Report sessions that were asked for by name, and of which the source has no message."""
        for session_id in session_ids:
            self.writer.fail(self._written_id(session_id), "the source has no messages of it")

    def _written_id(self, session_id: str) -> str:
        return session_id if self.redaction is None else self.redaction.session_id(session_id)

    def _is_skipped(self, session_id: str) -> bool:
        return self.writer.outcomes[self._written_id(session_id)].action == "skip"

    def _write(self, session_id: str, records: list[str]) -> None:
        problem = next(filter(None, map(unreadable_reason, records)), None)
        if problem is None:
            texts = _redacted_texts(session_id, records, self.redaction)
            self.writer.add(self._written_id(session_id), texts)
        else:
            self.writer.fail(self._written_id(session_id), problem)


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
    """Return the summary that a copy of this session has."""
    redaction = redaction_of(redact)  # a separate one: these records are not written, and so not counted
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
