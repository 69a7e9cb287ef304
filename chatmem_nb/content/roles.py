"""Who speaks in a message: one vocabulary for frames, searches and the page."""

from __future__ import annotations

from typing import Final

from .text import JSONObject

ROLES: Final = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "function": "function",
    "FunctionMessageChunk": "function",
}
"""The role of each message type that has one of its own."""
ROLE_ALIASES: Final = {"human": "user", "ai": "assistant"}
"""What LangChain calls roles of chat APIs."""
TYPE_OF_ROLE: Final = {
    "user": "human",
    "assistant": "ai",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "function",
}
"""The message type of each role; any other role is that of a ChatMessage."""
NOT_SYSTEM: Final = "not system"
"""What a filter by role takes besides roles: everything but the instructions given to the model."""
_INSTRUCTIONS: Final = frozenset({"system", "developer"})
_TITLES: Final = {
    "user": "Human",
    "assistant": "AI",
    "system": "System",
    "developer": "System",
    "tool": "Tool",
    "function": "Tool",
    "other": "Other",
}


def role(kind: str | None, data: JSONObject) -> str | None:
    """Return the role of a message in the words of chat APIs; a ChatMessage has its own."""
    if kind == "system" or kind == "SystemMessageChunk":
        kwargs = data.get("additional_kwargs")
        if type(kwargs) is dict and kwargs.get("__openai_role__") == "developer":
            return "developer"
        return "system"
    if kind == "chat" or kind == "ChatMessageChunk":
        own = data.get("role")
        return own if type(own) is str else None
    return ROLES.get(kind) if kind else None


def is_instruction(role: str | None) -> bool:
    """Return whether messages of `role` instruct the model, and are no part of the conversation."""
    return role in _INSTRUCTIONS


def role_title(role: str) -> str:
    """Return `role` as the browser, comparisons and files for people show it: "Human" for "user"."""
    return _TITLES.get(role_name(role), role)


def role_name(word: str) -> str:
    """Return `word` as the frames write it: "user" for "human", "assistant" for "ai"."""
    return ROLE_ALIASES.get(word, word)
