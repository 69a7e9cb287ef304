"""Message text -> HTML that a page can show: Markdown, coloured code, and nothing that runs or is fetched.

Chat text is hostile input. Raw HTML is text, images are labels, links are absolute http, https or mailto
and open outside; what comes out has passed one `nh3` cleaner, whose list of tags is the only allowlist.
Rendering is bounded in time and size; text made to exceed the bounds comes out plain.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from html import escape
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from .highlighting import coloured, is_colourable
from .json_highlighting import json_html
from .markdown_rules import TooMuch, bounded, has_formula, shortcuts_for, with_formulas, with_shortcuts
from .time_limit import TimeLimitExceeded, time_limit

RENDER_LIMIT: Final = 50_000
"""Characters that are rendered as Markdown at most; longer text comes out plain."""
RENDER_TIME_S: Final = 1.0
"""CPU time that one message takes at most; Markdown that takes longer comes out plain."""
_LINK_LIMIT: Final = 2_000

_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_LINKED = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\s]{0,500}\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`+|~~)(?=\S)([^*`~\n]{1,200}?)(?<=\S)\1")
_MARKS = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|`{3,}.*$)|[ \t]#{2,6}[ \t]*$|\*\*",
    re.MULTILINE,
)
# A line of marks alone: a rule, the line beneath a heading, or that beneath the head of a table.
_RULE = re.compile(r"^[ \t]*([-*_=])(?:[ \t]?\1){2,}[ \t]*$", re.MULTILINE)
_UNDER_HEAD = re.compile(r"^(?=[^\n|]*\|)(?=[^\n-]*-)[-:| \t]+$", re.MULTILINE)
# Blanks are matched from where they begin: from each of them, a text of blanks would take quadratic time.
_BAR = re.compile(r"(?:(?<![ \t])[ \t]+)?(?<!\\)\|[ \t]*")
# Lines that start with a letter, and contain nothing with a meaning in Markdown or HTML.
# White space but the space is listed, so that a line is one run of one class: ten times as fast.
_BLANKS = r"\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PROSE = re.compile(rf"(?:[^\W\d_](?:[^\\`*_\[\]<>&~|{_BLANKS}]++|(?<=[^\W_])_++(?=[^\W_]))*+(?:\n++|\Z))++")
_PROSE_LIMIT: Final = 10_000
_BETWEEN_PARAGRAPHS = re.compile(r"\n{2,}")
_LANGUAGE = re.compile(r"[a-z0-9+#.-]{1,30}")
# What JSON carries and no page can show: control characters but tab and newline, and lone surrogates.
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CODE: Final = '<pre class="cm-code" data-lang="{}"><code>{}</code></pre>\n'
_ALIGNMENTS = {"text-align:left": "cm-left", "text-align:center": "cm-center", "text-align:right": "cm-right"}

_TAGS = {"p", "br", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "em", "strong"}
_TAGS |= {"s", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div"}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "pre": {"class", "data-lang"},
    **{tag: {"class"} for tag in ("span", "div", "th", "td")},
}


def _safe_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _LINK.match(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_safe_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


def to_html(text: str, *, limit: int = RENDER_LIMIT) -> str:
    """Return `text`, read as Markdown, as safe HTML; plain if it is longer than `limit` characters, or made
    to take long.

    Never raises for any text. Characters that no page can show come out as U+FFFD.
    """
    text = showable(text)
    if len(text) > limit:
        return plain_html(text)
    if len(text) <= _PROSE_LIMIT and _PROSE.fullmatch(text) and not has_formula(text):
        return _paragraphs(text)
    try:
        with time_limit(RENDER_TIME_S, len(text)):
            html = _MARKDOWN.render(text, {_ATTRIBUTES_LEFT: 4 * len(text) + 10_000} | shortcuts_for(text))
    except (RecursionError, TimeLimitExceeded):  # as text it can still be read
        return plain_html(text)
    return str(_CLEANER.clean(html))


def _paragraphs(text: str) -> str:
    """Return the result of the parser and the cleaner for plain prose, in a hundredth of their time."""
    found = (
        "<br>\n".join(line.rstrip(" ") for line in paragraph.split("\n"))
        for paragraph in _BETWEEN_PARAGRAPHS.split(text.rstrip("\n"))
    )
    return "".join(f"<p>{paragraph}</p>\n" for paragraph in found)


def code_html(text: str, language: str = "", *, colours: bool = True) -> str:
    """Return `text` as one block of code, coloured if `language` is known and the text short enough."""
    text = showable(text)
    if language == "json" and colours and is_colourable(text) and (inner := json_html(text)):
        return _CODE.format(language, inner)
    return str(_CLEANER.clean(_code_block(text, language, colours=colours)))


def plain_html(text: str) -> str:
    """Return `text` unrendered, in one block that keeps its lines."""
    return f'<div class="cm-plain">{escape(showable(text))}</div>'


def showable(text: str) -> str:
    """Return `text` with what no page can show (control characters, lone surrogates) as U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSHOWABLE.sub("�", text.replace("\r\n", "\n").replace("\r", "\n"))


def without_marks(text: str) -> str:
    """Return the words of Markdown for one line of a list: without `#`, emphasis, links, rules and bars."""
    text = _LINKED.sub(r"\1", text)
    text, tables = _UNDER_HEAD.subn("", text)
    if tables:
        text = _BAR.sub(" ", text)
    text = _RULE.sub("", text)
    return _MARKS.sub("", _EMPHASIS.sub(r"\2", text))


def clip(text: str, limit: int) -> tuple[str, int | None]:
    """Return the first `limit` characters of `text`, and its whole length if that is more, else None."""
    return (text, None) if len(text) <= limit else (text[:limit], len(text))


def _code_block(code: str, info: str, *, colours: bool = True) -> str:
    words = info.split(maxsplit=1)
    found = _LANGUAGE.fullmatch(words[0].lower()) if words else None
    language = found.group() if found else ""
    inner = coloured(code, language) if colours else escape(code)
    return _CODE.format(language, inner)


def _link_allowed(url: str) -> bool:
    return len(url) <= _LINK_LIMIT and _LINK.match(url) is not None


_ATTRIBUTES_LEFT: Final = "attributes left"


class _Renderer(RendererHTML):
    """What differs from CommonMark's HTML: code is coloured, images are labels, formulas stay source."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _code_block(tokens[idx].content, tokens[idx].info)

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _code_block(tokens[idx].content, "")

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # One definition of a long address may be referred to thousands of times.
        env[_ATTRIBUTES_LEFT] -= sum(len(str(value)) for value in tokens[idx].attrs.values())
        if env[_ATTRIBUTES_LEFT] < 0:
            raise TooMuch
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: MutableMapping[str, Any]) -> str:
        token = tokens[idx]
        label = self.renderInlineAsText(token.children, options, env) if token.children else ""
        url = str(token.attrGet("src") or "")[:200]
        return f'<span class="cm-image">image: {escape(label or "no description")} ({escape(url)})</span>'

    def plain(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        parts = escape(tokens[idx].content).split("**")
        for place in range(1, len(parts), 2):
            parts[place] = f"<strong>{parts[place]}</strong>"
        return "".join(parts)

    def math_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<span class="cm-math">{escape(tokens[idx].content)}</span>'

    def math_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<div class="cm-math">{escape(tokens[idx].content)}</div>\n'

    def _cell(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        if style := token.attrs.pop("style", None):
            token.attrs["class"] = _ALIGNMENTS.get(str(style), "cm-left")
        return self.renderToken(tokens, idx, options, env)

    th_open = _cell
    td_open = _cell


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    markdown.enable(["table", "strikethrough"])
    markdown.validateLink = _link_allowed  # type: ignore[method-assign]  # its documented way to set the rule
    return bounded(with_formulas(markdown))


_MARKDOWN = with_shortcuts(_parser())
