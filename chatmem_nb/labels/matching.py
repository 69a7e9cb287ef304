"""The labels of a session brought to its messages as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..records import StoredMessage
from .label import Label, MessageKey, identity_of


@dataclass(frozen=True, slots=True)
class SessionLabels:
    """The labels of one session."""

    session: Label | None = None
    """Of the session itself."""
    messages: dict[int, Label] = field(default_factory=dict)
    """By the index that the message has now."""
    gone: list[Label] = field(default_factory=list)
    """Whose message is not there any more."""


def matched(
    session: Label | None, labels: Iterable[Label], records: Sequence[StoredMessage], *, is_whole: bool
) -> SessionLabels:
    """Return where `labels` belong among `records`: all of the session, or without `is_whole` some of it.

    Of equal records, the one of the same occurrence is meant; if there are fewer of them now, the last ones
    that no other label is of. Of some records only, the one of the same index.
    """
    found = SessionLabels(session)
    of_identity: dict[str, list[Label]] = {}
    for label in labels:
        if label.key is not None:
            of_identity.setdefault(label.key.identity, []).append(label)
    places: dict[str, list[int]] = {}
    for record in records if of_identity else ():
        identity = identity_of(record)
        if identity in of_identity:
            places.setdefault(identity, []).append(record.index)
    for identity, group in of_identity.items():
        _place(sorted(group, key=_occurrence), places.get(identity, []), found, is_whole)
    return found


def _place(group: list[Label], indexes: list[int], found: SessionLabels, is_whole: bool) -> None:
    left: list[Label] = []
    free = dict.fromkeys(indexes)
    for label in group:
        occurrence = _occurrence(label)
        if is_whole and occurrence < len(indexes):
            index: int | None = indexes[occurrence]
        else:
            index = None if is_whole else label.index
        if index is not None and index in free:
            found.messages[index] = label
            del free[index]
        else:
            left.append(label)
    for label in reversed(left):
        if free and (is_whole or len(group) == len(indexes) == 1):
            found.messages[free.popitem()[0]] = label
        elif is_whole:
            found.gone.append(label)


def _occurrence(label: Label) -> int:
    return (label.key or MessageKey("")).occurrence
