"""Who speaks in a message, in the five words that the page knows."""

from __future__ import annotations

from typing import Final

from .. import content
from ..records import StoredMessage

ROLES: Final = ("human", "ai", "system", "tool", "other")
# What the frames call these, and what a ChatMessage may call them.
_WORDS: Final = {
    "human": ("user", "human"),
    "ai": ("assistant", "ai"),
    "system": ("system", "developer"),
    "tool": ("tool", "function"),
    "other": (),
}
_ROLE_OF: Final = {word: role for role, words in _WORDS.items() for word in words}


def role_of(record: StoredMessage) -> str:
    """Return who speaks in `record`, one of ROLES."""
    return _ROLE_OF.get(content.role(record.type, record.data or {}) or "", "other")


def words_of(role: str) -> tuple[str, ...]:
    """Return the words of the frames' column `role` for one of ROLES; none for "other"."""
    return _WORDS[role]
