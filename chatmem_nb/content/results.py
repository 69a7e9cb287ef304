"""The results of tools, and whether they say, or appear to say, that the tool failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ..json_text import json_text, parse_json
from ..records import StoredMessage
from .calls import CallKind, is_server_call, server_blocks, server_tool_name
from .text import TOOL_TYPES, JSONObject, as_text, content_text, tool_text

Failure: TypeAlias = Literal["status", "text"]
"""How a failure was recognised: by the status of the result, or by a text that starts like an error."""

_FUNCTION_TYPES: Final = frozenset({"function", "FunctionMessageChunk"})
_RUNNING: Final = ("in_progress", "searching", "interpreting", "calling", "generating", "queued")
_FAILED: Final = ("failed", "incomplete", "error")
_OUTPUTS: Final = ("error", "output", "outputs", "results", "tools", "content", "code_execution_result")
_JSON_LIMIT: Final = 1_000_000

# Errors of Python and of LangChain's ToolNode, of MCP servers and of shells.
_ERROR_TEXT: Final = re.compile(
    r"""\s*(?:
        traceback\ \(most\ recent\ call\ last\)
      | (?!no\b|without\b|zero\b|0\b)(?:[\w-]+\ ){0,3}(?:error|exception)s?
            (?:\s*:|\s*$|\s+(?:occurred|invoking|executing|calling|running|while|when|during|code|[1-9]\d\d\b))
      | [A-Za-z_][\w.]*(?:Error|Exception)\s*[:(]
      | (?:fatal|failure|failed|panic)\s*:
      | (?:failed|unable)\ to\ \w
      | [\w.-]+\ is\ not\ a\ valid\ tool,\ try\ one\ of
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one tool returned."""

    call_id: str | None
    name: str | None
    text: str | None
    kind: CallKind
    is_error: bool
    """Whether its status says that the tool failed."""

    @property
    def failure(self) -> Failure | None:
        """How a failure was recognised; None if the tool did not fail."""
        return failure(self.text, is_error=self.is_error)


def failure(text: str | None, *, is_error: bool, rule: Callable[[str], bool] | None = None) -> Failure | None:
    """Return how a failure is recognised: by status, or by `rule` (default: `looks_failed`) from its text."""
    if is_error:
        return "status"
    return "text" if text and (rule or looks_failed)(text) else None


def looks_failed(text: str) -> bool:
    """Whether the result of a tool begins like an error, or is a JSON object that reports one."""
    if _ERROR_TEXT.match(text[:200]):
        return True
    if len(text) > _JSON_LIMIT or text.lstrip()[:1] != "{":
        return False
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return False
    return type(value) is dict and _reports_error(value)


def _reports_error(value: JSONObject) -> bool:
    if value.get("error") or value.get("errors") or value.get("isError") is True:
        return True
    status = value.get("status")
    return value.get("success") is False or value.get("ok") is False or status in ("error", "failed")


def tool_results(record: StoredMessage) -> list[ToolResult]:
    """Return the results of tools that a message holds: its own, and those in its content blocks."""
    data = record.data or {}
    if record.type in TOOL_TYPES:
        text = tool_text(data["content"]) if "content" in data else None
        is_error = data.get("status") == "error"
        call_id = as_text(data.get("tool_call_id"))
        return [ToolResult(call_id, as_text(data.get("name")), text, "call", is_error)]
    if record.type in _FUNCTION_TYPES:
        text = content_text(data.get("content"))
        return [ToolResult(None, as_text(data.get("name")), text, "function", is_error=False)]
    return [result for block in server_blocks(data) for result in _block_results(block)]


def _block_results(block: JSONObject) -> Iterator[ToolResult]:
    kind = block.get("type")
    if type(kind) is not str:
        return
    if is_server_call(block):  # OpenAI's calls hold their results, Anthropic's and LangChain's do not
        if _has_result(block):
            call_id = as_text(block.get("id")) or None
            yield ToolResult(call_id, server_tool_name(block), _output(block), "server", _is_error(block))
    elif kind == "code_execution_result" and "code_execution_result" in block:  # Google
        call_id = as_text(block.get("tool_call_id") or block.get("id")) or None
        is_error = block.get("outcome") not in (None, 1, "OUTCOME_OK")
        yield ToolResult(call_id, "code_interpreter", _output(block), "server", is_error)
    elif kind.endswith(("tool_result", "_output")):
        call_id = as_text(next((block[key] for key in _CALL_IDS if block.get(key)), None))
        is_client = call_id is not None and (kind == "tool_result" or kind.endswith("_output"))
        of: CallKind = "call" if is_client else "server"
        yield ToolResult(call_id, None, _output(block), of, _is_error(block))


_CALL_IDS: Final = ("tool_call_id", "tool_use_id", "call_id")


def _has_result(block: JSONObject) -> bool:
    if block.get("status") in _RUNNING or block.get("type") == "tool_search_call":
        return False
    return "status" in block or any(block.get(key) is not None for key in _OUTPUTS) or "result" in block


def _is_error(block: JSONObject) -> bool:
    if block.get("status") in _FAILED or block.get("is_error") is True or block.get("error"):
        return True
    content = block.get("content")  # Anthropic's own tools
    kind = content.get("type") if type(content) is dict else None
    return type(kind) is str and kind.endswith("_error")


def _output(block: JSONObject) -> str | None:
    found = next((block[key] for key in _OUTPUTS if block.get(key) not in (None, "")), None)
    if found is None:
        action = block.get("action")
        found = action.get("sources") if type(action) is dict else None
    if type(found) is list and (text := content_text(found)):
        return text
    return found if found is None or type(found) is str else json_text(found)
