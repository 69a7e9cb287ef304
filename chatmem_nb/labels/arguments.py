"""What is given to `Labels`, checked and brought into the form of its log."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidInputError
from ..records import StoredMessage
from .label import NOTE_LIMIT, TAG_LIMIT, MessageKey, identity_of, keys_of


def login() -> str:
    """Return the user's login, "" if it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id, as in some containers
        return ""


def message_field(message: StoredMessage, records: Sequence[StoredMessage]) -> dict[str, Any]:
    """Return what a line of the log says of the message that it is of."""
    if not isinstance(message, StoredMessage):
        raise InvalidInputError(
            f"expected a StoredMessage, got {type(message).__name__}; take one of store or history.records()"
        )
    key = MessageKey(identity_of(message))
    for record, other in zip(records, keys_of(records), strict=True):
        if record.index == message.index and other.identity == key.identity:
            key = other
    return {"identity": key.identity, "occurrence": key.occurrence, "index": message.index}


def changes(star: bool | None, add: list[str], remove: list[str], note: str | None) -> dict[str, Any]:
    """Return what a line of the log changes.

    Raises: InvalidInputError.
    """
    if note is not None and (not isinstance(note, str) or len(note) > NOTE_LIMIT):
        raise InvalidInputError(f"a note is a text of at most {NOTE_LIMIT:,} characters; shorten it")
    if star is not None and not isinstance(star, bool):
        raise InvalidInputError("star is True or False")
    given = {"star": star, "add": add or None, "remove": remove or None, "note": note}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise InvalidInputError("nothing to set: give star, add, remove or note")
    return changes


def checked_tags(tags: Iterable[str], palette: Mapping[str, str]) -> list[str]:
    """Return `tags`, each once.

    Raises: InvalidInputError for what is not a tag, or not in `palette` if that has any.
    """
    if isinstance(tags, str):
        raise InvalidInputError(f"tags must be a list, as in [{tags!r}]")
    names = list(dict.fromkeys(tags))
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= TAG_LIMIT:
            raise InvalidInputError(f"a tag is a text of 1 to {TAG_LIMIT} characters")
    if palette and (unknown := [name for name in names if name not in palette]):
        raise InvalidInputError(
            f"no such tags: {unknown}; choose from {', '.join(palette)}, or add them to tags="
        )
    return names


def palette_of(tags: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return tags with their colours, "" for none."""
    names = checked_tags(tags, {})
    return {name: tags[name] for name in names} if isinstance(tags, Mapping) else dict.fromkeys(names, "")


def read_palette(stored: dict[str, Any]) -> dict[str, str]:
    """Return the palette that a line of the log holds, without what is not of the right type."""
    return {
        name: colour
        for name, colour in list(stored.items())[:1_000]
        if type(colour) is str and 0 < len(name) <= TAG_LIMIT and len(colour) <= TAG_LIMIT
    }
