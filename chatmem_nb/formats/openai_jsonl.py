"""Conversations in the form of OpenAI's chat API: a line a session, checked as the API would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..content import CLIENT_CALLS, TEXT_BLOCKS, ToolCall, tool_calls, unwrapped
from ..errors import InvalidInputError, RecordError
from ..records import StoredMessage, from_openai, record_text, to_json, to_openai
from .writer import JSONObject, TextWriter

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_BLOCKS = frozenset({"text", "image_url", "input_audio", "file", "refusal"})
# What the model thought is no part of a chat in this form.
_UNSAID = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content"})


class ConversationWriter(TextWriter):
    """A JSON object a line, for each session; one that the form cannot hold is left out, with the reason."""

    def __init__(self, path: Path, state: JSONObject) -> None:
        super().__init__(path, state)
        self._session_id: str | None = None
        self._records: list[StoredMessage] = []

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        self._session_id = session_id
        self._records += records

    def end_session(self) -> None:
        session_id, records = self._session_id, self._records
        self._records = []
        if not records:
            return
        try:
            self.write(to_json(self.line(session_id, records)) + "\n")
        except RecordError as exc:
            self.left_out.append((session_id, exc.index, exc.reason, len(records), True))

    def line(self, session_id: str | None, records: Sequence[StoredMessage]) -> JSONObject:
        """Return the line of a session. Raises: RecordError for a session that has none."""
        raise NotImplementedError


class OpenAIWriter(ConversationWriter):
    """`{"session_id": ..., "messages": [...]}` a line; a session that the API would refuse is left out.

    What changes: reasoning and metadata go, and so do tokens, models, ids of messages and times; content,
    names, tool calls and results stay. Calls whose arguments are not JSON keep them as text.
    """

    def line(self, session_id: str | None, records: Sequence[StoredMessage]) -> JSONObject:
        return {"session_id": session_id, "messages": conversation(records)}


def conversation_records(messages: list[Any], place: str = "line 0", line: int = 0) -> list[str]:
    """Return the records of the `messages` that stand at `place` of a file, its `line`.

    The form has no times and no ids, so they have no `stored_at` and no `record_id`: each read of the file
    gives the same records, which a merge and labels recognise. What a message does not say is left out, so
    that they stay the same with a later langchain-core.

    Raises: InvalidInputError, with the line and the position of the message.
    """
    try:
        return [
            record_text(message.type, message.model_dump(exclude_defaults=True))
            for message in from_openai(messages)
        ]
    except InvalidInputError as exc:
        raise InvalidInputError(
            f"{place}: {exc}", reason=exc.reason, line=line, position=exc.position
        ) from None


def conversation(records: Sequence[StoredMessage]) -> list[dict[str, Any]]:
    """Return the messages in OpenAI's form.

    Raises: RecordError, for the first that has none, or whose tool calls and results are not paired.
    """
    found: list[dict[str, Any]] = []
    waiting: dict[str, int] = {}
    for record in records:
        message = _converted(record)
        is_result = message["role"] == "tool"
        if not is_result and waiting:
            call, index = next(iter(waiting.items()))
            raise RecordError(f"its tool call {call!r} has no result", index=index)
        if is_result and waiting.pop(message.get("tool_call_id", ""), None) is None:
            raise RecordError("it is the result of no tool call before it", index=record.index)
        for call in message.get("tool_calls", ()):
            if not isinstance(call["id"], str) or call["id"] in waiting:
                raise RecordError("its tool calls have no ids of their own", index=record.index)
            waiting[call["id"]] = record.index
        found.append(message)
    if waiting:
        call, index = next(iter(waiting.items()))
        raise RecordError(f"its tool call {call!r} has no result", index=index)
    return found


def _converted(record: StoredMessage) -> dict[str, Any]:
    message = record.message
    if isinstance(message.content, list):
        said = [block for block in map(_standard, message.content) if not _is_unsaid(block)]
        message = message.model_copy(update={"content": said})
    try:
        converted = to_openai(message)
    except InvalidInputError as exc:
        raise RecordError(exc.reason, index=record.index) from None
    converted.pop("tool_calls", None)
    if calls := [_call(call) for call in tool_calls(record.data or {}) if call.kind == "call"]:
        converted["tool_calls"] = calls
    if reason := _refusal(converted):
        raise RecordError(reason, index=record.index)
    return converted


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.args if isinstance(call.args, str) else to_json(call.args)
    return {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": arguments}}


def _is_unsaid(block: object) -> bool:
    """Whether a block is reasoning, or a call, which stands in `tool_calls`."""
    return isinstance(block, dict) and block.get("type") in _UNSAID | CLIENT_CALLS


def _standard(block: Any) -> Any:
    """Return a block with the chat API's name for text."""
    if isinstance(block, dict):
        block = unwrapped(block)
        if block.get("type") in TEXT_BLOCKS:
            return {**block, "type": "text"}
    return block


def _refusal(message: dict[str, Any]) -> str | None:
    """Why the API would refuse this message."""
    if message["role"] not in ROLES:
        return f"OpenAI's form has no role {message['role']!r}"
    content = message.get("content")
    if isinstance(content, list):
        unknown = {str(block.get("type")) for block in content} - _BLOCKS
        if unknown:
            return f"OpenAI's form has no content blocks of type {', '.join(sorted(unknown))}"
    return None
