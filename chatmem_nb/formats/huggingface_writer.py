"""Parquet of conversations, as trainers of Hugging Face take them: a row a session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ..errors import RecordError
from ..plain_text import utf8_text
from ..records import StoredMessage, to_json
from .finetuning import tool_definitions
from .openai_jsonl import conversation
from .parquet_file import CHARACTERS, ParquetWriter
from .writer import JSONObject

_ROWS: Final = 1_000
_CALL: Final = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())])),
    ]
)
_MESSAGE: Final = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("name", pa.string()),
        ("tool_calls", pa.list_(_CALL)),
        ("tool_call_id", pa.string()),
    ]
)
SCHEMA: Final = pa.schema(
    [("session_id", pa.string()), ("messages", pa.list_(_MESSAGE)), ("tools", pa.string())]
)


class HuggingFaceWriter(ParquetWriter):
    """The columns `session_id`, `messages` and `tools`; a session that they cannot hold is left out.

    As TRL documents it ("Dataset formats", conversational language modelling with tool calling). `messages`
    have `role`, `content` (text) and, where there are any, `name`, `tool_calls` and `tool_call_id`. Arguments
    of calls are JSON text, as in OpenAI's form: Arrow would give each call the arguments of all others.
    `tools` is JSON text as well, which TRL parses; the definitions are made of the calls of the session.
    Images, audio and files have no place, and sessions with them are left out; reasoning and metadata go.
    """

    def __init__(self, path: Path, state: JSONObject) -> None:
        super().__init__(path, state, [])
        self.left_out = [(*entry,) for entry in state.get("left_out", [])]
        self._schema = SCHEMA
        self._found: list[JSONObject] = []
        self._session_id: str | None = None
        self._records: list[StoredMessage] = []

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        self._session_id = session_id
        self._records += records

    def end_session(self) -> None:
        records, self._records = self._records, []
        if not records:
            return
        try:
            messages = [_message(*pair) for pair in zip(conversation(records), records, strict=True)]
        except RecordError as exc:
            self.left_out.append((self._session_id, exc.index, exc.reason, len(records), True))
            return
        tools = tool_definitions(records)
        name = None if self._session_id is None else utf8_text(self._session_id)
        self._found.append(
            {"session_id": name, "messages": messages, "tools": to_json(tools) if tools else None}
        )
        self._characters += sum(len(record.raw) for record in records)

    def wants_checkpoint(self) -> bool:
        return len(self._found) >= _ROWS or self._characters >= CHARACTERS

    def checkpoint(self) -> JSONObject:
        return {**super().checkpoint(), "left_out": self.left_out}

    def _write_part(self) -> None:
        if self._found:
            self._keep_part(pa.Table.from_pylist(self._found, schema=SCHEMA))
        self._found, self._characters = [], 0


def _message(message: JSONObject, record: StoredMessage) -> JSONObject:
    content: Any = message.get("content")
    if isinstance(content, list):
        other = sorted({str(block.get("type")) for block in content} - {"text"})
        if other:
            reason = f"a column of text cannot hold content blocks of type {', '.join(other)}"
            raise RecordError(reason, index=record.index)
        content = "".join(str(block.get("text", "")) for block in content)
    found = {**message, "content": None if content is None else utf8_text(content)}
    for key in ("role", "name", "tool_call_id"):
        if isinstance(found.get(key), str):
            found[key] = utf8_text(found[key])
    if calls := message.get("tool_calls"):
        found["tool_calls"] = [_call(call) for call in calls]
    return {field.name: found[field.name] for field in _MESSAGE if field.name in found}


def _call(call: JSONObject) -> JSONObject:
    function = {key: utf8_text(str(value)) for key, value in call["function"].items()}
    return {"id": utf8_text(call["id"]), "type": call["type"], "function": function}
