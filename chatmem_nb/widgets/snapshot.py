"""A transcript as static, safe HTML, for a notebook that is read without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from ..content import role_title
from ..markdown import plain_html, showable
from ..plain_text import NOT_MATH, counted
from ..records import StoredMessage
from ..time_limit import time_limit
from .rows import entries_of

TEXT_LIMIT: Final = 20_000
TIME_LIMIT_S: Final = 10.0
"""CPU time in which Markdown is rendered; the messages that are left are shown plain."""
_STYLE: Final = (
    "border:1px solid #8886;border-radius:6px;padding:4px 12px;margin:6px 0;"
    "overflow-wrap:anywhere;max-width:70em"
)
_FAILED: Final = {None: "ok", "status": "failed", "text": "looks failed"}
_QUIET: Final = "opacity:.75;font-size:.85em"


class Snapshot:
    """Some messages of a session as HTML: nothing in it runs or is fetched, and no kernel is needed."""

    def __init__(self, session_id: str, records: Sequence[StoredMessage], total: int) -> None:
        with time_limit(TIME_LIMIT_S):
            self.html = _page(session_id, records, total)

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Snapshot({len(self.html):,} characters of HTML)"


def _page(session_id: str, records: Sequence[StoredMessage], total: int) -> str:
    rows = entries_of(records, text_clip=TEXT_LIMIT)
    left_out = total - len(records)
    note = counted(total, "message") + (f", the last {len(records):,} of them shown" if left_out > 0 else "")
    name = f"<strong><bdi>{escape(showable(session_id))}</bdi></strong>"
    head = f"<p>{name} <span style='{_QUIET}'>{note}</span></p>"
    return f"<div class='{NOT_MATH}'>{head}{''.join(map(_message, rows))}</div>"


def _message(row: dict[str, Any]) -> str:
    facts = [f"#{row['index'] + 1}", role_title(row["role"]), *map(row.get, ("name", "stored_at", "model"))]
    head = " · ".join(f"<bdi>{escape(str(fact))}</bdi>" for fact in facts if fact)
    head = f"<div style='{_QUIET}'>{head}</div>"
    calls = row.get("tool_calls", [])
    parts = [row.get("html", ""), *map(_block, row.get("blocks", [])), *map(_call, calls)]
    if row.get("error"):
        parts.append(
            f"<p><em>cannot be read: {escape(row['error'])}</em></p>{plain_html(row.get('raw', ''))}"
        )
    if row.get("clipped"):
        parts.append(f"<p style='{_QUIET}'>cut; {row['clipped']:,} characters in all</p>")
    if (more := row.get("tool_calls_total", 0) - len(calls)) > 0:
        parts.append(f"<p style='{_QUIET}'>and {more:,} more tool calls</p>")
    return f"<div style='{_STYLE}'>{head}{''.join(parts)}</div>"


def _block(block: dict[str, Any]) -> str:
    label = f"<bdi>{escape(block['label'])}</bdi>"
    if not block.get("html"):
        return f"<p style='{_QUIET}'>[{label}]</p>"
    return f"<details><summary style='{_QUIET}'>{label}</summary>{block['html']}</details>"


def _call(call: dict[str, Any]) -> str:
    result = call.get("result")
    answer = f"<pre>{escape(result['text'])}</pre>" if result else "<p><em>no result</em></p>"
    state = f" ({_FAILED[result.get('failure')]})" if result else ""
    args = call.get("args", call.get("line", ""))
    return (
        f"<details><summary style='{_QUIET}'>tool call <bdi>{escape(call['name'])}</bdi>{state}</summary>"
        f"<pre>{escape(args)}</pre>{answer}</details>"
    )
