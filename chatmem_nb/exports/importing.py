"""Exported files into a store."""

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


_NOT_THERE = frozenset({"failed", "different", "conflict"})


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
    """Store the conversations of a file, and return what was done, one row a session.

    Read are Parquet, JSONL and CSV as `export` writes them, and conversations in OpenAI's form or in
    ShareGPT's: JSONL, plain JSON, or Parquet with a column `messages`. JSONL may be compressed: `.jsonl.gz`,
    `.jsonl.zst`. `format` is told by the suffix; what the lines of JSONL are, and whether Parquet is a frame,
    by the content.

    What was exported and not edited returns byte for byte; edited columns are rebuilt, as `from_dataframe`
    does. The file is read twice, a piece at a time: once to check that all of it can be stored and which
    sessions are there already, and once to store it. A session is written once it was read whole, by one
    call: an interruption leaves it as it was or as it is to be. `on_conflict`, `dry_run` and `session_id`
    (for messages that have none) are those of `from_dataframe`; several conversations without ids become a
    session each, `session_id` and the number of its line. `~` in the path is the home folder.

    `labels` takes up the labels that the file carries of sessions which are in the store then; those that it
    has already are not added again, and of two notes the later one counts. `attrs["labels"]` of the result
    says how many came.

    Raises: OSError; InvalidInputError and RecordError, with the line or the record, before anything is
    written; StoreError and its kinds: call again with "merge" for the rest.

    >>> _ = export((store, ["trip-planner"]), "trip.jsonl", progress=False)
    >>> import_file("trip.jsonl", momento.store())["n_messages"].tolist()
    [10]
    """
    file = FileReader(Path(path), format, session_id)
    writer = SessionWriter(store, on_conflict, dry_run)
    counts = Counter(piece.session_id for piece in file.pieces())
    writer.check(list(counts))
    waiting: list[tuple[str, Sequence[dict[str, Any]]]] = []
    for name, records, n_rebuilt, events in joined_pieces(file.path, file.pieces(), counts):
        writer.add(name, records, n_rebuilt=n_rebuilt)
        if labels is not None and events and not dry_run:
            waiting.append((name, events))
    writer.flush()
    report = writer.report()
    if labels is not None:
        there = [one for one in waiting if writer.outcomes[one[0]].action not in _NOT_THERE]
        added = sum(add_labels(labels, name, events) for name, events in there)
        report.attrs["labels"] = added
    return report
