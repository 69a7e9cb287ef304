"""One HTML page that needs nothing else: sanitised, light or dark, with a search over all messages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any, Final, TypeAlias

from ..content import TOOL_TYPES, Block, content_blocks, role, role_title, tool_calls, tool_results
from ..json_text import pretty_json
from ..markdown import code_html, plain_html, showable, to_html
from ..records import StoredMessage
from .writer import TextWriter

_STATIC = Path(__file__).with_name("page")
_NO_FORMS = "base-uri 'none'; form-action 'none'"  # default-src covers neither
_SPEAKERS = frozenset({"human", "ai", "system"})
_PARTS = ("additional_kwargs", "tool_calls", "invalid_tool_calls")
"""Where a message with text as its content may have something else."""
_ROLES = ("user", "assistant", "system", "developer", "tool", "function")
_KEPT_TEXTS: Final = 64
_KEPT_LENGTH: Final = 20_000
_KEPT_CALLS: Final = 256
_KEPT_CALL_LENGTH: Final = 1_000
Render: TypeAlias = Callable[[str], str]

PAGE_TAIL = "</main>\n<script>{script}</script>\n</body>\n</html>\n"


class HtmlWriter(TextWriter):
    """A section a session, an article a message.

    For people: metadata, tokens and ids go, and it is not read again.
    """

    _is_open = False

    @cached_property
    def _render(self) -> Render:
        return _remembering(to_html, _KEPT_TEXTS, _KEPT_LENGTH)

    @cached_property
    def _render_json(self) -> Render:
        return _remembering(_json_html, _KEPT_CALLS, _KEPT_CALL_LENGTH)

    def begin(self) -> None:
        self.write(page_head())

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        if not self._is_open:
            self._is_open = True
            name = isolated(session_id or "Messages")
            self.write(f"<details class=session open><summary><h2>{name}</h2></summary>\n")
        for record in records:
            self.write(message(record, self._render, self._render_json))

    def end_session(self) -> None:
        if self._is_open:
            self.write("</details>\n")
        self._is_open = False

    def end(self) -> None:
        self.write(PAGE_TAIL.format(script=page_script()))


@cache
def page_script() -> str:
    """Return the one script of a page."""
    return (_STATIC / "page.js").read_text(encoding="utf-8")


@cache
def page_head() -> str:
    """Return what comes before the first session."""
    digest = base64.b64encode(hashlib.sha256(page_script().encode()).digest()).decode()
    # Even if a message got past the sanitiser, nothing but this one script runs, and nothing is fetched.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; {_NO_FORMS}"
    head = (_STATIC / "page.html").read_text(encoding="utf-8")
    style = (_STATIC / "page.css").read_text(encoding="utf-8")
    return head.replace("{{policy}}", policy).replace("{{style}}", style)


def _remembering(render: Render, number: int, length: int) -> Render:
    """Return `render` with a memory for texts that come again, as system prompts and calls of tools do."""
    remembered = lru_cache(number)(render)
    return lambda text: remembered(text) if len(text) <= length else render(text)


def _json_html(text: str) -> str:
    return code_html(text, "json")


def message(record: StoredMessage, render: Render = to_html, render_json: Render = _json_html) -> str:
    """Return one record as an article; `render` makes HTML of Markdown, `render_json` of JSON."""
    data = record.data or {}
    who = role(record.type, data) or record.type or "unreadable"
    kind = "bad" if record.error is not None else who if who in _ROLES else "other"
    name = data.get("name")
    label = f"{role_title(who)} ({name})" if isinstance(name, str) and name else role_title(who)
    when = ""
    if record.stored_at:
        stamp = record.stored_at.isoformat()
        when = f"<time datetime={stamp}>{stamp[:10]} {stamp[11:19]} UTC</time>"
    head = f"<header><b>{isolated(label)}</b> <span>{record.index + 1}</span> {when}</header>"
    return f"<article class={kind}>{head}{''.join(_body(record, data, render, render_json))}</article>\n"


def _body(record: StoredMessage, data: dict[str, Any], render: Render, render_json: Render) -> Iterator[str]:
    if record.error is not None:
        yield f"<p class=note>Cannot be read: {escape(record.error)}</p>{plain_html(record.raw)}"
        return
    if record.type in _SPEAKERS and type(data.get("content")) is str and not any(map(data.get, _PARTS)):
        if data["content"]:  # text alone, as in most messages
            yield render(data["content"])
        return
    is_result = record.type in TOOL_TYPES
    for block in content_blocks(record):
        if block.kind == "text":  # what a tool returned is data, not Markdown
            yield plain_html(block.text or "") if is_result else render(block.text or "")
        else:
            yield _other_block(block)
    for call in tool_calls(data):
        yield f"<p class=note>calls <b>{isolated(call.name or 'a tool')}</b></p>"
        yield render_json(pretty_json(call.args))
    for result in [] if is_result else tool_results(record):
        if result.text and result.kind != "function":
            yield f"<p class=note>result{' (error)' if result.is_error else ''}</p>{plain_html(result.text)}"


def _other_block(block: Block) -> str:
    if block.kind == "tool":  # the call itself comes after the content
        return ""
    if block.kind == "reasoning":
        return f"<details class=reasoning><summary>reasoning</summary>{to_html(block.text or '')}</details>"
    label = block.block_type if block.kind == "other" and block.block_type else block.kind
    details = [label, block.mime_type, block.filename, block.url or block.file_id]
    if block.size is not None:
        details.append(f"{block.size:,} bytes")
    return f"<p class=note>[{isolated(', '.join(filter(None, details)))}]</p>"


def isolated(text: str) -> str:
    """Return `text` as HTML that cannot reverse the text around it, whatever its own direction."""
    return f"<bdi>{escape(showable(text))}</bdi>"
