"""Examples for fine-tuning a chat model of OpenAI: a line a session, which ends with the assistant's message.

By OpenAI's API reference (`FineTuneChatRequestInput`: `messages`, `tools`; text and images only) and its
guide to supervised fine-tuning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ..content import tool_calls
from ..errors import RecordError
from ..records import StoredMessage
from .openai_jsonl import ConversationWriter, conversation
from .writer import JSONObject

_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNTRAINED: Final = ("input_audio", "file")


class FineTuningWriter(ConversationWriter):
    """`{"messages": [...], "tools": [...]}` a line, without the session's id.

    What follows the last message of the assistant is left out, and so are sessions that have none, that hold
    audio or files, or that the API would refuse; the report says which, and why. Reasoning and metadata go. A
    developer's message becomes the system's. A history keeps no definitions of tools: those in
    `tools` are made of the calls of the session (names, and types of arguments); put yours in their place.
    """

    def line(self, session_id: str | None, records: Sequence[StoredMessage]) -> JSONObject:
        messages = [_trained(message) for message in conversation(records)]
        places = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
        if not places:
            raise RecordError("it has no message of the assistant to learn from", index=records[-1].index)
        end = places[-1] + 1
        for message, record in zip(messages[:end], records, strict=False):
            if reason := _refusal(message):
                raise RecordError(reason, index=record.index)
        if left := len(messages) - end:
            reason = "what follows the last message of the assistant is left out"
            self.left_out.append((session_id, records[end].index, reason, left, False))
        tools = tool_definitions(records[:end])
        return {"messages": messages[:end], **({"tools": tools} if tools else {})}


def _trained(message: JSONObject) -> JSONObject:
    return {**message, "role": "system"} if message["role"] == "developer" else message


def _refusal(message: JSONObject) -> str | None:
    """Why a model cannot be trained with this message."""
    content, calls = message.get("content"), message.get("tool_calls") or ()
    if isinstance(content, list):
        unfit = sorted({str(block.get("type")) for block in content} & set(_UNTRAINED))
        if unfit:
            return f"fine-tuning takes text and images, and no {', '.join(unfit)}"
    if message["role"] == "assistant" and not content and not calls:
        return "a message of the assistant with neither text nor a tool call"
    for call in calls:
        if not _TOOL_NAME.fullmatch(str(call["function"]["name"])):
            return "the name of its tool has other characters than letters, digits, _ and -, or over 64"
    return None


def tool_definitions(records: Sequence[StoredMessage]) -> list[JSONObject]:
    """Return a definition of each tool that is called in `records`, as far as its calls show it."""
    arguments: dict[str, dict[str, set[str]]] = {}
    for record in records:
        for call in tool_calls(record.data or {}):
            if call.kind != "server" and call.name:
                known = arguments.setdefault(call.name, {})
                for name, value in call.args.items() if isinstance(call.args, dict) else ():
                    known.setdefault(name, set()).add(_json_type(value))
    return [_definition(name, known) for name, known in arguments.items()]


def _definition(name: str, arguments: dict[str, set[str]]) -> JSONObject:
    properties = {argument: _argument(sorted(types)) for argument, types in arguments.items()}
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def _argument(types: list[str]) -> JSONObject:
    kind: JSONObject = {"type": types[0] if len(types) == 1 else types}
    return {**kind, "items": {}} if "array" in types else kind


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")
