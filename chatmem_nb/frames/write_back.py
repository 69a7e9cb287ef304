"""A frame of messages into a store."""

from __future__ import annotations

import pandas as pd

from ..columns.row_records import frame_records
from ..stores.protocol import SessionStore
from .session_writer import Conflict, SessionWriter


def from_dataframe(
    frame: pd.DataFrame,
    store: SessionStore,
    *,
    session_id: str | None = None,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
) -> pd.DataFrame:
    """Store the messages of `frame`, and return one row a session that says what was done.

    Rows go by session, ordered by `index` where that column is there. A row that was not edited is stored
    byte for byte as its `raw`; where columns differ from what `raw` says, the record is rebuilt with them,
    and all else in it stays. A row with no `raw` is built from its columns, of which `type` or `role` and
    `content` are needed. Where rows have no session id, `session_id` is theirs.

    `on_conflict` is for sessions that are there already: "error" (nothing is written at all), "append",
    "replace", "merge" (what is missing is added, as `copy_sessions` does), "skip". The last two report a
    session as `different` that cannot be aligned, or whose length or ends differ, and leave it alone. With
    `dry_run` nothing is written, and the report says what would be.

    Raises: InvalidInputError; RecordError, naming session and record, for a row that makes up no message,
    before anything is written; StoreError and its kinds.

    >>> frame = to_dataframe((store, ["short-hello"]))
    >>> frame.loc[0, "content"] = "Hello there!"
    >>> from_dataframe(frame, store, on_conflict="replace")["n_rebuilt"].tolist()
    [1]
    """
    writer = SessionWriter(store, on_conflict, dry_run)
    found = list(frame_records(frame, session_id))
    writer.check([name for name, _, _ in found])
    for name, records, n_rebuilt in found:
        writer.add(name, records, n_rebuilt=n_rebuilt)
    return writer.report()
