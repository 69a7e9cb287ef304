"""Two texts as HTML in which the words that differ are marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from ..markdown import showable
from ..time_limit import TimeLimitExceeded, check_time
from .alignment import matching_runs

_WORD: Final = re.compile(r"\w+\s*|\W\s*")
_ALIKE: Final = 0.2
"""Share of words that two texts must have in common, for the others to be marked one by one."""


def marked(left: str, right: str) -> tuple[str, str]:
    """Return both as HTML, with `<del>` around what only the left has, `<ins>` what only the right has.

    Texts that have next to nothing in common are marked as a whole; so is what would take too long.
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
    if 2 * sum(size for _, _, size in runs) < _ALIKE * (len(words) + len(others)):
        return only(left, "del"), only(right, "ins")
    return (
        _html(words, [(place, size) for place, _, size in runs], "del"),
        _html(others, [(place, size) for _, place, size in runs], "ins"),
    )


def only(text: str, tag: str) -> str:
    """Return `text` as HTML, marked as a whole but for white space at its end."""
    text = showable(text)
    words = text.rstrip()
    return (f"<{tag}>{escape(words)}</{tag}>" if words else "") + text[len(words) :]


def _html(words: Sequence[str], equal: Sequence[tuple[int, int]], tag: str) -> str:
    pieces: list[str] = []
    at = 0
    for place, size in [*equal, (len(words), 0)]:
        pieces.append(only("".join(words[at:place]), tag))
        at = place + size
        pieces.append(escape("".join(words[place:at])))
    return "".join(pieces)
