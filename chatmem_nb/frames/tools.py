"""One row a tool call, joined with its result."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..json_text import json_text
from ..records import StoredMessage
from ..sources import Source, sessions
from ._rows import Rows
from .calls import invalid_tool_calls, tool_calls
from .columns import as_text, tool_text
from .schema import Kind

CALL_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "index": "int32",
    "call": "int32",
    "tool_call_id": "text",
    "name": "text",
    "args": "text",
    "result": "text",
    "result_index": "Int64",
    "status": "category",
    "error": "text",
    "called_at": "time",
    "answered_at": "time",
    "took": "duration",
}
STATUSES = ("success", "error", "missing", "invalid")
"""As its result says; `missing`: it has no result; `invalid`: its arguments could not be read."""


def tool_calls_frame(source: Source) -> pd.DataFrame:
    """Return one row a tool call of `source`, in order, with the first result after it that bears its id.

    `index` is that of the message that calls, `call` the position among its calls. `args` is JSON text;
    those of an `invalid` call as the model wrote them. `result` is what the tool answered, as text, and
    `error` why there is none to use: the tool's own answer, or what was wrong with the call. `took` is the
    time between the two messages being stored, where both times are known. A call id that comes again is
    answered in order.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> calls = tool_calls_frame((store, ["trip-planner"]))
    >>> calls["name"].tolist()
    ['find_trains', 'hold_berth', 'weather']
    """
    rows = Rows(CALL_COLUMNS, {"status": STATUSES})
    waiting = _Waiting()
    for session_id, records in sessions(source):
        waiting.enter(session_id)
        for record in records:
            data = record.data or {}
            for position, call in enumerate(_calls(data)):
                row = rows.add(
                    session_id=session_id,
                    index=record.index,
                    call=position,
                    called_at=record.stored_at,
                    **call,
                )
                waiting.add(row, is_function="tool_call_id" not in call)
            if record.type in _RESULT_TYPES:
                waiting.answer(record, data)
    return rows.frame()


_RESULT_TYPES = frozenset({"tool", "ToolMessageChunk", "function", "FunctionMessageChunk"})


def _calls(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for call in tool_calls(data) or []:
        if type(call) is dict:
            args = call.get("args")
            yield {**_named(call), "args": None if args is None else json_text(args), "status": "missing"}
    for call in invalid_tool_calls(data):
        if type(call) is dict:
            reason = as_text(call.get("error")) or "its arguments are no JSON object"
            yield {**_named(call), "args": as_text(call.get("args")), "status": "invalid", "error": reason}
    kwargs = data.get("additional_kwargs")
    function = kwargs.get("function_call") if type(kwargs) is dict else None
    if type(function) is dict:  # OpenAI's form before tools: no id, answered by its name
        yield {
            "name": as_text(function.get("name")),
            "args": as_text(function.get("arguments")),
            "status": "missing",
        }


def _named(call: dict[str, Any]) -> dict[str, Any]:
    return {"tool_call_id": as_text(call.get("id")), "name": as_text(call.get("name"))}


class _Waiting:
    """The calls of one session that no result has answered yet."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._rows: dict[tuple[str, str | None], deque[dict[str, Any]]] = {}

    def enter(self, session_id: str | None) -> None:
        if session_id != self._session_id:
            self._session_id, self._rows = session_id, {}

    def add(self, row: dict[str, Any], *, is_function: bool) -> None:
        key = ("name", row["name"]) if is_function else ("id", row["tool_call_id"])
        self._rows.setdefault(key, deque()).append(row)

    def answer(self, record: StoredMessage, data: dict[str, Any]) -> None:
        of_tool = record.type in ("tool", "ToolMessageChunk")
        key = ("id", as_text(data.get("tool_call_id"))) if of_tool else ("name", as_text(data.get("name")))
        if not (rows := self._rows.get(key)):
            return
        row = rows.popleft()
        result = tool_text(data["content"]) if "content" in data else None
        failed = data.get("status") == "error"
        row.update(result=result, result_index=record.index, answered_at=record.stored_at)
        if row["status"] != "invalid":
            row["status"] = "error" if failed else "success"
        if failed:
            row["error"] = result
        if row["called_at"] and record.stored_at:
            row["took"] = record.stored_at - row["called_at"]
