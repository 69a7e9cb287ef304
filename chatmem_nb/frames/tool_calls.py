"""One row a tool call, joined with its result."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pandas as pd

from ..columns.schema import Kind, Rows
from ..content import ToolCall, ToolResult, as_text, failure, tool_calls, tool_results
from ..records import StoredMessage
from ..redaction import Redactor, redaction_of
from ..sources import Source, sessions
from .redacted import noted, redacted

CALL_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "index": "int32",
    "call": "Int64",
    "kind": "category",
    "tool_call_id": "text",
    "name": "text",
    "args": "text",
    "result": "text",
    "result_index": "Int64",
    "status": "category",
    "error": "text",
    "failed": "bool",
    "failed_by": "category",
    "called_at": "time",
    "answered_at": "time",
    "took": "duration",
}
KINDS = ("call", "server", "result")
"""`call`: the application runs the tool; `server`: the provider ran it; `result`: a result without a call."""
STATUSES = ("success", "error", "missing", "invalid")
"""As its result says; `missing`: it has no result; `invalid`: its arguments could not be read."""
FAILED_BY = ("status", "text")
_CATEGORIES = {"kind": KINDS, "status": STATUSES, "failed_by": FAILED_BY}


def tool_calls_frame(
    source: Source, *, failed: Callable[[str], bool] | None = None, redact: Redactor | None = None
) -> pd.DataFrame:
    """Return one row a tool call of `source`, in order, with the first result after it that bears its id.

    `index` is that of the message that calls, `call` the position among its calls; for a result without a
    call, `index` is its own and `call` is missing. `kind` is "call", "server" (the provider ran the tool
    itself: a web search, a code interpreter) or "result" (without a call). `args` is JSON text; those of an
    `invalid` call are as the model wrote them. `result` is what the tool returned, as text, and `error` why
    it is of no use: the result itself, or what was wrong with the call. `took` is the time between the two
    messages being stored, if both times are known. Calls that share an id are joined in order.

    `failed` is true if the status says so (`failed_by` "status"), if the call is invalid, or if the text of
    the result looks like an error (`failed_by` "text"): the parameter `failed`, a function of that text,
    replaces the rule for texts (the default takes a text that begins like an error, such as a traceback, or
    a JSON object with an `error`).

    `redact` is that of `to_dataframe`.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> calls = tool_calls_frame((store, ["trip-planner"]))
    >>> calls["name"].tolist()
    ['find_trains', 'hold_berth', 'weather']
    """
    rows = Rows(CALL_COLUMNS, _CATEGORIES)
    unanswered = UnansweredCalls()
    redaction = redaction_of(redact)
    for session_id, records in redacted(sessions(source), redaction):
        unanswered.enter(session_id)
        for record in records:
            for position, call in enumerate(tool_calls(record.data or {})):
                row = rows.add(session_id=session_id, **_call_values(record, position, call))
                unanswered.add(row, call)
            for result in tool_results(record):
                found = unanswered.answered_by(result)
                if found is None:
                    found = rows.add(session_id=session_id, **_orphan_values(record, result))
                _join(found, record, result, failed)
    return noted(rows.frame(), redaction)


def _call_values(record: StoredMessage, position: int, call: ToolCall) -> dict[str, Any]:
    is_invalid = call.error is not None
    return {
        "index": record.index,
        "call": position,
        "kind": "server" if call.kind == "server" else "call",
        "tool_call_id": call.id,
        "name": call.name,
        "args": as_text(call.args),
        "status": "invalid" if is_invalid else "missing",
        "error": call.error,
        "failed": is_invalid,
        "failed_by": "status" if is_invalid else None,
        "called_at": record.stored_at,
    }


def _orphan_values(record: StoredMessage, result: ToolResult) -> dict[str, Any]:
    return {
        "index": record.index,
        "kind": "result",
        "tool_call_id": result.call_id,
        "name": result.name,
        "status": "missing",
        "failed": False,
    }


def _join(
    row: dict[str, Any], record: StoredMessage, result: ToolResult, rule: Callable[[str], bool] | None
) -> None:
    row.update(result=result.text, result_index=record.index, answered_at=record.stored_at)
    if row["status"] != "invalid":
        row["status"] = "error" if result.is_error else "success"
        row["failed_by"] = failure(result.text, is_error=result.is_error, rule=rule)
        row["failed"] = row["failed_by"] is not None
    if result.is_error:
        row["error"] = result.text
    if row.get("called_at") and record.stored_at:
        row["took"] = record.stored_at - row["called_at"]


class UnansweredCalls:
    """The calls of one session that have no result yet."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._rows: dict[tuple[str, str | None], deque[list[dict[str, Any]]]] = {}

    def enter(self, session_id: str | None) -> None:
        """Forget the calls of another session."""
        if session_id != self._session_id:
            self._session_id, self._rows = session_id, {}

    def add(self, row: dict[str, Any], call: ToolCall) -> None:
        """Wait for the result of `call`, whose row this is."""
        keys = [("function", call.name) if call.kind == "function" else ("id", call.id)]
        if call.kind == "server":
            keys.append(_ANY_SERVER_CALL)
        place = [row]
        for key in keys:
            self._rows.setdefault(key, deque()).append(place)

    def answered_by(self, result: ToolResult) -> dict[str, Any] | None:
        """Return the row of the first call that `result` belongs to, which it then no longer waits for."""
        waiting = self._rows.get(_key(result), deque())
        while waiting:
            if place := waiting.popleft():  # a server call waits under two keys, and leaves one place empty
                return place.pop()
        return None


_ANY_SERVER_CALL = ("server", None)


def _key(result: ToolResult) -> tuple[str, str | None]:
    if result.kind == "function":
        return "function", result.name
    if result.kind == "server" and result.call_id is None:  # Google's code execution has no ids
        return _ANY_SERVER_CALL
    return "id", result.call_id
