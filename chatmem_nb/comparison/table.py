"""Aligned turns as HTML tables: equal ones dimmed, differing words marked, missing ones blank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from ..markdown import showable
from .alignment import Pair, align
from .turns import Part, Turn
from .words import mark_all, mark_differences

FOLDED: Final = 6
"""From so many consecutive equal turns on, they are folded into one line."""
LONG: Final = 600
"""An equal turn of more characters is folded, with its first words shown."""
_START: Final = 120
_CLASS: Final = {"text": "cm-text", "note": "cm-text", "argument": "cm-text cm-argument", "call": "cm-text"}
_FAILED: Final = {"status": ("cm-failed", "failed"), "text": ("cm-looks-failed", "looks failed")}
_BLANK: Final = '<td class="cm-none"></td>'


def pieces(pairs: Sequence[Pair[Turn]]) -> Iterator[tuple[int, str]]:
    """Yield (number of turns, HTML table) for consecutive turns."""
    for are_equal, run in groupby(pairs, key=is_equal):
        found = list(run)
        rows = (_equal(*pair) if are_equal else _different(*pair) for pair in found)
        if are_equal and len(found) >= FOLDED:
            table = _table("".join(rows))
            yield (
                len(found),
                f"<details><summary>{len(found):,} equal messages</summary>{table}</details>\n",
            )
        else:
            yield from ((1, row) for row in map(_table, rows))


def is_equal(pair: Pair[Turn]) -> bool:
    """Whether both sides exist and are equal."""
    left, right = pair
    return left is not None and right is not None and left.digest == right.digest


def _table(rows: str) -> str:
    return f"<table><tbody>{rows}</tbody></table>\n"


def _equal(left: Turn | None, right: Turn | None) -> str:
    if left is None or right is None:
        return ""
    number = f"#{left.index + 1}" if left.index == right.index else f"#{left.index + 1} = #{right.index + 1}"
    body = "".join(_part(part, escape(showable(part.text))) for part in left.parts)
    shown = _head(left, number) + body
    if sum(len(part.text) for part in left.parts) > LONG:  # it is rarely read again
        start = escape(showable(" ".join(left.parts[0].text[:_START].split())))
        who = escape(showable(left.who))
        shown = f"<details><summary><bdi>{who}</bdi> {number}: {start}…</summary>{body}</details>"
    return f'<tr><td class="cm-equal" colspan="2">{shown}</td></tr>'


def _different(left: Turn | None, right: Turn | None) -> str:
    if left is None or right is None:
        cells = (_BLANK if turn is None else _on_one_side(turn) for turn in (left, right))
        return f"<tr>{''.join(cells)}</tr>"
    parts = align(left.parts, right.parts, [lambda part: part, _kind_and_label, lambda part: part.kind])
    shown = [_part_pair(one, other) for one, other in parts]
    bodies = ((part[place] for part in shown) for place in (0, 1))
    cells = (
        f"<td>{_head(turn, f'#{turn.index + 1}')}{''.join(body)}</td>"
        for turn, body in zip((left, right), bodies, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _part_pair(left: Part | None, right: Part | None) -> tuple[str, str]:
    """Return a part of each side as HTML, with differences marked."""
    if left is None or right is None:
        return (
            "" if left is None else _part(left, mark_all(left.text, "del"), "del"),
            "" if right is None else _part(right, mark_all(right.text, "ins"), "ins"),
        )
    texts = mark_differences(left.text, right.text)
    tags = ("", "") if left.label == right.label else ("del", "ins")
    return _part(left, texts[0], tags[0]), _part(right, texts[1], tags[1])


def _on_one_side(turn: Turn) -> str:
    body = "".join(_part(part, escape(showable(part.text))) for part in turn.parts)
    return f'<td class="cm-only">{_head(turn, f"#{turn.index + 1}")}{body}</td>'


def _kind_and_label(part: Part) -> tuple[str, str]:
    return part.kind, part.label


def _head(turn: Turn, number: str) -> str:
    return f'<div class="cm-head"><b><bdi>{escape(showable(turn.who))}</bdi></b> {number}</div>'


def _part(part: Part, html: str, tag: str = "") -> str:
    """Return a part of a message as HTML, with `html` for its text; `tag` marks its label."""
    name, words = _FAILED[part.failure] if part.failure is not None else ("", "")
    label = f"calls {part.label}" if part.kind == "call" else part.label
    if label:
        shown = f'<bdi class="cm-label">{escape(showable(label))}</bdi>'
        shown = f"<{tag}>{shown}</{tag}>" if tag else shown
        between = ": " if part.kind == "argument" else "\n" if html else ""
        html = shown + (f" ({words})" if words else "") + between + html
    return f'<div class="{_CLASS[part.kind]} {name}">{html}</div>'
