"""`Label`: the star, tags and note of a message or a session; `MessageKey`: which message."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..records import StoredMessage

NOTE_LIMIT: Final = 20_000
TAG_LIMIT: Final = 100
NAME_LIMIT: Final = 10_000
"""Characters of an author or a session id."""
_KNOWN: Final = frozenset({"v", "at", "author", "session_id", "message", "star", "add", "remove", "note"})


class MessageKey(NamedTuple):
    """Identifies a message: its `record_id` or a digest of its record, and its position among equal ones."""

    identity: str
    occurrence: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Who set a star, a tag or a note, and when (UTC)."""

    author: str
    at: datetime | None


@dataclass(slots=True)
class Label:
    """The star, the tags and the note of one message, or of a session (`key` is None)."""

    session_id: str
    key: MessageKey | None = None
    index: int | None = None
    """The index of the message when it was labelled; it may have another now."""
    star: Mark | None = None
    tags: dict[str, Mark] = field(default_factory=dict)
    note: str = ""
    note_mark: Mark | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of the file that this version does not know."""

    def __bool__(self) -> bool:
        return bool(self.star or self.tags or self.note or self.extra)

    @property
    def last_mark(self) -> Mark | None:
        """The newest mark of its star, tags and note."""
        marks = [mark for mark in (self.star, self.note_mark, *self.tags.values()) if mark is not None]
        earliest = datetime.min.replace(tzinfo=UTC)
        return max(marks, key=lambda mark: mark.at or earliest, default=None)

    def apply(self, event: Mapping[str, Any]) -> None:
        """Apply a line of the log. Fields of the wrong type are ignored."""
        mark = Mark(_text(event.get("author"), NAME_LIMIT) or "", _time(event.get("at")))
        star = event.get("star")
        if type(star) is bool:
            self.star = mark if star else None
        for tag in _tags(event.get("remove")):
            self.tags.pop(tag, None)
        for tag in _tags(event.get("add")):
            self.tags[tag] = mark
        note = _text(event.get("note"), NOTE_LIMIT)
        if note is not None:
            self.note, self.note_mark = note, mark if note else None
        self.extra.update({name: value for name, value in event.items() if name not in _KNOWN})


def identity_of(record: StoredMessage) -> str:
    """Return what identifies `record`, except for its position among equal ones."""
    if record.record_id:
        return f"id:{record.record_id}"
    digest = hashlib.sha256(record.raw.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest[:32]}"


def keys_of(records: Sequence[StoredMessage]) -> list[MessageKey]:
    """Return the key of each record; `records` are those of a whole session, oldest first."""
    seen: Counter[str] = Counter()
    keys = []
    for record in records:
        identity = identity_of(record)
        keys.append(MessageKey(identity, seen[identity]))
        seen[identity] += 1
    return keys


def key_in_event(event: Mapping[str, Any]) -> tuple[str, MessageKey | None, int | None] | None:
    """Return the session id, message key and index in a line of the log; None if it is invalid."""
    session_id = _text(event.get("session_id"), NAME_LIMIT)
    if not session_id:
        return None
    message = event.get("message")
    if message is None:
        return session_id, None, None
    if type(message) is not dict:
        return None
    identity = _text(message.get("identity"), NAME_LIMIT)
    occurrence, index = message.get("occurrence", 0), message.get("index")
    if not identity or type(occurrence) is not int or occurrence < 0:
        return None
    return session_id, MessageKey(identity, occurrence), index if type(index) is int else None


def _text(value: object, limit: int) -> str | None:
    return value if type(value) is str and len(value) <= limit else None


def _tags(value: object) -> list[str]:
    names = value if type(value) is list else []
    return [name for name in names if _text(name, TAG_LIMIT)]


def _time(value: object) -> datetime | None:
    if type(value) is not str or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
