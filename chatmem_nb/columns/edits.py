"""Rebuilds a record from its columns; whatever is not in the changed columns stays."""

from __future__ import annotations

import copy
from typing import Any

from ..errors import RecordError
from ..json_text import parse_json
from ..records import MESSAGE_CLASSES, StoredMessage, encode, parse, to_json, with_message
from .drafts import SETTERS, Draft, set_content


def rebuilt(record: StoredMessage, edits: dict[str, Any]) -> str:
    """Return the text of `record` with the columns `edits` changed; its other keys stay.

    Raises: RecordError, if the record, or what it becomes, is not a message.
    """
    if record.data is None:
        raise RecordError(f"its columns were changed, but {record.error}", index=record.index)
    draft = Draft(record.type, copy.deepcopy(record.data), record.stored_at)
    _apply(draft, edits, record.index)
    record_json = with_message(parse_json(record.raw), draft.kind, draft.data)
    if "stored_at" in edits:
        record_json["stored_at"] = draft.stored_at and draft.stored_at.isoformat(timespec="microseconds")
    return _checked(to_json(record_json), record.index)


def built(values: dict[str, Any], index: int) -> str:
    """Return the text of a new record with these columns.

    Raises: RecordError, if they are not a message.
    """
    draft = Draft(None, {"content": "", "additional_kwargs": {}, "response_metadata": {}})
    _apply(draft, {name: value for name, value in values.items() if value is not None}, index)
    if draft.kind not in MESSAGE_CLASSES:
        raise RecordError("it has neither `raw` nor a `type` or `role` that is known", index=index)
    message = parse(to_json({"type": draft.kind, "data": draft.data}), index).message
    return encode(message, stored_at=draft.stored_at)


def _apply(draft: Draft, edits: dict[str, Any], index: int) -> None:
    for name, set_column in SETTERS.items():
        if name in edits:
            try:
                set_column(draft, edits[name])
            except (ValueError, TypeError) as exc:
                # A JSON error says where it is, and quotes nothing.
                raise RecordError(f"its `{name}` cannot be used: {exc}", index=index, field=name) from None
    if "content_json" not in edits and "content" in edits:
        set_content(draft, edits["content"])


def _checked(raw: str, index: int) -> str:
    try:
        _ = parse(raw, index).message
    except RecordError as exc:
        reason = exc.reason
    else:
        return raw
    raise RecordError(f"with its columns changed, {reason}", index=index)
