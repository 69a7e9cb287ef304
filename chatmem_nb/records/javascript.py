"""Records as `@langchain/community` of npm writes and reads them, where it differs from Python's.

It writes a ChatMessage as type `generic`, and years ago wrote `{type, role, text}` without `data`. One record
of a type that it does not know makes it throw for the whole session.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from pydantic_core import from_json

GENERIC: Final = "generic"
"""Its name for the type `chat`."""
# Its mapStoredMessageToChatMessage, and the field without which that throws.
_REQUIRED: Final = {
    "human": "content",
    "ai": "content",
    "system": "content",
    "function": "name",
    "tool": "tool_call_id",
    GENERIC: "role",
}
_LEGACY_KEYS: Final = ("text", "role")


def message_of(value: dict[str, Any]) -> tuple[Any, Any]:
    """Return `type` and `data` of the record `value`, in Python's form if it is in that of JavaScript."""
    kind, data = value.get("type"), value.get("data")
    if _is_legacy(value):
        data = {"content": value["text"]}
        if kind == GENERIC:
            data["role"] = value.get("role")
    return "chat" if kind == GENERIC else kind, data


def with_message(value: dict[str, Any], kind: str | None, data: dict[str, Any]) -> dict[str, Any]:
    """Return the record `value` with another message in it; `generic` stays what it is."""
    kept = {key: kept for key, kept in value.items() if not (_is_legacy(value) and key in _LEGACY_KEYS)}
    same = kind == "chat" and value.get("type") == GENERIC
    return {**kept, "type": GENERIC if same else kind, "data": data}


def _is_legacy(value: dict[str, Any]) -> bool:
    return "data" not in value and type(value.get("text")) is str


def javascript_error(raw: str) -> str | None:
    """Return why `@langchain/community` cannot read the record `raw`; None if it can."""
    try:
        value = _strict_json(raw)
    except (ValueError, RecursionError):
        return "it is not JSON as JavaScript reads it, which has no NaN and no Infinity"
    kind = value.get("type") if type(value) is dict else None
    required = _REQUIRED.get(kind) if type(kind) is str else None
    if required is None:
        return "it is neither human, ai, system, tool, function nor generic, the types that it reads"
    data = value.get("data")
    missing = [name for name in ("content", required) if type(data) is not dict or data.get(name) is None]
    return f"its `data` has no `{missing[0]}`" if missing else None


def _strict_json(raw: str) -> Any:
    try:
        return from_json(raw, allow_inf_nan=False)
    except (ValueError, TypeError):
        # Lone surrogates, very long or large numbers: JavaScript accepts them.
        return json.loads(raw, parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
