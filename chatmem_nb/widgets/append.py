"""Appending messages that were typed, pasted, or made in Python; `permissions` bars it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..records import MESSAGE_CLASSES, encode, encode_all
from .jobs import uncancelled
from .pasted_messages import PasteError, read_messages
from .protocol.requests import AppendJSONParams, AppendParams
from .request_errors import RequestError
from .request_parsing import RequestContext
from .sessions import SessionList
from .state import BrowserState

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

ROLES: Final = ("human", "ai", "system", "tool")


class MessageAppender:
    """The methods of the page that append messages."""

    def __init__(self, state: BrowserState, sessions: SessionList) -> None:
        self._state, self._sessions = state, sessions

    async def append(self, params: AppendParams, context: RequestContext) -> dict[str, Any]:
        """Add one message."""
        store = self._state.store
        session_id = params.session_id
        length = await uncancelled(store.aappend(session_id, [encode(_message(params))]))
        return self._appended(session_id, length, 1)

    async def append_messages(self, session_id: str, messages: Sequence[BaseMessage]) -> int:
        """Add messages that Python made, and return the new length."""
        store = self._state.store
        length = await uncancelled(store.aappend(session_id, self._encoded(messages)))
        self._appended(session_id, length, len(messages))
        return length

    async def append_json(self, params: AppendJSONParams, context: RequestContext) -> dict[str, Any]:
        """Add the messages that a JSON text holds, or say line by line why not; nothing is half done."""
        store = self._state.store
        session_id, dry_run = params.session_id, params.dry_run
        text = params.text
        nothing = {"count": 0, "errors": [], "index": None, "total": None}
        try:
            messages = await asyncio.to_thread(read_messages, text)
        except PasteError as exc:
            return {**nothing, "errors": exc.errors}
        if dry_run:
            return {**nothing, "count": len(messages)}
        records = await asyncio.to_thread(self._encoded, messages)
        length = await uncancelled(store.aappend(session_id, records))
        return {**nothing, "count": len(messages), **self._appended(session_id, length, len(messages))}

    def _encoded(self, messages: Sequence[BaseMessage]) -> list[str]:
        return encode_all(messages, javascript=self._state.store.javascript)

    def _appended(self, session_id: str, length: int, count: int) -> dict[str, Any]:
        self._sessions.add(session_id)
        self._sessions.forget([session_id])
        self._state.count(session_id, length)
        return {"index": length - count, "total": length}


def _message(params: AppendParams) -> BaseMessage:
    role = params.role
    content = params.content
    if not content.strip():
        raise RequestError("invalid", "Write something first.", field="content")
    extra: dict[str, Any] = {}
    if role == "tool":
        extra["tool_call_id"] = params.tool_call_id
        if not extra["tool_call_id"]:
            raise RequestError("invalid", "A tool message needs the id of its call.", field="tool_call_id")
    if name := params.name:
        extra["name"] = name
    return MESSAGE_CLASSES[role](content=content, **extra)
