"""Finds the messages that the labels of a session belong to now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..records import StoredMessage
from .label import Label, MessageKey, identity_of


@dataclass(frozen=True, slots=True)
class SessionLabels:
    """The labels of one session."""

    session: Label | None = None
    """The label of the session itself."""
    messages: dict[int, Label] = field(default_factory=dict)
    """By the current index of the message."""
    gone: list[Label] = field(default_factory=list)
    """Labels of messages that were removed."""


def match_labels(
    session: Label | None, labels: Iterable[Label], records: Sequence[StoredMessage], *, is_whole: bool
) -> SessionLabels:
    """Assign `labels` to `records`, those of the whole session or, without `is_whole`, some of them.

    Among equal records, a label belongs to that of its occurrence; if there are fewer of them now, to the
    last one without a label. Without `is_whole`, it belongs to the record of its index.
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
        _assign(sorted(group, key=_occurrence), places.get(identity, []), found, is_whole)
    return found


def _assign(group: list[Label], indexes: list[int], found: SessionLabels, is_whole: bool) -> None:
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
