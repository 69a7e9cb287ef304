"""A frame of messages into a store."""

from __future__ import annotations

from typing import get_args

import pandas as pd

from ..columns.row_records import frame_records
from ..errors import InvalidInputError
from ..stores.protocol import SessionStore
from .session_writer import FrameConflict, SessionWriter


def from_dataframe(
    frame: pd.DataFrame,
    store: SessionStore,
    *,
    session_id: str | None = None,
    on_conflict: FrameConflict = "error",
    partial: bool = False,
    dry_run: bool = False,
) -> pd.DataFrame:
    """Store the messages of `frame`, and return one row a session that says what was done.

    Rows go by session, sorted by `index` if there is that column. A row that was not edited is stored byte
    for byte as its `raw`. If columns differ from what `raw` says, the record is rebuilt with them, and all
    else in it stays; if `raw` itself was edited (`checksum` tells), it is stored as it is. A row with no
    `raw` is built from its columns, of which `type` or `role` and `content` are needed; a list in `content`
    is stored as content blocks. Columns that no record keeps, such as your own, are ignored. `session_id` is
    for rows that have none.

    `on_conflict` is for sessions that exist already: "error" (nothing is written at all), "append",
    "replace", "update" (edited rows replace the records with their `record_id`, and nothing else changes),
    "merge" (what is missing is added, as `copy_sessions` does), "skip". The last three report a session as
    `different` that cannot be matched, cannot be aligned, or whose length or ends differ, and leave it alone.
    "replace" is refused for a session of which the frame lacks rows, as after a filter: with `partial` it
    deletes them. With `dry_run` nothing is written, and the report says what would be.

    Raises: InvalidInputError; RecordError, with session and record, for a row that cannot be turned
    into a message, before anything is written; StoreError and its kinds.

    >>> frame = to_dataframe((store, ["short-hello"]))
    >>> frame.loc[0, "content"] = "Hello there!"
    >>> from_dataframe(frame, store, on_conflict="replace")["n_rebuilt"].tolist()
    [1]
    """
    writer = SessionWriter(store, on_conflict, dry_run, choices=get_args(FrameConflict))
    found = list(frame_records(frame, session_id))
    writer.check([name for name, _, _ in found])
    if on_conflict == "replace" and not partial:
        _check_complete(frame, session_id, writer)
    for name, records, n_rebuilt in found:
        writer.add(name, records, n_rebuilt=n_rebuilt)
    writer.flush()
    return writer.report()


def _check_complete(frame: pd.DataFrame, session_id: str | None, writer: SessionWriter) -> None:
    """Raises: InvalidInputError if the frame lacks rows of a session that is to be replaced."""
    names = frame["session_id"] if "session_id" in frame else pd.Series([None] * len(frame), dtype=object)
    for name, outcome in writer.outcomes.items():
        rows = frame[(names.isna() if name == session_id else names.astype("str") == name).to_numpy()]
        missing = outcome.there_before - len(rows)
        if "index" in rows:
            missing = len(set(range(outcome.there_before)) - set(rows["index"].dropna()))
        if missing > 0:
            raise InvalidInputError(
                f"the frame lacks {missing:,} of the {outcome.there_before:,} records that the store has of "
                f"session {name!r}, and nothing was written; change single rows with on_conflict='update', "
                "or delete the others with partial=True",
                field="partial",
            )
