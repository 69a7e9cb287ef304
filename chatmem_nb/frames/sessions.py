"""One row a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pandas as pd

from ..columns.schema import CATEGORIES, Kind, Rows
from ..columns.values import Fields, column_values
from ..content import whole_number
from ..plain_text import utf8_size
from ..records import StoredMessage
from ..redaction import Redactor, redaction_of
from ..sources import Source, sessions, store_scope
from ..stores.protocol import SessionReader
from .redacted import noted

SESSION_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "n_messages": "Int64",
    "n_bad": "Int64",
    "first_role": "category",
    "first_text": "text",
    "last_role": "category",
    "last_text": "text",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "total_tokens": "Int64",
    "first_at": "time",
    "last_at": "time",
    "ttl": "duration",
    "bytes": "Int64",
}
_SUMS = ("input_tokens", "output_tokens", "total_tokens")
_ENDS = {"role": "role", "content": "text"}
_PAGE = 200


def sessions_frame(store: Source, *, redact: Redactor | None = None) -> pd.DataFrame:
    """Return one row a session of `store` (or of any other source), in the order in which it lists them.

    `n_messages` counts all records, `n_bad` those that cannot be read. Token sums are missing where no
    message has a count. `bytes` is the UTF-8 size of the records. `ttl` is the remaining life, missing where
    it has no end or the service cannot tell; `first_at` and `last_at` are times of storing, where known.

    `redact` is that of `to_dataframe`.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> frame = sessions_frame((store, ["one-broken-record", "trip-planner"]))
    >>> frame[["n_messages", "n_bad"]].to_dict("list")
    {'n_messages': [4, 10], 'n_bad': [1, 0]}
    """
    scope = store_scope(store)
    redaction = redaction_of(redact)
    rows = Rows(SESSION_COLUMNS, {"first_role": CATEGORIES["role"], "last_role": CATEGORIES["role"]})
    found: dict[str | None, dict[str, Any]] = {}
    for session_id, records in sessions(store):
        shown_id = session_id
        if redaction is not None:
            shown_id, records = redaction.session(session_id, records)
        if records:
            row = found.get(session_id)
            if row is None:
                row = found[session_id] = rows.add(session_id=shown_id, n_messages=0, n_bad=0, bytes=0)
            _count(row, records)
    for row in found.values():
        row.update({name: whole_number(row.get(name)) for name in _SUMS})
    if scope is not None:
        for session_id, ttl in _ttls(scope[0], [session_id for session_id in found if session_id]):
            found[session_id]["ttl"] = ttl
    return noted(rows.frame(), redaction)


def _count(row: dict[str, Any], records: list[StoredMessage]) -> None:
    row["n_messages"] += len(records)
    row["n_bad"] += sum(record.error is not None for record in records)
    row["bytes"] += sum(utf8_size(record.raw) for record in records)
    _set_ends(row, records)
    for name, counts in column_values(_SUMS, Fields.of([], records)).items():
        known = [count for count in counts if count is not None]
        if known:
            row[name] = row.get(name, 0) + sum(known)
    stamps = [record.stored_at for record in records if record.stored_at is not None]
    if stamps:
        row["first_at"] = min(stamps[0], row.get("first_at") or stamps[0])
        row["last_at"] = stamps[-1]


def _set_ends(row: dict[str, Any], records: list[StoredMessage]) -> None:
    for name, suffix in _ENDS.items():
        first, last = column_values([name], Fields.of([], [records[0], records[-1]]))[name]
        row.setdefault(f"first_{suffix}", first)
        row[f"last_{suffix}"] = last


def _ttls(store: SessionReader, session_ids: Iterable[str]) -> Iterator[tuple[str, timedelta | None]]:
    ids = iter(session_ids)
    while page := list(islice(ids, _PAGE)):
        for summary in store.summaries(page):
            yield summary.session_id, summary.ttl
