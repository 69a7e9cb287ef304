"""The rules that our Markdown parser has beside markdown-it's own: formulas, bounds, and shortcuts."""

from __future__ import annotations

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, paragraph
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .time_limit import TimeLimitExceeded, check_time

_TOKEN_LIMIT: Final = 50_000
PLAIN: Final = "plain"
"""The type of a token of plain text in which nothing but words in bold is marked."""
_IS_PLAIN: Final = "no heading or table needs two lines"

# At the other characters no inline rule begins, nor at `_` within a word. `]` ends the label of a link.
_PLAIN = r"(?:[^\n&*<\[\]!\\_`~{}]++|!(?!\[)|(?<=[^\W_])_++(?=[^\W_]))"
_PLAIN_TEXT = re.compile(_PLAIN.format("$") + "++")
_PLAIN_PIECE = re.compile(_PLAIN.format("") + "*+")  # with the dollars of amounts
# What a line that underlines a heading, or divides the head of a table from its rows, ends in.
_UNDERLINE = re.compile(r"(?:[-=|]|-:)[ \t]*$", re.MULTILINE)
_AFTER_BOLD: Final = frozenset(".,:;?)")
_PARAGRAPH_START = re.compile(r"(?:\*\*)?[^\W\d_]")
# An item whose text begins a paragraph; of a rule, as in `* * *`, there is nothing but marks.
_ITEM_START = re.compile(r"(?:[-*+]|(?P<number>[0-9]{1,9}[.)])) +(?:\*\*)?[^\W\d_]")
# `$` counts as a formula's edge as pandoc has it, so that "$5 and $10" is no formula. Bounded, since a
# text of nothing but openings would be searched to its end from each of them.
_INLINE_MATH = re.compile(
    r"\$\$[^$]{1,500}?\$\$|\$(?!\s)(?:\\.|[^$\\\n]){1,500}?(?<!\s)\$(?!\d)|\\\(.{1,500}?\\\)|\\\[.{1,500}?\\\]",
    re.DOTALL,
)
_BLOCK_EDGES = {"$$": "$$", "\\[": "\\]"}


def has_formula(text: str) -> bool:
    """Whether a formula may begin within a line of `text`; if one is in a paragraph, it is in the text."""
    return "$" in text and _INLINE_MATH.search(text) is not None


def _math_inline(state: StateInline, silent: bool) -> bool:
    found = _INLINE_MATH.match(state.src, state.pos) if state.src[state.pos] in "$\\" else None
    if found is None or found.end() > state.posMax:
        return False
    if not silent:
        state.push("math_inline", "span", 0).content = found.group()
    state.pos = found.end()
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    edge = _BLOCK_EDGES.get(first[:2])
    if edge is None:
        return False
    last = _closing_line(state, start, end, edge, first)
    if last is None:
        return False
    if not silent:
        token = state.push("math_block", "div", 0)
        token.content = state.getLines(start, last + 1, state.blkIndent, False).strip()
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _closing_line(state: StateBlock, start: int, end: int, edge: str, first: str) -> int | None:
    if first[2:].rstrip().endswith(edge):
        return start
    for line in range(start + 1, min(end, start + 200)):
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            return None  # the list or quote around it ends first
        if state.src[state.bMarks[line] : state.eMarks[line]].rstrip().endswith(edge):
            return line
    return None


class TooMuch(TimeLimitExceeded):
    """The HTML would be many times as long as its source."""


def with_formulas(markdown: MarkdownIt) -> MarkdownIt:
    """Let the parser `markdown` know formulas in TeX."""
    markdown.inline.ruler.before("escape", "math", _math_inline)
    markdown.block.ruler.before("fence", "math", _math_block, {"alt": ["paragraph", "blockquote", "list"]})
    return markdown


def _bounded_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule that never matches: the parser asks each rule at every line, also at each row of a table."""
    check_time()
    if len(state.tokens) > _TOKEN_LIMIT:
        raise TooMuch
    return False


def _bounded_inline(state: StateInline, silent: bool) -> bool:
    check_time()
    return False


def bounded(markdown: MarkdownIt) -> MarkdownIt:
    """Let the parser `markdown` keep to the `time_limit` of its caller."""
    enclosing = ["paragraph", "reference", "blockquote", "list"]
    markdown.block.ruler.before("table", "bounds", _bounded_block, {"alt": enclosing})
    markdown.inline.ruler.before("text", "bounds", _bounded_inline)
    return markdown


def with_shortcuts(markdown: MarkdownIt) -> MarkdownIt:
    """Let the parser `markdown`, which has the rules of `_parser`, reach the same result in less time."""
    markdown.inline.ruler.at("text", _plain_text)
    markdown.core.ruler.at("inline", _inline)
    markdown.block.ruler.after("bounds", "plain paragraph", _plain_paragraph)
    return markdown


def shortcuts_for(text: str) -> dict[str, bool]:
    """Return what the shortcuts need to know of `text`, as a part of the parser's environment."""
    return {_IS_PLAIN: _UNDERLINE.search(text) is None}


def _inline(state: StateCore) -> None:
    """Parse what paragraphs, headings and cells contain, if it is not plain."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        if _is_plain(token.content):
            token.children.append(Token(PLAIN, "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _is_plain(content: str) -> bool:
    """Whether `content` is plain text with nothing but words in bold."""
    parts = content.split("**")
    if not all(map(_PLAIN_PIECE.fullmatch, parts)):
        return False
    padded = f" {content} ".split("**")  # the parser takes the edges of a text for blanks
    are_bold = all(_is_bold(*padded[place - 1 : place + 2]) for place in range(1, len(padded), 2))
    return are_bold and not has_formula(content)


def _is_bold(before: str, text: str, after: str = "") -> bool:
    """Whether asterisks around `text` can only be the start and the end of bold type."""
    if before[-1:] != " " or not text or text[0].isspace() or text[-1].isspace():
        return False
    return after[:1] == " " or (text[-1].isalnum() and after[:1] in _AFTER_BOLD)


def _plain_text(state: StateInline, silent: bool) -> bool:
    """Take all text up to where another rule may begin; markdown-it's own stops at any punctuation."""
    found = _PLAIN_TEXT.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.pending += found.group()
    state.pos = found.end()
    return True


def _plain_paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take a line that begins with a letter for the paragraph that it must be, past ten other rules."""
    if not state.env.get(_IS_PLAIN) or state.is_code_block(start):
        return False
    first = state.bMarks[start] + state.tShift[start]
    if not _PARAGRAPH_START.match(state.src, first):
        return False
    line = state.src[first : state.eMarks[start]]
    if line[-1].isspace() or not _ends_paragraph(state, start + 1):
        return paragraph(state, start, end, silent)
    state.line = start + 1
    state.push("paragraph_open", "p", 1)
    state.push("inline", "", 0).content = line
    state.push("paragraph_close", "p", -1)
    return True


def _ends_paragraph(state: StateBlock, line: int) -> bool:
    """Whether a paragraph on the line before certainly ends there, as most items of a list do."""
    if line >= state.lineMax or state.isEmpty(line):
        return True
    indent = state.sCount[line]
    if not 0 <= indent < state.blkIndent + 4 or indent >= state.listIndent + 4:
        return False  # the next line may belong to the paragraph, however it begins
    found = _ITEM_START.match(state.src, state.bMarks[line] + state.tShift[line])
    # Within the same item, a list that begins with another number than 1 cannot interrupt a paragraph.
    return found is not None and (indent < state.blkIndent or found["number"] is None)
