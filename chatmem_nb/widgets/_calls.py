"""The tool calls of a message, in whatever shape its provider left them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..frames.calls import invalid_tool_calls, tool_calls
from ..json_text import pretty_start
from ..markdown import clip, showable

_IN_CONTENT: Final = frozenset(
    {"tool_use", "tool_call", "invalid_tool_call", "function_call", "server_tool_call", "server_tool_use"}
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool. `args` is whatever stood there: an object, or a string that is not JSON."""

    id: str | None
    name: str | None
    args: object
    error: str | None = None

    def pretty(self, limit: int) -> str:
        """Return the arguments as indented JSON, or as they are if they are a string; cut at `limit`."""
        if isinstance(self.args, str):
            text, rest = clip(self.args, limit)
            return showable(text) + ("…" if rest else "")
        return showable(pretty_start(self.args, limit))


def tool_calls_of(data: dict[str, Any]) -> list[ToolCall]:
    """Return the tool calls of a message's `data`, in order, as the frames know them.

    Where LangChain's own lists are empty, calls are taken from content blocks, and from OpenAI's form
    before tools.
    """
    found = [_call(call) for call in _dicts(tool_calls(data))]
    for call in _dicts(invalid_tool_calls(data)):
        error = call.get("error")
        reason = error if isinstance(error, str) and error else "its arguments are no JSON object"
        found.append(_call(call, reason))
    return found or list(_elsewhere(data))


def _call(call: Mapping[str, Any], error: str | None = None) -> ToolCall:
    return ToolCall(_text(call.get("id")), _text(call.get("name")), call.get("args"), error)


def _elsewhere(data: dict[str, Any]) -> Iterator[ToolCall]:
    for block in _dicts(data.get("content")):
        if _text(block.get("type")) in _IN_CONTENT:
            args = next((block[key] for key in ("args", "input", "arguments") if key in block), None)
            call_id = _text(block.get("call_id")) or _text(block.get("id"))
            yield ToolCall(call_id, _text(block.get("name")), _parsed(args))
    extra = data.get("additional_kwargs")
    function = extra.get("function_call") if isinstance(extra, dict) else None
    if isinstance(function, dict):
        yield ToolCall(None, _text(function.get("name")), _parsed(function.get("arguments")))


def _parsed(args: object) -> object:
    if not isinstance(args, str):
        return args
    try:
        return json.loads(args)
    except (ValueError, RecursionError):  # shown as it stands
        return args


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
