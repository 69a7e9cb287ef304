"""Marks the words in which two texts differ, as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from ..markdown import showable
from ..time_limit import TimeLimitExceeded, check_time
from .alignment import matching_runs

_WORD: Final = re.compile(r"\w+\s*|\W\s*")
_MIN_COMMON: Final = 0.2
"""Share of common words below which both texts are marked as a whole."""


def mark_differences(left: str, right: str) -> tuple[str, str]:
    """Return both as HTML, with `<del>` around what is only on the left, and `<ins>` on the right.

    Texts that have little in common, or would take too long to compare, are marked as a whole.
    """
    left, right = showable(left), showable(right)
    if left == right:
        return escape(left), escape(right)
    words, others = _WORD.findall(left), _WORD.findall(right)
    try:
        check_time()
        runs = list(matching_runs(words, others))
    except TimeLimitExceeded:
        runs = []
    if 2 * sum(size for _, _, size in runs) < _MIN_COMMON * (len(words) + len(others)):
        return mark_all(left, "del"), mark_all(right, "ins")
    return (
        _html(words, [(place, size) for place, _, size in runs], "del"),
        _html(others, [(place, size) for _, place, size in runs], "ins"),
    )


def mark_all(text: str, tag: str) -> str:
    """Return `text` as HTML, marked as a whole except for trailing white space."""
    text = showable(text)
    words = text.rstrip()
    return (f"<{tag}>{escape(words)}</{tag}>" if words else "") + text[len(words) :]


def _html(words: Sequence[str], equal: Sequence[tuple[int, int]], tag: str) -> str:
    pieces: list[str] = []
    at = 0
    for place, size in [*equal, (len(words), 0)]:
        pieces.append(mark_all("".join(words[at:place]), tag))
        at = place + size
        pieces.append(escape("".join(words[place:at])))
    return "".join(pieces)
