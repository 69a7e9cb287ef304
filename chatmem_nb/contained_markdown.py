"""A message's Markdown made safe to stand among other messages in one file.

A renderer of that file may run raw HTML, fetch images, and resolve `[name]` anywhere by a definition in any
message. So tags, images, definitions and links to anything but the web or mail become plain text; headings,
lists, tables, emphasis, code and links stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .markdown import RENDER_LIMIT
from .markdown_rules import bounded
from .time_limit import TimeLimitExceeded, time_limit

_TIME_LIMIT_S: Final = 1.0
_REACHES_OUT: Final = re.compile(r"[<\[]")
_CODE_SPAN: Final = re.compile(r"(?P<ticks>(?<!`)`+(?!`)).+?(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_ESCAPE_OR_TICKS: Final = re.compile(r"\\.|`+", re.DOTALL)
_TEXT: Final = re.compile(
    r"\\.|(?P<tag><)|(?P<image>!\[)|(?P<definition>\]:)|(?P<link>\]\((?!\s*<?(?:https?:|mailto:)))", re.DOTALL
)
_SAFE: Final = {"tag": r"\<", "image": r"!\[", "definition": r"\]:", "link": r"]\("}
_UNSAFE_TOKENS: Final = frozenset({"html_block", "html_inline", "image"})


def contained(text: str) -> str | None:
    """Return Markdown that reads as `text` does and reaches nothing outside of it, or None.

    The result was parsed to make sure.
    """
    if not _REACHES_OUT.search(text):
        return text
    if len(text) > RENDER_LIMIT:
        return None
    try:
        with time_limit(_TIME_LIMIT_S):
            safe = _escaped(text)
            return safe if _is_contained(safe) else None
    except (RecursionError, TimeLimitExceeded):
        return None


def _escaped(text: str) -> str:
    lines = text.split("\n")
    result: list[str] = []
    at = 0
    for start, stop, kind in _blocks(_PARSER.parse(text)):
        if start < at:  # a block in a block that is done
            continue
        result += map(_escaped_text, lines[at:start])
        piece = "\n".join(lines[start:stop])
        result.append(piece if kind == "fence" else _escaped_inline(piece))
        at = stop
    return "\n".join([*result, *map(_escaped_text, lines[at:])])


def _blocks(tokens: list[Token]) -> Iterator[tuple[int, int, str]]:
    """Yield the lines of the blocks in which code may stand: fences, and paragraphs and headings."""
    for token in tokens:
        if token.map and token.type in ("fence", "paragraph_open", "heading_open"):
            yield token.map[0], token.map[1], token.type


def _escaped_inline(text: str) -> str:
    """Return the text of one block escaped, but for its code spans."""
    result: list[str] = []
    at = begun = 0
    while found := _ESCAPE_OR_TICKS.search(text, at):
        at = found.end()
        span = None if found.group().startswith("\\") else _CODE_SPAN.match(text, found.start())
        if span:
            result += [_escaped_text(text[begun : span.start()]), span.group()]
            at = begun = span.end()
    return "".join([*result, _escaped_text(text[begun:])])


def _escaped_text(text: str) -> str:
    return _TEXT.sub(lambda found: _SAFE[found.lastgroup] if found.lastgroup else found.group(), text)


def _is_contained(text: str) -> bool:
    env: MutableMapping[str, Any] = {}
    tokens = _PARSER.parse(text, env)
    inner = [child for token in tokens for child in token.children or ()]
    return not env.get("references") and not any(token.type in _UNSAFE_TOKENS for token in [*tokens, *inner])


def _parser() -> MarkdownIt:
    parser = bounded(MarkdownIt("commonmark", {"html": True}))
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # see it as the laxest renderer does
    return parser.enable(["table", "strikethrough"])


_PARSER: Final = _parser()
