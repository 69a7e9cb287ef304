"""What `export` was asked to do, checked before anything is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..frames.messages import Where
from ..labels import Labels
from ..redaction import Redaction, Redactor, redaction_of
from ..sources import Source, store_scope
from ..stores.protocol import SessionReader, SessionStore
from .budget import checked_max_commands
from .exported_labels import ExportedLabels
from .incremental import ends_digest
from .report import ExportReport
from .saved_report import earlier_report
from .target import Target, checked_target


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The checked arguments of one export."""

    source: Source
    store: SessionReader | None
    """What the sessions are read from; None for messages in memory."""
    session_ids: list[str] | None
    """The sessions of `store` that are exported; None: all."""
    target: Target
    where: Where | None
    strict: bool
    max_commands: int | None
    resume: bool
    progress: bool
    redact: Redactor | None
    redaction: Redaction | None
    """Applies `redact`, and counts what it replaces."""
    earlier: ExportReport | None
    """The report given as `since`."""
    labels: ExportedLabels | None

    @property
    def store_name(self) -> str | None:
        """What identifies the store, without a secret; None for other sources."""
        return _store_name(self.store)

    def written_id(self, session_id: str) -> str:
        """Return the id that a session is written with: its pseudonym, if ids are redacted."""
        return session_id if self.redaction is None else self.redaction.session_id(session_id)

    def task(self) -> dict[str, Any] | None:
        """Return what identifies this export, to resume it; None if it must start anew."""
        fingerprint = None if self.redact is None else self.redact.fingerprint()
        is_comparable = not callable(self.where) and (self.redact is None or fingerprint is not None)
        if not self.resume or self.store_name is None or not is_comparable:
            return None
        return {
            "format": self.target.format,
            "columns": self.target.columns,
            "partition_by": self.target.partition_by,
            "strict": self.strict,
            "redact": fingerprint,
            "labels": None if self.labels is None else str(self.labels.path),
            "since": None if self.earlier is None else ends_digest(self.earlier.ends),
            "where": _where_text(self.where),
            "ids": _ids_digest(self.session_ids),
            "store": self.store_name,
        }


def checked_request(
    source: Source,
    path: str | Path,
    format: str | None,
    *,
    columns: Iterable[str] | None,
    where: Where | None,
    partition_by: Iterable[str],
    strict: bool,
    max_commands: int | None,
    resume: bool,
    progress: bool,
    redact: Redactor | None,
    since: ExportReport | str | Path | None,
    labels: Labels | None,
    dry_run: bool,
) -> ExportRequest:
    """Return the arguments of `export`, checked. No message of `source` is read.

    Raises: InvalidInputError; OSError if the file of `since` or of a source cannot be opened.
    """
    target = checked_target(path, format, columns, partition_by)
    redaction = redaction_of(redact)
    exported_labels = None if labels is None else ExportedLabels(labels, redaction)
    store, session_ids = store_scope(source) or (None, None)
    earlier = earlier_report(since, _store_name(store))
    if earlier is not None:
        _check_since(store, dry_run=dry_run, has_labels=labels is not None)
    if not dry_run:
        _check_not_own_file(source, target.path)
    return ExportRequest(
        source=source,
        store=store,
        session_ids=session_ids,
        target=target,
        where=where,
        strict=strict,
        max_commands=checked_max_commands(max_commands, store),
        resume=resume,
        progress=progress,
        redact=redact,
        redaction=redaction,
        earlier=earlier,
        labels=exported_labels,
    )


def _check_since(store: SessionReader | None, *, dry_run: bool, has_labels: bool) -> None:
    if store is None:
        raise InvalidInputError(
            "since is for stores and other sources of sessions; messages in memory are exported whole",
            field="since",
        )
    if dry_run:
        raise InvalidInputError(
            "since and dry_run cannot be combined: finding what is new means checking every session",
            field="since",
        )
    if has_labels:
        raise InvalidInputError(
            "labels go with whole sessions; leave out since, or copy the file of labels", field="labels"
        )


def _check_not_own_file(source: Source, path: Path) -> None:
    """Raises: InvalidInputError if `source` is a history that keeps its messages in the file `path`."""
    kept = getattr(source, "file_path", None)  # the attribute of LangChain's FileChatMessageHistory
    if isinstance(kept, str | Path) and os.path.realpath(kept) == os.path.realpath(path):
        raise InvalidInputError(f"{path} is the history's own file; choose another path")


def _store_name(store: SessionReader | None) -> str | None:
    # The repr of a store identifies it, and contains no secret; that of another source may not.
    return repr(store) if isinstance(store, SessionStore) else None


def _where_text(where: Where | None) -> str | None:
    if where is None or callable(where):
        return None
    return repr(sorted((name, repr(value)) for name, value in where.items()))


def _ids_digest(session_ids: list[str] | None) -> str | None:
    if session_ids is None:
        return None
    return hashlib.sha256("\n".join(session_ids).encode()).hexdigest()
