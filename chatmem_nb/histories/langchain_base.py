"""LangChain's base class of chat message histories, and our own with the same methods where it is gone.

`BaseChatMessageHistory` is deprecated since langchain-core 1.6.4, and removed in 2.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage


class OwnBase:
    """The methods that `BaseChatMessageHistory` of langchain-core 1.x gives to a history."""

    def add_user_message(self, message: HumanMessage | str) -> None:
        """Store a message of the user, given as text or as a message."""
        self.add_message(message if isinstance(message, HumanMessage) else HumanMessage(content=message))

    def add_ai_message(self, message: AIMessage | str) -> None:
        """Store a message of the model, given as text or as a message."""
        self.add_message(message if isinstance(message, AIMessage) else AIMessage(content=message))

    def add_message(self, message: BaseMessage) -> None:
        """Store one message."""
        self.add_messages([message])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store `messages` after the newest."""
        raise NotImplementedError


if TYPE_CHECKING:
    from langchain_core.chat_history import BaseChatMessageHistory as HistoryBase
else:
    try:
        from langchain_core.chat_history import BaseChatMessageHistory as HistoryBase
    except ImportError:
        HistoryBase = OwnBase

__all__ = ["HistoryBase", "OwnBase"]
