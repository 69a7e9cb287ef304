"""Labels to and from lines of a log, to store them in another file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .label import NAME_LIMIT, NOTE_LIMIT, TAG_LIMIT, Label, Mark, MessageKey, key_in_event
from .labels import Labels

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def events_of(
    label: Label,
    session_id: str,
    key: MessageKey | None = None,
    index: int | None = None,
    redact: Callable[[str], str] | None = None,
) -> list[dict[str, Any]]:
    """Return the lines of a log that set `label` on the message `key`, or (None) on the session.

    `redact` is applied to tags, notes and authors; fields that this version does not know are left out.
    """
    clean = redact or str
    place = {} if key is None else {"message": {**key._asdict(), "index": index}}

    def event(mark: Mark | None, **fields: Any) -> dict[str, Any]:
        author = clean(mark.author)[:NAME_LIMIT] if mark else ""
        at = mark.at.isoformat() if mark and mark.at else None
        return {"v": 1, "at": at, "author": author, "session_id": session_id, **place, **fields}

    found = [event(label.star, star=True)] if label.star else []
    found += [event(mark, add=[clean(tag)[:TAG_LIMIT]]) for tag, mark in label.tags.items()]
    if label.note:
        found.append(event(label.note_mark, note=clean(label.note)[:NOTE_LIMIT]))
    if label.extra and redact is None:
        found.append(event(None, **label.extra))
    return found


def add_labels(labels: Labels, session_id: str, events: Iterable[Mapping[str, Any]]) -> int:
    """Add the labels in `events` that the session does not have yet; return the number of lines added.

    A note replaces an older one. Invalid events are skipped. Raises: InvalidInputError; OSError.
    """
    given: dict[MessageKey | None, Label] = {}
    for event in events:
        found = key_in_event({**event, "session_id": session_id})
        if found is not None:
            _, key, index = found
            given.setdefault(key, Label(session_id, key, index)).apply(event)
    existing = labels.labels_of(session_id)
    missing: list[dict[str, Any]] = []
    for key, label in given.items():
        missing += events_of(_without(label, existing.get(key)), session_id, key, label.index)
    labels.add_events(missing)
    return len(missing)


def _without(label: Label, existing: Label | None) -> Label:
    """Return `label` without what `existing` has too, or has newer."""
    if existing is None:
        return label
    tags = {tag: mark for tag, mark in label.tags.items() if tag not in existing.tags}
    star = None if existing.star else label.star
    extra = {name: value for name, value in label.extra.items() if name not in existing.extra}
    left = Label(label.session_id, label.key, label.index, star, tags, extra=extra)
    is_later = label.note != existing.note and _time(label.note_mark) > _time(existing.note_mark)
    if is_later or not existing.note_mark:
        left.note, left.note_mark = label.note, label.note_mark
    return left


def _time(mark: Mark | None) -> datetime:
    return (mark.at if mark else None) or _EARLIEST
