"""`compare`: reads and aligns two sessions, and shows them side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from ..errors import InvalidInputError
from ..formats.private_files import write_whole
from ..markdown import showable
from ..plain_text import NOT_MATH
from ..records import StoredMessage
from ..sources import Source, store_scope, stored_sessions
from ..stores.arguments import checked_session_id
from ..time_limit import time_limit
from .alignment import Pair, align
from .table import is_equal, pieces
from .turns import Turn, turn_of

SHOWN_LIMIT: Final = 3_000_000
"""Maximum length of the HTML in a notebook, which stores it; a file contains all."""
TIME_LIMIT_S: Final = 2.0
"""CPU time for comparing words; the texts that remain after it are marked as a whole."""
_STYLE: Final = Path(__file__).with_name("style.css")
_NO_SCRIPTS: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE_STYLE: Final = (
    ":root { color-scheme: light dark; } body { margin: 1em auto; padding: 0 1em; max-width: 90em; "
    "background: Canvas; color: CanvasText; font: 15px/1.5 system-ui, sans-serif; }"
)


class Comparison:
    """Two sessions side by side, as HTML without scripts or external resources.

    A notebook displays it, `save` writes it to a file, `to_html` returns it. Messages are compared and shown
    as plain text: Markdown is not rendered.
    """

    def __init__(
        self, names: tuple[str, str], records: tuple[Sequence[StoredMessage], Sequence[StoredMessage]]
    ) -> None:
        self.names = names
        left, right = ([turn_of(record) for record in side] for side in records)
        self._sides = (left, right)
        keys = (_digest, _record_id, _beginning, _end, _outline, _who)
        self._pairs: list[Pair[Turn]] = align(left, right, keys)
        self._html: str | None = None

    @property
    def equal(self) -> int:
        """How many messages are equal in both."""
        return sum(map(is_equal, self._pairs))

    @property
    def changed(self) -> int:
        """How many messages differ from the one beside them."""
        return sum(None not in pair and not is_equal(pair) for pair in self._pairs)

    @property
    def only(self) -> tuple[int, int]:
        """How many messages only the first session has, and how many only the second."""
        return (
            sum(right is None for _, right in self._pairs),
            sum(left is None for left, _ in self._pairs),
        )

    def to_html(self, *, limit: int | None = None) -> str:
        """Return the comparison as an HTML fragment with its style, truncated to about `limit` characters."""
        return f"<style>{style()}</style>\n{self.body(limit=limit)}"

    def body(self, *, limit: int | None = None) -> str:
        """Return the comparison as an HTML fragment without its style."""
        found: list[str] = []
        length = shown = 0
        with time_limit(TIME_LIMIT_S):
            for turns, html in pieces(self._pairs):
                if limit is not None and length + len(html) > limit:
                    break
                found.append(html)
                length, shown = length + len(html), shown + turns
        if left := len(self._pairs) - shown:
            found.append(
                f"<p>{left:,} more rows are not shown here; save(path) writes all of them to a file.</p>"
            )
        return f'<div class="cm-compare {NOT_MATH}">{self._head()}{"".join(found)}</div>'

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison to a self-contained HTML file, and return its path.

        Raises: OSError.
        """
        target = Path(path).expanduser()
        write_whole(target, self._page(), is_private=False)
        return target

    def _page(self) -> str:
        title = escape(" and ".join(map(showable, self.names)))
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_NO_SCRIPTS}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n"
            f"<main>{self.to_html()}</main>\n</body>\n</html>\n"
        )

    def _repr_html_(self) -> str:
        if self._html is None:
            self._html = self.to_html(limit=SHOWN_LIMIT)
        return self._html

    def __repr__(self) -> str:
        first, second = self.only
        return (
            f"<Comparison of {self.names[0]!r:.80} and {self.names[1]!r:.80}: {self.equal:,} equal, "
            f"{self.changed:,} changed, {first:,} and {second:,} on one side only>"
        )

    def _head(self) -> str:
        first, second = self.only
        columns = "".join(f'<th scope="col"><bdi>{escape(showable(name))}</bdi></th>' for name in self.names)
        rows = "".join(_total(label, counts) for label, counts in self._totals())
        return (
            f'<table class="cm-totals"><thead><tr><td></td>{columns}</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
            f"<p>{self.equal:,} equal, {self.changed:,} changed, {first:,} only in the first, "
            f"{second:,} only in the second.</p>\n"
        )

    def _totals(self) -> list[tuple[str, list[int | None]]]:
        sides = self._sides
        return [
            ("messages", [len(side) for side in sides]),
            ("tokens", [_tokens(side) for side in sides]),
            ("failed calls", [sum(turn.failures for turn in side) for side in sides]),
        ]


def compare(source: Source, a: str, b: str) -> Comparison:
    """Compare the sessions `a` and `b` of `source`, and return them side by side.

    Equal messages are dimmed; in the others, the words and tool call arguments that differ are highlighted.
    Reads both sessions.

    Raises: InvalidInputError if `source` cannot be read or lacks one of the sessions; StoreError.

    >>> found = compare(store, "trip-planner", "short-hello")  # as the last line of a cell, it is shown
    >>> found.save("trip-planner.html").name
    'trip-planner.html'
    """
    names = (checked_session_id(a), checked_session_id(b))
    scope = store_scope(source)
    if scope is None:
        raise InvalidInputError("compare needs a source with sessions, such as a store")
    records: dict[str, list[StoredMessage]] = {name: [] for name in names}
    for session_id, found in stored_sessions(scope[0], list(records)):
        if session_id is not None:
            records[session_id] += found
    for name in names:
        if not records[name]:
            raise InvalidInputError(f"there is no session {name!r:.80}, or it has no messages; check the id")
    return Comparison(names, (records[a], records[b]))


def style() -> str:
    """Return the CSS of a comparison: translucent colours, for light and dark pages."""
    return _STYLE.read_text(encoding="utf-8")


def _total(label: str, counts: Sequence[int | None]) -> str:
    cells = (f"<td>{'not recorded' if count is None else f'{count:,}'}</td>" for count in counts)
    return f'<tr><th scope="row">{label}</th>{"".join(cells)}</tr>'


def _tokens(side: Sequence[Turn]) -> int | None:
    counts = [turn.tokens for turn in side if turn.tokens is not None]
    return sum(counts) if counts else None


def _digest(turn: Turn) -> object:
    return turn.digest


def _record_id(turn: Turn) -> object:
    return turn.record_id or object()  # without an id, it is equal to no other


def _beginning(turn: Turn) -> object:
    return turn.outline, turn.beginning


def _end(turn: Turn) -> object:
    return turn.outline, turn.end


def _outline(turn: Turn) -> object:
    return turn.outline


def _who(turn: Turn) -> object:
    return turn.who
