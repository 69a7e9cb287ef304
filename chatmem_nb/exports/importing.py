"""Exported files into a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.reading import FileReader
from ..frames.session_writer import Conflict, SessionWriter
from ..stores.protocol import SessionStore
from .whole_sessions import joined_pieces

if TYPE_CHECKING:
    import pandas as pd


def import_file(
    path: str | Path,
    store: SessionStore,
    *,
    format: str | None = None,
    session_id: str | None = None,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
) -> pd.DataFrame:
    """Store the conversations of a Parquet, JSONL, OpenAI or CSV file; return what was done, a row a session.

    What was exported and not edited returns byte for byte; edited columns are rebuilt, as `from_dataframe`
    does. The file is read twice, a piece at a time: once to check that all of it can be stored and which
    sessions are there already, and once to store it. A session is written once it was read whole, by one
    call: an interruption leaves it as it was or as it is to be. `on_conflict`, `dry_run` and `session_id`
    (for messages that have none) are those of `from_dataframe`; several conversations without ids become a
    session each, `session_id` and the number of its line. `format` is told by the suffix; JSONL is told from
    OpenAI's form by its lines. `~` in the path is the home folder.

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
    for name, records, n_rebuilt in joined_pieces(file.path, file.pieces(), counts):
        writer.add(name, records, n_rebuilt=n_rebuilt)
    return writer.report()
