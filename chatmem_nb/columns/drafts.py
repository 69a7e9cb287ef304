"""A record being changed, and how the value of each column changes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..content import FINISH_KEYS, MODEL_KEYS, ROLES, TEXT_BLOCKS, TYPE_OF_ROLE, role, role_name, usage
from ..errors import InvalidInputError
from ..json_text import parse_json
from ..records import MESSAGE_CLASSES, to_json


@dataclass(slots=True)
class Draft:
    """A record being changed."""

    kind: str | None
    data: dict[str, Any]
    stored_at: datetime | None = None

    def object(self, key: str) -> dict[str, Any]:
        """Return the object under `key` of the data, created if it does not exist."""
        found = self.data.get(key)
        if type(found) is not dict:
            found = self.data[key] = {}
        return found


def _set_type(draft: Draft, value: Any) -> None:
    if value not in MESSAGE_CLASSES:
        raise InvalidInputError("not a message type of langchain_core")
    draft.kind = draft.data["type"] = value


def _set_role(draft: Draft, value: Any) -> None:
    if value is None or value == role(draft.kind, draft.data):
        return
    is_chat = draft.kind in ("chat", "ChatMessageChunk")
    value = value if is_chat else role_name(value)
    kind = draft.kind if is_chat else TYPE_OF_ROLE.get(value)
    if kind is None:
        known = ", ".join(TYPE_OF_ROLE)
        raise InvalidInputError(f'it must be one of {known}, or the `type` "chat" for a role of your own')
    if ROLES.get(draft.kind or "") != value:
        draft.kind = draft.data["type"] = kind
    if kind.lower().startswith("chat"):
        draft.data["role"] = value
    if kind == "system":
        kwargs = draft.object("additional_kwargs")
        kwargs.pop("__openai_role__", None)
        if value == "developer":
            kwargs["__openai_role__"] = value


def _set_content_json(draft: Draft, value: Any) -> None:
    draft.data["content"] = parse_json(value) if value else ""


def set_content(draft: Draft, value: Any) -> None:
    if type(value) is list:
        draft.data["content"] = value
    else:
        _set_text(draft, value or "")


def _set_text(draft: Draft, text: str) -> None:
    """Change the text, and leave images and other blocks where they are."""
    content = draft.data.get("content")
    if type(content) is not list:
        draft.data["content"] = text
        return
    kept: list[Any] = []
    placed = False
    for block in content:
        is_text = type(block) is str or (type(block) is dict and block.get("type") in TEXT_BLOCKS)
        if not is_text:
            kept.append(block)
        elif not placed:
            kept.append(text if type(block) is str else {**block, "text": text})
            placed = True
    if not placed and text:
        kept.append({"type": "text", "text": text})
    draft.data["content"] = kept


def _set_tool_calls(draft: Draft, value: Any) -> None:
    calls = parse_json(value) if value else []
    if type(calls) is not list:
        raise InvalidInputError("not a JSON array")
    draft.data["tool_calls"] = calls
    # Providers' own copies of the calls would bring back what was changed.
    kwargs = draft.data.get("additional_kwargs")
    if type(kwargs) is dict:
        kwargs.pop("tool_calls", None)
    content = draft.data.get("content")
    if type(content) is list:
        by_id = {call.get("id"): call for call in calls if type(call) is dict}
        draft.data["content"] = [block for item in content for block in _with_call(item, by_id)]


def _with_call(item: Any, by_id: dict[Any, dict[str, Any]]) -> list[Any]:
    if type(item) is not dict or item.get("type") not in ("tool_use", "tool_call", "function_call"):
        return [item]
    call = by_id.get(item.get("call_id") or item.get("id"))
    if call is None:
        return []
    changed = {**item, "name": call.get("name")}
    if "arguments" in item:
        changed["arguments"] = to_json(call.get("args"))
    else:
        changed["args" if "args" in item else "input"] = call.get("args")
    return [changed]


def _set(key: str) -> Callable[[Draft, Any], None]:
    def change(draft: Draft, value: Any) -> None:
        draft.data[key] = value

    return change


def _set_json(key: str, empty: Any) -> Callable[[Draft, Any], None]:
    def change(draft: Draft, value: Any) -> None:
        draft.data[key] = parse_json(value) if value else copy.copy(empty)

    return change


def _set_count(position: int) -> Callable[[Draft, Any], None]:
    def change(draft: Draft, value: Any) -> None:
        keys = ("input_tokens", "output_tokens", "total_tokens")
        if usage(draft.data)[position] == value:
            return
        if not draft.data.get("usage_metadata"):
            known = usage(draft.data)[:3]
            draft.data["usage_metadata"] = {key: count or 0 for key, count in zip(keys, known, strict=True)}
        draft.object("usage_metadata")[keys[position]] = 0 if value is None else int(value)

    return change


def _set_detail(position: int, place: str, key: str) -> Callable[[Draft, Any], None]:
    """A change of a part of the input or output tokens."""

    def change(draft: Draft, value: Any) -> None:
        known = usage(draft.data)
        if known[position] == value:
            return
        counts = draft.object("usage_metadata")
        for name, count in zip(("input_tokens", "output_tokens", "total_tokens"), known, strict=False):
            counts.setdefault(name, count or 0)
        details = counts.get(place)
        counts[place] = {
            **(details if type(details) is dict else {}),
            key: 0 if value is None else int(value),
        }

    return change


def _set_response(keys: tuple[str, ...]) -> Callable[[Draft, Any], None]:
    def change(draft: Draft, value: Any) -> None:
        metadata = draft.object("response_metadata")
        written = [key for key in keys if metadata.get(key)] or [keys[0]]
        for key in written:
            metadata.pop(key, None)
            if value is not None:
                metadata[key] = value

    return change


def _set_stored_at(draft: Draft, value: Any) -> None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is not None and not isinstance(value, datetime):
        raise InvalidInputError("not a valid time")
    if value is not None:
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    draft.stored_at = value


# In the order in which they are applied. `content` is applied last, unless `content_json` replaces it.
SETTERS: dict[str, Callable[[Draft, Any], None]] = {
    "type": _set_type,
    "role": _set_role,
    "content_json": _set_content_json,
    "name": _set("name"),
    "id": _set("id"),
    "additional_kwargs": _set_json("additional_kwargs", {}),
    "tool_calls": _set_tool_calls,
    "tool_call_id": _set("tool_call_id"),
    "status": _set("status"),
    "response_metadata": _set_json("response_metadata", {}),
    "usage_metadata": _set_json("usage_metadata", None),
    "artifact": _set_json("artifact", None),
    "input_tokens": _set_count(0),
    "output_tokens": _set_count(1),
    "total_tokens": _set_count(2),
    "cached_tokens": _set_detail(3, "input_token_details", "cache_read"),
    "reasoning_tokens": _set_detail(4, "output_token_details", "reasoning"),
    "model": _set_response(MODEL_KEYS),
    "finish_reason": _set_response(FINISH_KEYS),
    "stored_at": _set_stored_at,
}


EDITABLE = (*SETTERS, "content")
