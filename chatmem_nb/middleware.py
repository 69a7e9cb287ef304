"""A history as the memory of a LangChain agent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, NotRequired

from langchain_core.messages import BaseMessage, RemoveMessage, ToolMessage

from .errors import InvalidInputError
from .histories.base import StoreHistory
from .records import messages_with_ids, parse_all, record_text
from .stores.arguments import checked_session_id

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState
    from langchain.agents.middleware.types import PrivateStateAttr
except ModuleNotFoundError:  # said where one is made: the name can be looked up without the extra
    AgentMiddleware = AgentState = PrivateStateAttr = None

_MARGIN: Final = 100
"""Records at the end of a session that are searched for what is new, beside as many as are new."""
_REMOVE_ALL: Final = "__remove_all__"  # langgraph.graph.message.REMOVE_ALL_MESSAGES

if AgentState is not None:

    class HistoryState(AgentState):
        """The state of an agent, with the ids of the messages in its history."""

        stored_ids: NotRequired[Annotated[list[str], PrivateStateAttr]]  # type: ignore[valid-type]  # Any


_Base: Any = AgentMiddleware or object


class HistoryMiddleware(_Base):
    """Memory for agents of langchain 1.x: load a session before a run, and append its new messages.

    `history_of` takes a session id and returns a chat message history; the id is `session_id` of the run's
    `configurable`, else its `thread_id`. With `last`, only the newest `last` messages are loaded, without
    leading tool results whose call is not among them.

    New messages are appended before each call of the model and at the end of the run, so that the history
    never contains a tool call without its result. Ids, tool calls and content blocks are kept. A message
    whose id is at the end of the history already is not appended again, so a retried step appends once. Works
    with a checkpointer or without, sync, async and streaming.

    Raises: InvalidInputError if an argument is invalid; ImportError without langchain 1.x. A run raises
    InvalidInputError without a session id, RecordError and StoreError.

    >>> make = UpstashRedisChatMessageHistory.from_store
    >>> memory = HistoryMiddleware(lambda name: make(store, name), last=50)
    >>> memory.last
    50
    """

    def __init__(self, history_of: Callable[[str], Any], *, last: int | None = None) -> None:
        if AgentMiddleware is None:
            raise ImportError("HistoryMiddleware needs langchain 1.x: pip install 'chatmem_nb[agents]'")
        if not callable(history_of):
            raise InvalidInputError("history_of must be a function of a session id that returns a history")
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 1):
            raise InvalidInputError(
                f"last must be a number of messages, 1 or more, or None; got {last!r:.40}"
            )
        super().__init__()
        self.state_schema = HistoryState
        self.history_of = history_of
        self.last = last

    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Insert the messages of the session before the new ones, unless the thread contains them already."""
        if state.get("stored_ids") is not None:
            return None
        session_id, history = self._history()
        return self._loaded(state, _tail(history, session_id, self.last))

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Insert the messages of the session before the new ones, unless the thread contains them already."""
        if state.get("stored_ids") is not None:
            return None
        session_id, history = self._history()
        return self._loaded(state, await _atail(history, session_id, self.last))

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Append the new messages."""
        return self._append(state)

    async def abefore_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Append the new messages."""
        return await self._aappend(state)

    def after_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Append the new messages."""
        return self._append(state)

    async def aafter_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Append the new messages."""
        return await self._aappend(state)

    def _append(self, state: Any) -> dict[str, Any] | None:
        new = _new(state)
        if not new:
            return None
        session_id, history = self._history()
        there = {message.id for message in _tail(history, session_id, len(new) + _MARGIN)}
        if missing := [message for message in new if message.id not in there]:
            history.add_messages(missing)
        return _stored(state, new)

    async def _aappend(self, state: Any) -> dict[str, Any] | None:
        new = _new(state)
        if not new:
            return None
        session_id, history = self._history()
        there = {message.id for message in await _atail(history, session_id, len(new) + _MARGIN)}
        if missing := [message for message in new if message.id not in there]:
            await history.aadd_messages(missing)
        return _stored(state, new)

    def _loaded(self, state: Any, messages: Sequence[BaseMessage]) -> dict[str, Any]:
        kept = list(messages)
        while self.last is not None and kept and isinstance(kept[0], ToolMessage):
            del kept[0]
        ids = {message.id for message in kept}
        new = [message for message in state["messages"] if message.id not in ids]
        stored = [str(message.id) for message in messages]
        return {"messages": [RemoveMessage(id=_REMOVE_ALL), *kept, *new], "stored_ids": stored}

    def _history(self) -> tuple[str, Any]:
        from langgraph.config import get_config

        configurable = get_config().get("configurable", {})
        session_id = configurable.get("session_id") or configurable.get("thread_id")
        if session_id is None:
            raise InvalidInputError(
                'the run names no session; give its id: {"configurable": {"session_id": "alice"}}'
            )
        return checked_session_id(session_id), self.history_of(session_id)


def _new(state: Any) -> list[BaseMessage]:
    stored = set(state.get("stored_ids") or ())
    return [message for message in state["messages"] if message.id not in stored]


def _stored(state: Any, new: Sequence[BaseMessage]) -> dict[str, Any]:
    return {"stored_ids": [*(state.get("stored_ids") or ()), *(str(message.id) for message in new)]}


def _tail(history: Any, session_id: str, count: int | None) -> list[BaseMessage]:
    """Return the newest `count` messages (None: all), each with an id that is the same each time."""
    if isinstance(history, StoreHistory):
        records = history.records() if count is None else history.records(-count)
        return messages_with_ids(session_id, records)
    return _identified(session_id, history.messages, count)


async def _atail(history: Any, session_id: str, count: int | None) -> list[BaseMessage]:
    """Return the newest `count` messages (None: all), each with an id that is the same each time."""
    if isinstance(history, StoreHistory):
        records = await history.arecords() if count is None else await history.arecords(-count)
        return messages_with_ids(session_id, records)
    return _identified(session_id, await history.aget_messages(), count)


def _identified(session_id: str, messages: Sequence[BaseMessage], count: int | None) -> list[BaseMessage]:
    texts = [record_text(message.type, message.model_dump()) for message in messages]
    found = messages_with_ids(session_id, parse_all(texts))
    return found if count is None else found[-count:]
