"""Conversations as attributes of OpenTelemetry's semantic conventions for generative AI: a line a session.

By the JSON schemas of `gen_ai.input.messages` and `gen_ai.output.messages` in
open-telemetry/semantic-conventions-genai (before: semantic-conventions, docs/gen-ai).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ..content import CLIENT_CALLS, Block, content_blocks, finish_reason, model, role, tool_calls, unwrapped
from ..content.calls import is_server_call, server_tool_name
from ..errors import RecordError
from ..records import StoredMessage
from .openai_jsonl import ConversationWriter
from .writer import JSONObject

_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "safety": "content_filter",
    "refusal": "content_filter",
}


class OpenTelemetryWriter(ConversationWriter):
    """`gen_ai.conversation.id`, `gen_ai.input.messages`, `gen_ai.output.messages`, and the model if known.

    A line is the last inference of a session: its output is the last message, if that is the assistant's, and
    its input all before. Every block of content is a part, those without a part of their own with their
    provider's type. Tokens, ids and times of messages and the rest of their metadata go. A session with a
    record that cannot be read is left out.
    """

    def line(self, session_id: str | None, records: Sequence[StoredMessage]) -> JSONObject:
        messages = [_message(record) for record in records]
        last = records[-1]
        line: JSONObject = {}
        if session_id is not None:
            line["gen_ai.conversation.id"] = session_id
        split = len(messages)
        if messages[-1]["role"] == "assistant":
            split -= 1
            reason = _finish_reason(last.data or {})
            if name := model(last.data or {}):
                line["gen_ai.response.model"] = name
            line["gen_ai.response.finish_reasons"] = [reason]
            # Deprecated in the newest schema, and required in those before.
            messages[-1]["finish_reason"] = reason
        line["gen_ai.input.messages"] = messages[:split]
        line["gen_ai.output.messages"] = messages[split:]
        return line


def _message(record: StoredMessage) -> JSONObject:
    if record.data is None:
        raise RecordError(record.error or "it cannot be read", index=record.index)
    data = record.data
    speaker = role(record.type, data) or str(record.type)
    message: JSONObject = {"role": speaker}
    if isinstance(data.get("name"), str):
        message["name"] = data["name"]
    if speaker in ("tool", "function"):
        message["role"] = "tool"
        call_id = data.get("tool_call_id")
        result = {"type": "tool_call_response", "response": data.get("content")}
        message["parts"] = [{**result, **({"id": call_id} if isinstance(call_id, str) else {})}]
    else:
        message["parts"] = [*_parts(record), *_calls(data)]
    return message


def _parts(record: StoredMessage) -> Iterator[JSONObject]:
    for block in content_blocks(record):
        item = unwrapped(block.item) if isinstance(block.item, dict) else {}
        if block.kind == "text":
            yield {"type": "text", "content": block.text or ""}
        elif block.kind == "reasoning":
            yield {"type": "reasoning", "content": block.text or ""}
        elif block.kind == "tool":
            if item.get("type") not in CLIENT_CALLS:
                yield _server_part(item)
        else:
            yield _media(block) or _generic(block, item)


def _server_part(item: JSONObject) -> JSONObject:
    call = is_server_call(item)
    kind = "server_tool_call" if call else "server_tool_call_response"
    part: JSONObject = {"type": kind, kind: {"type": "tool", **item}}
    call_id = item.get("tool_use_id") or item.get("tool_call_id") or item.get("id")
    if isinstance(call_id, str):
        part["id"] = call_id
    if call:
        part["name"] = server_tool_name(item) or ""
    return part


def _media(block: Block) -> JSONObject | None:
    modality = "document" if block.kind == "file" else block.kind
    part: JSONObject = {"modality": modality}
    if block.mime_type:
        part["mime_type"] = block.mime_type
    if block.source == "base64" and (encoded := block.encoded()):
        return {"type": "blob", **part, "content": encoded}
    if block.source == "url" and block.url:
        return {"type": "uri", **part, "uri": block.url}
    if block.source == "id" and block.file_id:
        return {"type": "file", **part, "file_id": block.file_id}
    if block.source == "text":
        return {"type": "text", "content": block.text or ""}
    return None


def _generic(block: Block, item: JSONObject) -> JSONObject:
    if item:
        return {**item, "type": block.block_type or "other"}
    return {"type": "other", "content": block.item}


def _calls(data: JSONObject) -> Iterator[JSONObject]:
    for call in tool_calls(data):
        if call.kind != "server":
            part: JSONObject = {"type": "tool_call", "name": call.name or "", "arguments": call.args}
            yield part if call.id is None else {**part, "id": call.id}


def _finish_reason(data: JSONObject) -> Any:
    found = finish_reason(data)
    if found is None:  # not kept by every integration
        return "tool_call" if any(call.kind != "server" for call in tool_calls(data)) else "stop"
    return _FINISH.get(found.lower(), found.lower())
