"""A session of a store as a chat message history."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Self

from langchain_core.messages import BaseMessage, get_buffer_string

from ..errors import InvalidInputError, StoreError
from ..json_text import line_start
from ..plain_text import NOT_MATH, escaped
from ..records import StoredMessage, encode_all, messages_of, parse_all
from ..stores.arguments import checked_session_id
from ..stores.protocol import NewRecords, SessionStore
from .langchain_base import HistoryBase

_SHOWN_IN_A_NOTEBOOK = 10
_SHOWN_OF_A_MESSAGE = 300
_LEFT = "style='text-align:left'"  # JupyterLab puts every cell to the right


class StoreHistory(HistoryBase):
    """One session of a store, as LangChain's chat message history.

    Reading is strict: a record that cannot be read raises RecordError, which names the session, the index
    and the reason. `.records()` and `to_dataframe` are tolerant. Errors of the service are StoreError.
    """

    store: SessionStore
    session_id: str

    def __init__(self, store: SessionStore, session_id: str) -> None:
        super().__init__()
        self.session_id = checked_session_id(session_id)
        self.store = store

    @classmethod
    def from_store(cls, store: SessionStore, session_id: str) -> Self:
        """Return the history of `session_id` in `store`; histories of one store share its client. No request.

        Raises: InvalidInputError.
        """
        history = cls.__new__(cls)
        StoreHistory.__init__(history, store, session_id)
        return history

    @property
    def key_prefix(self) -> str:
        """The prefix of the session id in the key."""
        return self.store.key_prefix

    @property
    def key(self) -> str:
        """The key that holds the session in the service."""
        return self.store.key_prefix + self.session_id

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # a property over the base's annotation
        """All messages, oldest first. Raises: RecordError, StoreError."""
        messages: list[BaseMessage] = []
        for _, first, raws in self.store.read_many([self.session_id]):  # a piece at a time, to save memory
            messages += messages_of(raws, self.session_id, first)
        return messages

    async def aget_messages(self) -> list[BaseMessage]:
        """Return all messages, oldest first. Raises: RecordError, StoreError."""
        messages: list[BaseMessage] = []
        async for _, first, raws in self.store.aread_many([self.session_id]):
            messages += messages_of(raws, self.session_id, first)
        return messages

    def page(self, start: int, stop: int | None) -> list[BaseMessage]:
        """Return the slice `start:stop` of `messages`. Requests only these.

        Raises: RecordError, StoreError.
        """
        raws, first = self._read(start, stop)
        return messages_of(raws, self.session_id, first)

    async def apage(self, start: int, stop: int | None) -> list[BaseMessage]:
        """Return the slice `start:stop` of `messages`. Requests only these.

        Raises: RecordError, StoreError.
        """
        raws, first = await self._aread(start, stop)
        return messages_of(raws, self.session_id, first)

    def last(self, n: int) -> list[BaseMessage]:
        """Return the newest `n` messages, oldest first. Requests only these.

        Raises: InvalidInputError, RecordError, StoreError.
        """
        return self.page(-n, None) if _checked_count(n) else []

    async def alast(self, n: int) -> list[BaseMessage]:
        """Return the newest `n` messages, oldest first. Requests only these.

        Raises: InvalidInputError, RecordError, StoreError.
        """
        return await self.apage(-n, None) if _checked_count(n) else []

    def records(self, start: int = 0, stop: int | None = None) -> list[StoredMessage]:
        """Return the stored records of the slice `start:stop`, oldest first, including unreadable ones.

        If `start` counts from the newest, so does each record's `index`: -1 is the newest.

        Raises: StoreError.
        """
        return parse_all(*self._read(start, stop))

    async def arecords(self, start: int = 0, stop: int | None = None) -> list[StoredMessage]:
        """Return the stored records of the slice `start:stop`, oldest first, including unreadable ones.

        If `start` counts from the newest, so does each record's `index`: -1 is the newest.

        Raises: StoreError.
        """
        return parse_all(*await self._aread(start, stop))

    def _read(self, start: int, stop: int | None) -> tuple[list[str], int]:
        """The texts, and the index of the first."""
        if start < 0 and stop is not None and stop >= 0:
            start = max(0, len(self) + start)
        raws = self.store.read(self.session_id, start, stop)
        return raws, _first_index(start, stop, len(raws))

    async def _aread(self, start: int, stop: int | None) -> tuple[list[str], int]:
        """The texts, and the index of the first."""
        if start < 0 and stop is not None and stop >= 0:
            start = max(0, await self.alen() + start)
        raws = await self.store.aread(self.session_id, start, stop)
        return raws, _first_index(start, stop, len(raws))

    def __len__(self) -> int:
        """Return the number of messages. One request. Raises: StoreError."""
        return self.store.length(self.session_id)

    async def alen(self) -> int:
        """Return the number of messages. One request. Raises: StoreError."""
        return await self.store.alength(self.session_id)

    def __bool__(self) -> bool:
        """True, without asking anybody: an empty history is a history."""
        return True

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append `messages` in one round trip.

        Raises: InvalidInputError, before anything is sent, if one of them cannot be stored; StoreError.
        """
        if records := self._encoded(messages):
            self.store.append(self.session_id, NewRecords(records))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append `messages` in one round trip.

        Raises: InvalidInputError, before anything is sent, if one of them cannot be stored; StoreError.
        """
        if records := self._encoded(messages):
            await self.store.aappend(self.session_id, NewRecords(records))

    def _encoded(self, messages: Sequence[BaseMessage]) -> list[str]:
        if isinstance(messages, str | BaseMessage):
            raise InvalidInputError("messages must be a list; pass [message], or a text to add_user_message")
        return encode_all(messages, javascript=self.store.javascript)

    def clear(self) -> None:
        """Delete the session, if it exists. Raises: StoreError."""
        self.store.delete(self.session_id)

    async def aclear(self) -> None:
        """Delete the session, if it exists. Raises: StoreError."""
        await self.store.adelete(self.session_id)

    def __str__(self) -> str:
        r"""All messages, a line or more each, with control characters as escapes such as `\x1b`.

        Raises: RecordError, StoreError.
        """
        return escaped(get_buffer_string(self.messages))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(session_id={self.session_id!r}, store={self.store!r})"

    def _repr_html_(self) -> str:
        """The last messages, as an escaped table for a notebook."""
        try:
            total = len(self)
            shown = self.records(max(0, total - _SHOWN_IN_A_NOTEBOOK), total)
        except StoreError as exc:
            return f"<div class='{NOT_MATH}'><p>{_html(repr(self))}</p><p>{_html(str(exc))}</p></div>"
        rows = "".join(_html_row(record) for record in shown)
        caption = f"{self.store.service} · {_html(self.session_id)} · {len(shown)} of {total} messages"
        heads = "".join(f"<th {_LEFT}>{name}</th>" for name in ("#", "type", "content"))
        return (
            f"<table class='{NOT_MATH}'><caption style='white-space:nowrap'>{caption}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        )


def _first_index(start: int, stop: int | None, count: int) -> int:
    """The index of the first of `count` records of the slice `start:stop`, without asking for the length."""
    return start if start >= 0 else (stop or 0) - count


def _checked_count(n: int) -> int:
    if not isinstance(n, int) or n < 0:
        raise InvalidInputError(f"n must be a whole number of messages, 0 or more, got {n!r:.40}", field="n")
    return n


def _html_row(record: StoredMessage) -> str:
    data = record.data or {}
    content = data.get("content", "") if record.error is None else f"cannot be read: {record.error}"
    text = content if isinstance(content, str) else line_start(content, _SHOWN_OF_A_MESSAGE)
    clipped = text if len(text) <= _SHOWN_OF_A_MESSAGE else text[:_SHOWN_OF_A_MESSAGE] + "…"
    cells = (str(record.index), (record.type or "?")[:_SHOWN_OF_A_MESSAGE], clipped)
    return "<tr>" + "".join(f"<td {_LEFT}>{_html(cell)}</td>" for cell in cells) + "</tr>"


def _html(text: str) -> str:
    return f"<bdi>{html.escape(escaped(text))}</bdi>"
