"""`import_file`: stores the conversations of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..formats.reading import FileReader
from ..frames.session_writer import Conflict, SessionWriter
from ..labels import Labels
from ..labels.transfer import add_labels
from ..stores.protocol import SessionStore
from .whole_sessions import joined_pieces

if TYPE_CHECKING:
    import pandas as pd


_NOT_STORED = frozenset({"failed", "different", "conflict"})
"""Actions after which a session of the file is not in the store, or another one of the same id is."""


def import_file(
    path: str | Path,
    store: SessionStore,
    *,
    format: str | None = None,
    session_id: str | None = None,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
    labels: Labels | None = None,
) -> pd.DataFrame:
    """Store the conversations of a file, and return a frame that says what was done, with a row per session.

    Reads Parquet, JSONL and CSV as `export` writes them, and conversations as OpenAI or ShareGPT write them:
    JSONL, plain JSON, or Parquet with a column `messages`. JSONL may be compressed: `.jsonl.gz`,
    `.jsonl.zst`. `format` (None: by the suffix) is the kind of file; what the lines of JSONL hold, and
    whether Parquet is a frame, is detected from the content.

    Records that were exported and not edited are stored byte for byte; edited columns are rebuilt, as
    `from_dataframe` does. The file is read twice, piece by piece: first to check that all of it can be
    stored and which sessions exist, then to store it. Each session is read completely and then written by
    one call: an interruption leaves it either unchanged or complete. `on_conflict`, `dry_run` and
    `session_id` (for messages that have none) are those of `from_dataframe`; if the file has several
    conversations without ids, each becomes a session named `session_id` and the number of its line. `~` in
    the path is the home folder.

    `labels` receives the labels that the file has of sessions that are in the store afterwards; labels it
    already has are not added again, and of two notes the later one counts. `attrs["labels"]` of the result
    is the number of labels that were added.

    Raises: OSError; InvalidInputError and RecordError, with the line or the record, before anything is
    written; StoreError: call again with "merge" for the rest.

    >>> _ = export((store, ["trip-planner"]), "trip.jsonl", progress=False)
    >>> import_file("trip.jsonl", momento.store())["n_messages"].tolist()
    [10]
    """
    file = FileReader(Path(path), format, session_id)
    writer = SessionWriter(store, on_conflict, dry_run)
    counts = Counter(piece.session_id for piece in file.pieces())
    writer.check(list(counts))
    label_events: list[tuple[str, Sequence[dict[str, Any]]]] = []
    for name, records, n_rebuilt, events in joined_pieces(file.path, file.pieces(), counts):
        writer.add(name, records, n_rebuilt=n_rebuilt)
        if labels is not None and events and not dry_run:
            label_events.append((name, events))
    writer.flush()
    report = writer.report()
    if labels is not None:
        report.attrs["labels"] = sum(
            add_labels(labels, name, events)
            for name, events in label_events
            if writer.outcomes[name].action not in _NOT_STORED
        )
    return report
