"""One row a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pandas as pd

from ..columns.schema import CATEGORIES, Kind, Rows
from ..columns.values import Fields, column_values
from ..content import message_text, role, tool_calls, tool_results, whole_number
from ..plain_text import utf8_size
from ..records import StoredMessage
from ..redaction import Redactor, redaction_of
from ..sources import Source, sessions, store_scope
from ..stores.protocol import SessionReader
from .redacted import noted
from .tool_calls import UnansweredCalls

SESSION_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "n_messages": "Int64",
    "n_bad": "Int64",
    "n_turns": "Int64",
    "n_tool_calls": "Int64",
    "n_failed_calls": "Int64",
    "first_role": "category",
    "first_text": "text",
    "last_role": "category",
    "last_text": "text",
    "last_human_text": "text",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "total_tokens": "Int64",
    "first_at": "time",
    "last_at": "time",
    "duration": "duration",
    "ttl": "duration",
    "bytes": "Int64",
}
_SUMS = ("input_tokens", "output_tokens", "total_tokens")
_ENDS = {"role": "role", "content": "text"}
_PAGE = 200
_NOTHING_YET = dict.fromkeys(("n_messages", "n_bad", "n_turns", "n_tool_calls", "n_failed_calls", "bytes"), 0)


def sessions_frame(store: Source, *, redact: Redactor | None = None) -> pd.DataFrame:
    """Return one row a session of `store` (or of any other source), in the order in which it lists them.

    `n_messages` counts all records, `n_bad` those that cannot be read. Token sums are missing where no
    message has a count. `n_turns` counts the messages of users, `n_failed_calls` the tool calls that
    `tool_calls_frame` has as failed. `bytes` is the UTF-8 size of the records. `ttl` is missing if a session
    does not expire or the service cannot tell; `first_at`, `last_at` and the `duration` between them are of
    the times of storing, where known.

    `redact` is that of `to_dataframe`.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> frame = sessions_frame((store, ["one-broken-record", "trip-planner"]))
    >>> frame[["n_messages", "n_bad"]].to_dict("list")
    {'n_messages': [4, 10], 'n_bad': [1, 0]}
    """
    scope = store_scope(store)
    redaction = redaction_of(redact)
    rows = Rows(SESSION_COLUMNS, {"first_role": CATEGORIES["role"], "last_role": CATEGORIES["role"]})
    calls = UnansweredCalls()
    found: dict[str | None, dict[str, Any]] = {}
    for session_id, records in sessions(store):
        shown_id = session_id
        if redaction is not None:
            shown_id, records = redaction.session(session_id, records)
        if records:
            row = found.get(session_id)
            if row is None:
                row = found[session_id] = rows.add(session_id=shown_id, **_NOTHING_YET)
            _count(row, records)
            _count_calls(row, records, calls, session_id)
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
        row["last_at"] = max(*stamps, row.get("last_at") or stamps[0])
        row["first_at"] = min(*stamps, row.get("first_at") or stamps[0])
        row["duration"] = row["last_at"] - row["first_at"]
    for record in records:
        if record.data is not None and role(record.type, record.data) == "user":
            row["n_turns"] += 1
            row["last_human_text"] = message_text(record.type, record.data)


def _count_calls(
    row: dict[str, Any], records: list[StoredMessage], waiting: UnansweredCalls, session_id: str | None
) -> None:
    """Count the tool calls, and those that `tool_calls_frame` calls failed."""
    waiting.enter(session_id)
    for record in records:
        for call in tool_calls(record.data or {}):
            waiting.add({"error": call.error}, call)
            row["n_tool_calls"] += 1
            row["n_failed_calls"] += call.error is not None
        for result in tool_results(record):
            called = waiting.answered_by(result)
            if called is not None and called["error"] is None and result.failure is not None:
                row["n_failed_calls"] += 1


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
