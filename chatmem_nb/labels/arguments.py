"""Validates the arguments of `Labels`, and converts them to fields of its log."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidInputError
from ..records import StoredMessage
from .label import NOTE_LIMIT, TAG_LIMIT, MessageKey, identity_of, keys_of


def login() -> str:
    """Return the login of this user; "" if there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id, as in some containers
        return ""


def message_field(message: StoredMessage, records: Sequence[StoredMessage]) -> dict[str, Any]:
    """Return the field of a log line that identifies its message."""
    if not isinstance(message, StoredMessage):
        raise InvalidInputError(
            f"expected a StoredMessage, got {type(message).__name__}; pass one of history.records()"
        )
    key = MessageKey(identity_of(message))
    for record, other in zip(records, keys_of(records), strict=True):
        if record.index == message.index and other.identity == key.identity:
            key = other
    return {"identity": key.identity, "occurrence": key.occurrence, "index": message.index}


def changes(star: bool | None, add: list[str], remove: list[str], note: str | None) -> dict[str, Any]:
    """Return the fields of a log line that say what changes.

    Raises: InvalidInputError.
    """
    if note is not None and (not isinstance(note, str) or len(note) > NOTE_LIMIT):
        raise InvalidInputError(f"a note must be a string of at most {NOTE_LIMIT:,} characters; shorten it")
    if star is not None and not isinstance(star, bool):
        raise InvalidInputError("star must be True or False")
    given = {"star": star, "add": add or None, "remove": remove or None, "note": note}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise InvalidInputError("nothing to set: pass star, add, remove or note")
    return changes


def checked_tags(tags: Iterable[str], palette: Mapping[str, str]) -> list[str]:
    """Return `tags` without duplicates.

    Raises: InvalidInputError for an invalid tag, or, unless `palette` is empty, one that is not in it.
    """
    if isinstance(tags, str):
        raise InvalidInputError(f"tags must be a list, as in [{tags!r}]")
    names = list(dict.fromkeys(tags))
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= TAG_LIMIT:
            raise InvalidInputError(f"a tag must be a string of 1 to {TAG_LIMIT} characters")
    if palette and (unknown := [name for name in names if name not in palette]):
        raise InvalidInputError(
            f"no such tags: {unknown}; choose from {', '.join(palette)}, or add them to tags="
        )
    return names


def palette_of(tags: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the colours of `tags`; "" for a tag without one."""
    names = checked_tags(tags, {})
    return {name: tags[name] for name in names} if isinstance(tags, Mapping) else dict.fromkeys(names, "")


def read_palette(stored: dict[str, Any]) -> dict[str, str]:
    """Return the palette in a line of the log, without invalid tags and colours."""
    return {
        name: colour
        for name, colour in list(stored.items())[:1_000]
        if type(colour) is str and 0 < len(name) <= TAG_LIMIT and len(colour) <= TAG_LIMIT
    }
