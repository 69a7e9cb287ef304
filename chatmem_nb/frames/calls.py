"""The tool calls of a message, as langchain_core would read them, out of parsed JSON."""

from __future__ import annotations

import json
from typing import Any


def tool_calls(data: dict[str, Any]) -> list[Any] | None:
    """Return the tool calls of a message, in LangChain's form; None if it makes none.

    Messages written before LangChain had a form of its own keep OpenAI's in `additional_kwargs`.
    """
    calls = data.get("tool_calls")
    if type(calls) is list and calls:
        return calls
    kwargs = data.get("additional_kwargs")
    if type(kwargs) is not dict or "tool_calls" not in kwargs or data.get("invalid_tool_calls"):
        return None
    return [call for call in _openai_calls(data) if type(call["args"]) is dict] or None


def invalid_tool_calls(data: dict[str, Any]) -> list[Any]:
    """Return the calls whose arguments could not be read, in LangChain's form."""
    calls = data.get("invalid_tool_calls")
    if type(calls) is list and calls:
        return calls
    if data.get("tool_calls"):
        return []
    return [call for call in _openai_calls(data) if type(call["args"]) is not dict]


def _openai_calls(data: dict[str, Any]) -> list[dict[str, Any]]:
    kwargs = data.get("additional_kwargs")
    raw_calls = kwargs.get("tool_calls") if type(kwargs) is dict else None
    if type(raw_calls) is not list:
        return []
    found = []
    for call in raw_calls:
        function = call.get("function") if type(call) is dict else None
        if type(function) is dict:
            args = _arguments(function.get("arguments"))
            found.append(
                {"name": function.get("name"), "args": args, "id": call.get("id"), "type": "tool_call"}
            )
    return found


def _arguments(text: object) -> object:
    """The arguments as an object, or as stored if they are not an object."""
    if type(text) is not str:
        return text
    try:
        args = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return args if type(args) is dict else text
