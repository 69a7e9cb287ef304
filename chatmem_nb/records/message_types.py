"""The message classes of langchain_core: whether data makes up a message, and the message itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core import messages as lc
from langchain_core.messages import BaseMessage
from pydantic import ValidationError

from ..errors import RecordError

MESSAGE_CLASSES: dict[str, type[BaseMessage]] = {
    "human": lc.HumanMessage,
    "ai": lc.AIMessage,
    "system": lc.SystemMessage,
    "chat": lc.ChatMessage,
    "function": lc.FunctionMessage,
    "tool": lc.ToolMessage,
    "remove": lc.RemoveMessage,
    # Never written here, but others stored pieces of a stream as they came.
    "AIMessageChunk": lc.AIMessageChunk,
    "HumanMessageChunk": lc.HumanMessageChunk,
    "SystemMessageChunk": lc.SystemMessageChunk,
    "ChatMessageChunk": lc.ChatMessageChunk,
    "FunctionMessageChunk": lc.FunctionMessageChunk,
    "ToolMessageChunk": lc.ToolMessageChunk,
}

# The classes that serialise their fields as they are, and whose constructors do no more than validate.
FLAT = frozenset({lc.HumanMessage, lc.AIMessage, lc.SystemMessage, lc.ToolMessage})


def build_message(kind: str, data: dict[str, Any], index: int) -> BaseMessage:
    """Return the message of `data`, which its class may change.

    Raises: RecordError, with `index`, the reason and the field.
    """
    kind_of = MESSAGE_CLASSES[kind]
    try:
        if kind_of not in FLAT or "content_blocks" in data:
            return kind_of(**data)
        # What their constructors come to, but for `content_blocks`, in half the time.
        message = kind_of.__new__(kind_of)
        kind_of.__pydantic_validator__.validate_python(data, self_instance=message)
        return message
    except ValidationError as exc:
        reason, field = _validation_reason(exc)
    except Exception as exc:  # noqa: BLE001 - validators of message classes raise anything
        reason, field = f"langchain_core does not accept its data ({type(exc).__name__})", None
    # Outside the handlers: a pydantic error as context would print the chat's words.
    raise RecordError(reason, index=index, field=field)


def shape_error(kind: object, data: object) -> str | None:
    """Return why a record of this `kind` and `data` is not a message; None if it looks like one.

    A check of shape that builds no message: the type is known, the data is an object, its content is text
    or a list of texts and objects, and the fields that this type must have are there. It does not look
    into content blocks, usage or tool arguments, which only building the message does.
    """
    if type(kind) is not str:
        return "it has no `type`"
    if kind not in MESSAGE_CLASSES:
        return "its `type` is not a message type of langchain_core"
    if type(data) is not dict:
        return "it has no `data` object"
    content = data.get("content")
    if type(content) is not str and (reason := _content_error(kind, data)):
        return reason
    check = _EXTRA_CHECKS.get(kind)
    return check(data) if check else None


def _content_error(kind: str, data: dict[str, Any]) -> str | None:
    if "content" not in data:
        return None if kind == "remove" else "its `data` has no `content`"
    content = data["content"]
    if kind in ("tool", "ToolMessageChunk"):
        return None  # langchain_core turns whatever a tool returned into text
    if type(content) is not list:
        return f"its `content` is a JSON {json_type(content)}, not text or a list"
    if not all(type(block) in (str, dict) for block in content):
        return "its `content` list holds something that is neither text nor an object"
    return None


_NO_CALLS: list[Any] = []
_OBJECTS = frozenset({dict})


def ai_error(data: dict[str, Any]) -> str | None:
    """Return what is wrong with the tool calls of an AI message; None if nothing is."""
    for field in ("tool_calls", "invalid_tool_calls"):
        calls = data.get(field, _NO_CALLS)
        if not calls and type(calls) is list:  # most messages: nothing to look through
            continue
        if type(calls) is not list or not _OBJECTS.issuperset(map(type, calls)):
            return f"its `{field}` is not a list of objects"
    for call in data.get("tool_calls", _NO_CALLS):
        if type(call.get("name")) is not str or type(call.get("args")) is not dict or "id" not in call:
            return "one of its `tool_calls` lacks name, args or id"
    return None


def _requires(field: str) -> Callable[[dict[str, Any]], str | None]:
    def check(data: dict[str, Any]) -> str | None:
        return None if data.get(field) is not None else f"its `data` has no `{field}`"

    return check


_EXTRA_CHECKS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "ai": ai_error,
    "AIMessageChunk": ai_error,
    "tool": _requires("tool_call_id"),
    "ToolMessageChunk": _requires("tool_call_id"),
    "chat": _requires("role"),
    "ChatMessageChunk": _requires("role"),
    "function": _requires("name"),
    "FunctionMessageChunk": _requires("name"),
    "remove": _requires("id"),
}


def json_type(value: object) -> str:
    """Return what JSON calls the type of `value`."""
    names = {str: "string", list: "array", dict: "object", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _validation_reason(exc: ValidationError) -> tuple[str, str]:
    """Which field, and what is expected there: pydantic's own text would quote the chat."""
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    field = str(first["loc"][0]) if first["loc"] else "data"
    detail = "an invalid value" if first["type"].endswith("_error") else first["msg"]
    return f"its `{field}` is not what langchain_core expects: {detail}", field
