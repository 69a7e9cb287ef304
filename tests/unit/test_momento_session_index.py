"""Listings of Momento's session index, and the names that a store remembers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.stores.momento.session_index import NameCursor, RecentNames
from chatmem_nb.stores.momento.session_list import as_text


def test_bytes_that_are_not_utf8_stay_distinct() -> None:
    assert as_text("漢 👋".encode()) == "漢 👋"
    assert as_text(b"a\xff") == "a\\xff"


def _listed(index: dict[bytes, float], changes: list[dict[bytes, float]], size: int) -> list[bytes]:
    """List `index` as a server would answer, with one of `changes` after each page."""
    cursor, names = NameCursor(None), []
    cursor._size = size
    while cursor.left:
        asked = cursor.request(b"k")
        low, high = asked.lowest, asked.highest
        found = [
            (name, score)
            for name, score in sorted(index.items(), key=lambda item: (item[1], item[0]), reverse=True)
            if (low is None or score >= low) and (high is None or score <= high)
        ]
        names += [name for name, _ in cursor.advance(found[: asked.count])]
        if changes:
            index |= changes.pop(0)
    return names


@given(st.data(), st.integers(1, 10))
def test_a_listing_names_each_once_while_others_write(data: Any, size: int) -> None:
    """All that are there throughout are listed, whichever of them move to the top, and none twice."""
    scores = data.draw(st.lists(st.integers(0, 5), max_size=40))
    index = {b"%d" % at: float(score) for at, score in enumerate(scores)}
    moves = data.draw(st.lists(st.lists(st.integers(0, 45), max_size=4), max_size=10))
    clock = iter(range(100, 10_000))
    changes = [{b"%d" % at: float(next(clock)) for at in move} for move in moves]
    there = set(index)
    names = _listed(index, changes, size)
    assert len(names) == len(set(names))
    assert set(names) >= there


def test_what_was_seen_is_forgotten() -> None:
    names = [(b"index", session_id) for session_id in "abc"]
    seen = RecentNames(60.0, most=2)
    seen.add(names[0])
    assert [name in seen for name in names] == [True, False, False]
    seen.add(names[1])
    seen.add(names[2])
    assert [name in seen for name in names] == [False, False, True]
    seen.discard(names[2])
    assert names[2] not in seen
    short = RecentNames(0.0)
    short.add(names[0])
    assert names[0] not in short
