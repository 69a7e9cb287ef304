"""The Momento store's plans without a service: globs, pages, parts, listings, and when to try again."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.stores.momento.errors import (
    MomentoAuthError,
    MomentoError,
    MomentoResponseError,
    MomentoThrottledError,
    MomentoTimeoutError,
    MomentoUnavailableError,
)
from chatmem_nb.stores.momento.exchange import Deadline, Exchange, MissingCache, Requests
from chatmem_nb.stores.momento.glob import compile_glob
from chatmem_nb.stores.momento.index import Listing
from chatmem_nb.stores.momento.lists import Pages, as_text
from chatmem_nb.stores.momento.operations import DeleteKey, ListLength
from chatmem_nb.stores.momento.sessions import Limits


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("a*c", ["ac", "abc", "a**c"], ["ab", "acd"]),
        ("a?c", ["abc", "a?c", "a漢c"], ["ac", "abbc"]),
        ("[a-c]x", ["ax", "bx", "cx"], ["dx", "x", "-x"]),
        ("[c-a]x", ["bx"], ["dx"]),
        ("[^a-c]x", ["dx", "^x"], ["ax", "x"]),
        ("[a\\]]x", ["ax", "]x"], ["bx"]),
        ("[abc", ["a", "b"], ["[abc", "abc"]),
        ("\\*", ["*"], ["a", "\\*"]),
        ("a\\", ["a\\"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[]x", [], ["x", "]x"]),
        ("[^]x", ["ax", "]x"], ["x"]),
        ("a**b", ["ab", "axb"], ["a"]),
        ("(a|b)+$", ["(a|b)+$"], ["a"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a&&b]", ["a", "&", "b"], ["c"]),
    ],
)
def test_a_glob_is_that_of_redis(pattern: str, matching: list[str], others: list[str]) -> None:
    glob = compile_glob(pattern)
    assert [text for text in matching if not glob.fullmatch(text)] == []
    assert [text for text in others if glob.fullmatch(text)] == []


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_a_glob_and_its_escape_matches_itself_alone(text: str, other: str) -> None:
    compile_glob(text).fullmatch(other)
    escaped = compile_glob(re.sub(r"([*?\[\]\\^-])", r"\\\1", text))
    assert escaped.fullmatch(text)
    assert text == other or not escaped.fullmatch(other)


@given(
    st.lists(st.integers(0, 3_000), max_size=300),
    st.integers(0, 20),
    st.one_of(st.none(), st.integers(0, 310)),
    st.integers(3_000, 20_000),
)
def test_pages_cover_a_list_of_any_sizes(sizes: list[int], start: int, stop: int | None, limit: int) -> None:
    """Whatever the elements weigh, and however often a page was too large to come."""
    elements = [b"%d:" % at + b"x" * size for at, size in enumerate(sizes)]
    pages, read = Pages(start, stop, size=50), []
    while pages.left:
        page = elements[pages.start : pages.start + pages.size]
        if sum(map(len, page)) > limit and pages.shrink():
            continue
        pages.turn(page)
        read += page
    assert read == elements[start:stop]


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(60, 300))
def test_parts_hold_every_record_in_order_and_fit(records: list[str], request_bytes: int) -> None:
    limits = Limits(1_000, request_bytes)
    values = [record.encode() for record in records if len(record.encode()) <= request_bytes]
    parts = limits.split(values)
    assert [value for part in parts for value in part] == values
    assert all(parts)
    for part in parts:
        assert len(part) == 1 or sum(len(value) + 6 for value in part) <= request_bytes


def test_bytes_that_are_no_text_can_be_told_apart() -> None:
    assert as_text("漢 👋".encode()) == "漢 👋"
    assert as_text(b"a\xff") == "a\\xff"


def _listed(index: dict[bytes, float], changes: list[dict[bytes, float]], size: int) -> list[bytes]:
    """List `index` as a server would answer, with one of `changes` after each page."""
    listing, names = Listing(None), []
    listing._size = size
    while listing.left:
        asked = listing.request(b"k")
        low, high = asked.lowest, asked.highest
        found = [
            (name, score)
            for name, score in sorted(index.items(), key=lambda item: (item[1], item[0]), reverse=True)
            if (low is None or score >= low) and (high is None or score <= high)
        ]
        names += [name for name, _ in listing.turn(found[: asked.count])]
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


# what is tried again


def carried_out(plan: Generator[Any, Any, Any], *answers: Any) -> tuple[Any, int]:
    """Carry out `plan` with `answers`, one a request; return its result or error, and the requests."""
    left, made = list(answers), 0
    try:
        step = next(plan)
        while True:
            if isinstance(step, Requests):
                made += len(step.operations)
                step = plan.send([left.pop(0) for _ in step.operations])
            else:
                step = plan.send([])
    except StopIteration as done:
        return done.value, made
    except MomentoError as exc:
        return exc, made


def exchange() -> Exchange:
    return Exchange(MissingCache(create=False))


CLOSED = MomentoUnavailableError("failed to connect to all addresses")
LOST = MomentoUnavailableError("lost")
BUSY = MomentoThrottledError("busy")
LATE = MomentoTimeoutError("late")
REFUSED = MomentoAuthError("refused")
PAGE = MomentoResponseError("page")


@pytest.mark.parametrize(
    ("answers", "result", "made"),
    [
        ([7], 7, 1),
        ([LOST, PAGE, 7], 7, 3),
        ([BUSY, BUSY, LOST, 7], 7, 4),
        ([LOST] * 5, LOST, 5),
        ([REFUSED], REFUSED, 1),
        ([LATE], LATE, 1),
    ],
)
def test_a_request_that_may_be_repeated_is(answers: list[Any], result: Any, made: int) -> None:
    assert carried_out(exchange().ask(ListLength(b"k"), Deadline(60)), *answers) == (result, made)


@pytest.mark.parametrize(
    ("answers", "looks", "result", "made"),
    [
        ([7], [], 7, 1),
        ([LOST], [7], 7, 1),
        ([LOST, 7], [None], 7, 2),
        ([PAGE, LOST, 7], [None, None], 7, 3),
        ([BUSY, LOST], [7], 7, 2),
        ([REFUSED], [], REFUSED, 1),
        ([LATE], [7], 7, 1),
        ([LATE], [None], LATE, 1),
        ([LOST], [REFUSED], LOST, 1),
        ([LOST, 7], [LOST, BUSY, None], 7, 2),
        ([CLOSED], [LOST], CLOSED, 1),
    ],
)
def test_a_change_is_looked_for_before_it_is_made_again(
    answers: list[Any], looks: list[Any], result: Any, made: int
) -> None:
    def look() -> Any:
        found = looks.pop(0)
        if isinstance(found, MomentoError):
            raise found
        return found
        yield

    plan = exchange().change(DeleteKey(b"k"), Deadline(60), look)
    assert carried_out(plan, *answers) == (result, made)
    assert looks == []


def test_a_change_is_tried_until_its_time_is_up() -> None:
    def look() -> Any:
        return None
        yield

    plan = exchange().change(DeleteKey(b"k"), Deadline(0.1), look)
    error, made = carried_out(plan, *[MomentoUnavailableError("lost")] * 9)
    assert made == 2
    assert "not known" in str(error)


def test_time_that_is_up_sends_nothing() -> None:
    error, made = carried_out(exchange().ask(ListLength(b"k"), Deadline(-1)))
    assert isinstance(error, MomentoTimeoutError)
    assert made == 0
