"""Records that are hard to keep: each has lost somebody data."""

from __future__ import annotations

import json
import math

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from chatmem_nb.records import encode

CALL = {"name": "find", "args": {"n": 2**70, "deep": [{"a": 1}, {"b": None}]}, "id": "call_1"}
OTHER_CALL = {"name": "find", "args": {"n": "text now"}, "id": "call_1"}

USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}

ODD_MESSAGES: list[BaseMessage] = [
    SystemMessage("be kind", additional_kwargs={"__openai_role__": "developer"}),
    HumanMessage("=1+1", id="same"),
    HumanMessage("'=quoted", id="same"),
    HumanMessage("half a face \ud83d", name="\udc00"),
    HumanMessage(
        [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "https://a.test"}}]
    ),
    HumanMessage(["plain", {"type": "text", "text": "and block"}]),
    AIMessage("", tool_calls=[CALL], response_metadata={"x": 2**64, "y": -0.0, "z": 1e-320}),
    ToolMessage("zero\x00byte", tool_call_id="call_1", artifact={"nan": math.nan, "inf": -math.inf}),
    AIMessage("", tool_calls=[OTHER_CALL], usage_metadata=USAGE, response_metadata={"model_name": "m"}),
    ToolMessage([{"type": "text", "text": "a"}], tool_call_id="call_1", status="error"),
    ChatMessage("\u2028 line \u2029 separators \x85 \r\n", role="judge"),
    FunctionMessage("", name="f"),
    AIMessage("```py\nopen fence\n# not a heading\n<script>alert(1)</script>"),
]

BAD_RECORDS = [
    "not json",
    "",
    "[1, 2]",
    '{"type": "alien", "data": {"content": "hi"}}',
    '{"type": "ai", "data": {"content": 5}}',
    '{"type": "human", "data": {"content": "cut',
    '{\n  "type": "human",\n  "data": {"content": "on lines"}\n}',
    '{"type": "human", "data": {"content": "k"}, "session_id": "x", "index": 9, "raw": 1}',
    ' {"data": {"content": "other order"}, "type": "human"} ',
    '{"type":"human","data":{"content":"\\u00e9","additional_kwargs":{"n":1.00}}}',
    '{"type": "human", "data": {"content": "deep", "additional_kwargs": ' + "[" * 190 + "]" * 190 + "}}",
    json.dumps({"type": "human", "data": {"content": "\ud800 \udfff"}}),
]
"""Unreadable, or readable and written in an unusual way."""


def odd_records() -> list[str]:
    """Return a record of each kind."""
    return [encode(message) for message in ODD_MESSAGES] + BAD_RECORDS
