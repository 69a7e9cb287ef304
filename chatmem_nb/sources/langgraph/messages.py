"""The messages of a channel, as records."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from langchain_core.messages import BaseMessage

from ...errors import InvalidInputError
from ...records import (
    MESSAGE_CLASSES,
    RecordFields,
    parse_fields,
    record_text,
    shape_errors,
    unreadable_text,
)
from .serialisation import Packed, UnreadableError, json_datas, plain

# Message types by class, which is what LangChain's own serialisation names.
_TYPES: Final = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
    "ChatMessage": "chat",
    "RemoveMessage": "remove",
}


def checked_messages(value: object, channel: str) -> list[Any]:
    """Return the items of a channel. Raises: UnreadableError if they are not messages."""
    if type(value) is list or type(value) is tuple:
        items = list(value)
        if not items or any(_data_of(item) is not None for item in (items[0], items[-1])):
            return items
        found = f"a list of {_name(items[0])}"
    else:
        found = _name(value)
    raise UnreadableError(
        f"channel {channel!r:.60} holds {found}, not messages; name the channel that holds them: "
        "LangGraphSource(checkpointer, channel=...)"
    )


def records_of(items: Sequence[Any], times: Sequence[datetime | None] = ()) -> list[str]:
    """Return a record for each item of a channel, with the message id as `record_id`, and its time."""
    return [_record(item, time) for item, time in zip_longest(items, times)]


def fields_of(items: Sequence[Any], times: Sequence[datetime | None] = ()) -> RecordFields:
    """Return the fields of the records that `records_of` returns, mostly without making the records."""
    datas = json_datas(items)
    types = [] if datas is None else _known_types(datas)
    if datas is None or not types:  # at least one is known only by its record
        return parse_fields(records_of(items, times))
    stamps: list[object] = list(times) or [None] * len(items)
    size = sum([len(item.data) for item in items])
    return RecordFields([*types], [*datas], shape_errors(types, datas), stamps, size)


def _known_types(datas: Sequence[Any]) -> list[str]:
    """Return the type of each message; [] if one of `datas` is not a message."""
    try:
        types = [data["type"] for data in datas]
        is_known = MESSAGE_CLASSES.keys() >= set(types) and all("content" in data for data in datas)
    except (TypeError, KeyError):
        return []
    return types if is_known else []


def _record(item: object, stored_at: datetime | None) -> str:
    try:
        data = _data_of(item)
        if data is None:
            return unreadable_text(f"it is {_name(item)}, not a message")
        kind, message_id = data.get("type"), data.get("id")
        return record_text(
            kind if type(kind) is str else "",
            data,
            record_id=message_id if type(message_id) is str and message_id else None,
            stored_at=stored_at,
        )
    except UnreadableError as exc:
        return unreadable_text(exc.reason)
    except InvalidInputError as exc:
        return unreadable_text(str(exc))


class MessageKeys:
    """Identifies messages across checkpoints: by id, else by all of their content."""

    def __init__(self) -> None:
        self._ids: dict[bytes, Hashable] = {}

    def of(self, items: Iterable[Any]) -> list[Hashable]:
        """Return the key of each item of a channel. A message that does not change is unpacked once."""
        return [self._key(item) for item in items]

    def _key(self, item: object) -> Hashable:
        if not isinstance(item, Packed):
            return id_of(item) or repr(plain(item))
        key = self._ids.get(item.data)
        if key is None:
            key = self._ids[item.data] = id_of(item) or item.data
        return key


def id_of(item: object) -> str | None:
    """Return the message id of an item of a channel."""
    try:
        data = _data_of(item)
    except UnreadableError:
        return None
    message_id = data.get("id") if data is not None else None
    return message_id if type(message_id) is str else None


def replay(seed: Sequence[Any], writes: Iterable[Any]) -> list[Any]:
    """Return the messages that a DeltaChannel holds after `writes`, as LangGraph's reducer does.

    A message replaces the one with its id; a RemoveMessage removes one.
    """
    found: dict[Hashable, Any] = dict(zip(MessageKeys().of(seed), seed, strict=True))
    keys = MessageKeys()
    for write in writes:
        items = write if type(write) is list else [write]
        for key, item in zip(keys.of(items), items, strict=True):
            data = _data_of(item)
            if data is None or data.get("type") != "remove":
                found[key] = item
            elif key == "__remove_all__":
                found.clear()
            else:
                found.pop(key, None)
    return list(found.values())


def _data_of(item: object) -> dict[str, Any] | None:
    if isinstance(item, Packed):
        found = item.unpacked()
        data = found[2] if found is not None else None
    elif isinstance(item, BaseMessage):
        data = item.model_dump()
    elif type(item) is dict and type(item.get("kwargs")) is dict and type(item.get("id")) is list:
        data = plain(item["kwargs"])  # {"lc": 2, "type": "constructor", "id": [..., "HumanMessage"], ...}
        data.setdefault("type", _TYPES.get(str(item["id"][-1])))
    else:
        return None
    return data if type(data) is dict and "type" in data and ("content" in data or "id" in data) else None


def _name(value: object) -> str:
    if isinstance(value, Packed):
        found = value.unpacked()
        return f"a {found[1]:.60}" if found is not None else "an object"
    return "nothing" if value is None else f"a {type(value).__name__}"
