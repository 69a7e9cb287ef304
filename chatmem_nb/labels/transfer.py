"""Labels as lines of a log that another file may carry, and back."""

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
    redacted: Callable[[str], str] | None = None,
) -> list[dict[str, Any]]:
    """Return the lines that say what `label` says, of the message `key` or (None) of the session.

    `redacted` is applied to tags, notes and authors; fields that this version does not know are left out.
    """
    clean = redacted or str
    place = {} if key is None else {"message": {**key._asdict(), "index": index}}

    def event(mark: Mark | None, **said: Any) -> dict[str, Any]:
        author = clean(mark.author)[:NAME_LIMIT] if mark else ""
        at = mark.at.isoformat() if mark and mark.at else None
        return {"v": 1, "at": at, "author": author, "session_id": session_id, **place, **said}

    found = [event(label.star, star=True)] if label.star else []
    found += [event(mark, add=[clean(tag)[:TAG_LIMIT]]) for tag, mark in label.tags.items()]
    if label.note:
        found.append(event(label.note_mark, note=clean(label.note)[:NOTE_LIMIT]))
    if label.extra and redacted is None:
        found.append(event(None, **label.extra))
    return found


def add_labels(labels: Labels, session_id: str, events: Iterable[Mapping[str, Any]]) -> int:
    """Add to `labels` what `events` of `session_id` say and it does not say yet; return how many lines.

    A note replaces one that is older. Events that are invalid are passed over. Raises: InvalidInputError;
    OSError.
    """
    given: dict[MessageKey | None, Label] = {}
    for event in events:
        found = key_in_event({**event, "session_id": session_id})
        if found is not None:
            _, key, index = found
            given.setdefault(key, Label(session_id, key, index)).apply(event)
    there = labels.labels_of(session_id)
    missing: list[dict[str, Any]] = []
    for key, label in given.items():
        missing += events_of(_without(label, there.get(key)), session_id, key, label.index)
    labels.add_events(missing)
    return len(missing)


def _without(label: Label, there: Label | None) -> Label:
    """`label` without what `there` says too, or says later."""
    if there is None:
        return label
    tags = {tag: mark for tag, mark in label.tags.items() if tag not in there.tags}
    star = None if there.star else label.star
    extra = {name: value for name, value in label.extra.items() if name not in there.extra}
    left = Label(label.session_id, label.key, label.index, star, tags, extra=extra)
    is_later = label.note != there.note and _time(label.note_mark) > _time(there.note_mark)
    if is_later or not there.note_mark:
        left.note, left.note_mark = label.note, label.note_mark
    return left


def _time(mark: Mark | None) -> datetime:
    return (mark.at if mark else None) or _EARLIEST
