"""One stored record as an entry of the transcript: small, tolerant, and safe to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..content import ToolCall, finish_reason, model, tool_calls, usage
from ..content import role as chat_role
from ..json_text import LAYOUT_LIMIT, indented, line_start, pretty_start
from ..markdown import RENDER_LIMIT, clip, code_html, showable, to_html
from ..records import StoredMessage
from .message_parts import Content, read_content

ROLES: Final = ("human", "ai", "system", "tool", "other")
"""Who speaks, in the words of the page."""
_ROLE_OF: Final = {
    "user": "human",
    "human": "human",
    "assistant": "ai",
    "ai": "ai",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
TEXT_CLIP: Final = 4_000
"""Characters of a message that travel to the page at first."""
CALLS_SHOWN: Final = 20
ARGS_CLIP: Final = 1_500
RESULT_CLIP: Final = 600
RAW_CLIP: Final = 2_000
NAME_CLIP: Final = 200
LAYOUT_GROWTH: Final = 4
"""How many times longer than its text JSON may become by being indented."""


def role_of(record: StoredMessage) -> str:
    """Return who speaks in `record`, one of ROLES."""
    return page_role(chat_role(record.type, record.data or {}))


def page_role(role: str | None) -> str:
    """Return one of ROLES for a role of the frames, which use the words of chat APIs."""
    return _ROLE_OF.get(role or "", "other")


def text_of(record: StoredMessage) -> str:
    """Return the text of `record`; its raw text if it is unreadable."""
    return record.raw if record.error is not None else read_content(record).text


def words_html(text: str, role: str) -> str:
    """Return the words of a message as HTML: as Markdown, but JSON that a tool returned as JSON."""
    if role == "tool" and text.lstrip()[:1] in ("{", "["):
        return code_html(laid_out(text) or text, "json", colours=False)
    return to_html(text) if text else ""


def laid_out(text: str) -> str | None:
    """Return JSON text indented; None if it is not JSON, or indenting it would make it much longer."""
    return indented(text, min(LAYOUT_GROWTH * len(text) + NAME_CLIP, LAYOUT_LIMIT))


def entry(
    record: StoredMessage,
    *,
    content: Content | None = None,
    text_clip: int = TEXT_CLIP,
    shown: int = CALLS_SHOWN,
    results: Mapping[str, StoredMessage] | None = None,
    answers: tuple[str, int] | None = None,
) -> dict[str, Any]:
    """Return `record` as the page shows it.

    `content` is its content, where that was read before. At most `text_clip` characters of each text and
    `shown` tool calls and blocks are in it. `results` are the answers to its tool calls by call id;
    `answers` the tool and index of the call that it answers.
    """
    data, role = record.data or {}, role_of(record)
    common = {
        "index": record.index,
        "role": role,
        "type": short(record.type) or "unknown",
        "stored_at": record.stored_at.isoformat() if record.stored_at else None,
        "chars": len(record.raw),
        "error": short(record.error),
    }
    if record.error is not None:
        return {**common, **_unreadable(record)}
    content = read_content(record) if content is None else content
    text, clipped = clip(content.text, text_clip)
    if clipped and role == "tool" and len(content.text) <= RENDER_LIMIT:
        text = (laid_out(content.text) or text)[:text_clip]  # indented before it is cut, while it is JSON
    found = tool_calls(data)
    call_id = short(data.get("tool_call_id"))
    return {
        **common,
        "name": short(data.get("name")),
        "id": short(data.get("id")),
        "html": words_html(text, role),
        "clipped": clipped,
        "blocks": [part.shown(text_clip) for part in content.parts[:shown]],
        "tool_calls": [shown_call(call, results or {}, text_clip) for call in found[:shown]],
        "tool_calls_total": len(found),
        "tool_call_id": call_id,
        "answers": {"name": answers[0], "index": answers[1]} if answers else None,
        "status": short(data.get("status")) if role == "tool" else None,
        "raw": None,
        **figures(data),
    }


def figures(data: dict[str, Any]) -> dict[str, Any]:
    """Return model, finish reason and tokens, from wherever the providers put them."""
    taken = dict(zip(("input", "output", "total"), usage(data), strict=False))
    return {
        "model": short(model(data)),
        "finish_reason": short(finish_reason(data)),
        "tokens": taken if any(count is not None for count in taken.values()) else None,
    }


def shown_call(
    call: ToolCall, results: Mapping[str, StoredMessage], text_clip: int = TEXT_CLIP
) -> dict[str, Any]:
    """Return one tool call with its result, if that is known."""
    answer = results.get(call.id) if call.id else None
    return {
        "id": short(call.id),
        "name": short(call.name) or "unnamed tool",
        "args": _pretty_arguments(call, min(ARGS_CLIP, text_clip)),
        "error": short(call.error),
        "result": None if answer is None else _result(answer, min(RESULT_CLIP, text_clip)),
    }


def _pretty_arguments(call: ToolCall, limit: int) -> str:
    """Return the arguments as indented JSON, or as they are if they are a string; cut at `limit`."""
    if isinstance(call.args, str):
        text, rest = clip(call.args, limit)
        return showable(text) + ("…" if rest else "")
    return showable(pretty_start(call.args, limit))


def _result(answer: StoredMessage, limit: int) -> dict[str, Any]:
    status = (answer.data or {}).get("status")
    return {
        "index": answer.index,
        "status": short(status) or "success",
        "text": cut(showable(text_of(answer)[: limit + 1]), limit),
    }


def _unreadable(record: StoredMessage) -> dict[str, Any]:
    raw, clipped = clip(record.raw, RAW_CLIP)
    empty = dict.fromkeys(
        ("name", "id", "tool_call_id", "answers", "status", "model", "finish_reason", "tokens")
    )
    return {
        **empty,
        "html": "",
        "clipped": clipped,
        "blocks": [],
        "tool_calls": [],
        "tool_calls_total": 0,
        "raw": showable(raw),
    }


def short(value: object) -> str | None:
    """Return `value` as a text of one line that fits a label; None stays None."""
    if value is None:
        return None
    text = value if isinstance(value, str) else line_start(value, NAME_CLIP)
    return cut(showable(text[: NAME_CLIP + 1]).replace("\n", " "), NAME_CLIP)


def cut(text: str, limit: int) -> str:
    """Return `text`, with an ellipsis where more than `limit` characters were cut off."""
    return text if len(text) <= limit else text[:limit] + "…"
