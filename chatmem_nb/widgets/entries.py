"""One stored record as an entry of the transcript: small, tolerant, and safe to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..content import (
    NOT_SYSTEM,
    Failure,
    ToolCall,
    finish_reason,
    is_instruction,
    model,
    tool_calls,
    tool_results,
    usage,
)
from ..content import role as chat_role
from ..json_text import LAYOUT_LIMIT, indented, line_start, pretty_start
from ..markdown import RENDER_LIMIT, clip, code_html, showable, to_html
from ..records import StoredMessage
from .message_parts import Content, read_content
from .reading import identity_of

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
TEXT_CLIP: Final = 16_000
"""Characters of a text that travel to the page at first, if there is room for them."""
UNCUT: Final = 4_000
"""A text of a person or of the model that is no longer is never cut."""
UNCUT_OTHERS: Final = 2_000
"""The same for reasoning, results of tools, and instructions."""
CALLS_SHOWN: Final = 20
LINE_CLIP: Final = 400
"""Characters of the arguments of a call that are shown on its line."""
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


def fits_role(role: str, wanted: str) -> bool:
    """Return whether `role`, one of ROLES, is `wanted`: one of them too, or NOT_SYSTEM."""
    return not is_instruction(role) if wanted == NOT_SYSTEM else role == wanted


def find_role(word: object) -> object:
    """Return the role for a word of chat APIs: "human" for "user"; anything else unchanged."""
    return _ROLE_OF.get(word, word) if isinstance(word, str) else word


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


def uncut(role: str) -> int:
    """Return how long a text of `role` may be and is never cut."""
    return UNCUT if role in ("human", "ai") else UNCUT_OTHERS


def shown_text(text: str, role: str, limit: int) -> dict[str, Any]:
    """Return the first `limit` characters of the text of a message as HTML, and its length if it is cut."""
    start, clipped = clip(text, limit)
    if clipped and role == "tool" and len(text) <= RENDER_LIMIT:
        start = (laid_out(text) or start)[:limit]  # indented before it is cut, while it is JSON
    return {"html": words_html(start, role), "clipped": clipped}


def entry(
    record: StoredMessage,
    *,
    content: Content | None = None,
    text_clip: int = TEXT_CLIP,
    shown: int = CALLS_SHOWN,
    results: Mapping[str, StoredMessage] | None = None,
    answers: tuple[str, int] | None = None,
    render: Callable[[str, str, int], dict[str, Any]] = shown_text,
) -> dict[str, Any]:
    """Return `record` as the page shows it, without keys that have nothing to say.

    `content` is its content, where that was read before. Texts are cut at `text_clip` characters, but not
    below those that are never cut; `shown` tool calls and blocks are in it. `results` are the results of its
    tool calls by call id. `answers` is the tool and index of the call that it is the result of: the text
    is then shown with that call. `render` is `shown_text`, or a cache of it.
    """
    data, role = record.data or {}, role_of(record)
    common = {
        "index": record.index,
        "role": role,
        "stored_at": record.stored_at.isoformat() if record.stored_at else None,
        "name": short(data.get("name")),
    }
    if record.error is not None:
        shown_entry = {**common, "error": short(record.error), **_raw(record.raw)}
    elif answers is not None:
        shown_entry = {**common, "answers": {"name": answers[0], "index": answers[1]}}
    else:
        content = read_content(record) if content is None else content
        calls = tool_calls(data)
        length = min(len(content.text), max(text_clip, uncut(role)))
        shown_entry = {
            **common,
            **render(content.text, role, length),
            "failure": failure_of(record),
            "blocks": [part.shown(max(text_clip, UNCUT_OTHERS)) for part in content.parts[:shown]],
            "tool_calls": [shown_call(call, results or {}, text_clip) for call in calls[:shown]],
            "tool_calls_total": len(calls) if len(calls) > shown else None,
            **figures(data),
        }
    return without_empty(shown_entry)


def without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` without those that say nothing: None, and empty texts and lists."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [])}


def failure_of(record: StoredMessage) -> Failure | None:
    """Return how the failure of the tool with the result `record` is recognised, or None."""
    return next((result.failure for result in tool_results(record) if result.failure), None)


def _raw(raw: str) -> dict[str, Any]:
    start, clipped = clip(raw, RAW_CLIP)
    return {"raw": showable(start), "clipped": clipped}


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
    """Return a tool call with its result, if there is one."""
    answer = results.get(call.id) if call.id else None
    limit = max(text_clip, UNCUT_OTHERS)
    line = arguments_line(call, limit=LINE_CLIP)
    return without_empty(
        {
            "name": short(call.name) or "unnamed tool",
            "line": cut(line, LINE_CLIP),
            "args": _pretty_arguments(call, limit) if len(line) > LINE_CLIP else None,
            "error": short(call.error),
            "result": None if answer is None else _result(answer, limit),
        }
    )


def arguments_line(call: ToolCall, *, limit: int | None) -> str:
    """Return the arguments on one line, as a call in Python has them; not much beyond `limit`."""
    max_length = LAYOUT_LIMIT if limit is None else limit
    if not isinstance(call.args, dict):
        args = call.args if isinstance(call.args, str) else line_start(call.args, max_length)
        return " ".join(showable((args or "")[: max_length * 2]).split())
    parts: list[str] = []
    length = 0
    for name, value in call.args.items():
        parts.append(f"{name[:NAME_CLIP]}={line_start(value, max_length)}")
        length += len(parts[-1]) + len(", ")
        if length > max_length + len(", "):
            break
    return showable(", ".join(parts))


def _pretty_arguments(call: ToolCall, limit: int) -> str:
    """Return the arguments as indented JSON, or as they are if they are a string; cut at `limit`."""
    if isinstance(call.args, str):
        text, rest = clip(call.args, limit)
        return showable(text) + ("…" if rest else "")
    return showable(pretty_start(call.args, limit))


def _result(answer: StoredMessage, limit: int) -> dict[str, Any]:
    text, clipped = clip(text_of(answer), limit)
    found = {
        "index": answer.index,
        "text": showable(text),
        "clipped": clipped,
        "identity": identity_of(answer) if clipped else None,
        "failure": failure_of(answer),
    }
    return {"text": "", **without_empty(found)}


def short(value: object) -> str | None:
    """Return `value` as one short line; None stays None."""
    if value is None:
        return None
    text = value if isinstance(value, str) else line_start(value, NAME_CLIP)
    return cut(showable(text[: NAME_CLIP + 1]).replace("\n", " "), NAME_CLIP)


def cut(text: str, limit: int) -> str:
    """Return `text`, with an ellipsis where more than `limit` characters were cut off."""
    return text if len(text) <= limit else text[:limit] + "…"
