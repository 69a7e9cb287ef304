"""Markdown: to be read by people, in an editor or on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..contained_markdown import contained
from ..content import TOOL_TYPES, Block, content_blocks, role, role_title, tool_calls, tool_results
from ..json_text import pretty_json
from ..plain_text import escaped, utf8_text
from ..records import StoredMessage
from .writer import TextWriter

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


class MarkdownWriter(TextWriter):
    """A heading a session, a smaller one a message; texts as quotations, so that none runs into the next.

    For people: metadata, tokens and ids go, other blocks than text become a line that names them, and it is
    not read again.
    """

    _session_id: str | None = None
    _is_open = False

    def begin(self) -> None:
        self.write("# Conversations\n")

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        if not self._is_open:
            self._is_open = True
            self.write(f"\n## {one_line(session_id or 'Messages')}\n")
        for record in records:
            self.write(utf8_text(message(record)))

    def end_session(self) -> None:
        self._is_open = False


def message(record: StoredMessage) -> str:
    """Return one record as Markdown."""
    data = record.data or {}
    who = role_title(role(record.type, data) or record.type or "unreadable")
    when = f", {record.stored_at:%Y-%m-%d %H:%M:%S} UTC" if record.stored_at else ""
    name = f" ({one_line(str(data['name']))})" if data.get("name") else ""
    parts = [f"\n### {record.index + 1}. {one_line(who)}{name}{when}\n"]
    if record.error is not None:
        return "".join([*parts, f"\nCannot be read: {one_line(record.error)}\n", fenced(record.raw)])
    return "".join([*parts, *_body(record, data)])


def _body(record: StoredMessage, data: dict[str, Any]) -> Iterator[str]:
    for block in content_blocks(record):
        yield f"\n{quoted(block.text)}\n" if block.kind == "text" else other_block(block)
    for call in tool_calls(data):
        yield f"\nCalls **{one_line(call.name or 'a tool')}**\n{fenced(pretty_json(call.args), 'json')}"
    for result in [] if record.type in TOOL_TYPES else tool_results(record):
        if result.text and result.kind != "function":
            yield f"\nResult{' (error)' if result.is_error else ''}:\n{fenced(result.text)}"


def other_block(block: Block) -> str:
    """Return a block that is no text as a line that says what it is."""
    if block.kind == "tool":  # the call itself comes after the content
        return ""
    if block.kind == "reasoning":
        return f"\nReasoning:\n\n{quoted(block.text)}\n"
    details = [block.mime_type, block.filename, block.url or block.file_id]
    if block.size is not None:
        details.append(f"{block.size:,} bytes")
    label = block.block_type if block.kind == "other" and block.block_type else block.kind
    return f"\n\\[{one_line(', '.join([label, *filter(None, details)]))}\\]\n"


def quoted(text: str | None) -> str:
    """Return `text` as a quotation, in which a fence left open ends too, and from which nothing reaches out.

    Markdown that cannot be kept from it is shown as its source.
    """
    lines = escaped((text or "").replace("\r\n", "\n").replace("\r", "\n"))
    safe = contained(lines)
    if safe is None:
        return fenced(lines).strip("\n")
    return "\n".join(f"> {line}" if line else ">" for line in safe.split("\n"))


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a block of code, within a fence that it does not contain."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"\n{fence}{language}\n{escaped(text)}\n{fence}\n"


def one_line(text: str) -> str:
    """Return `text` for a heading: on one line, and nothing in it is Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(escaped(text).split()))
