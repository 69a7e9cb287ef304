"""The Momento store's plans without a service: globs, parts, listings, pushes, erasures, edits, prices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.errors import StoreConflictError, StoreError, StoreTimeoutError
from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento.edits import Edits
from chatmem_nb.stores.momento.erasure import Range, erase
from chatmem_nb.stores.momento.errors import (
    MomentoAuthError,
    MomentoError,
    MomentoLimitError,
    MomentoNotFoundError,
    MomentoThrottledError,
    MomentoTimeoutError,
    MomentoUnavailableError,
)
from chatmem_nb.stores.momento.missing_cache import MissingCache
from chatmem_nb.stores.momento.plans import MomentoPlans
from chatmem_nb.stores.momento.push import Before, Limits, push_parts
from chatmem_nb.stores.momento.session_index import NameCursor, RecentNames
from chatmem_nb.stores.momento.session_list import as_text
from chatmem_nb.stores.plans import Pause, Plan, ask
from chatmem_nb.stores.protocol import NewRecords
from chatmem_nb.stores.redis_glob import compile_glob
from chatmem_nb.stores.runner import Attempt, Runner


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


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(60, 300))
def test_parts_hold_every_record_in_order_and_fit(records: list[str], request_bytes: int) -> None:
    limits = Limits(1_000, request_bytes, 5_000_000)
    values = [record.encode() for record in records if len(record.encode()) <= request_bytes]
    parts = limits.split(values)
    assert [value for part in parts for value in part] == values
    assert all(parts) or not values
    for part in parts:
        assert len(part) == 1 or sum(len(value) + 6 for value in part) <= request_bytes


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


# changes, against a list in memory


KEY = b"k"
LOST, LOST_AFTER, THROTTLED, LATE, LATE_AFTER = "lost", "lost after", "throttled", "late", "late after"
CHANGES = (cmd.Push, cmd.EraseRange)


class Service:
    """One list, and what happens to the changes that are asked for: one of `fates` each, then nothing.

    After each failed change, `others` does what other clients do meanwhile.
    """

    def __init__(self, values: list[bytes], *fates: str, others: Callable[[list[bytes]], None] | None = None):
        self.values = list(values)
        self.fates = list(fates)
        self.others = others
        self.made: list[Any] = []
        self.fits: Callable[[], bool] = lambda: True

    def run(self, plan: Plan[Any]) -> Any:
        """Run `plan`; return its result or its error."""
        try:
            step = next(plan)
            while True:
                if isinstance(step, Pause):
                    step = plan.send(self.fits())
                    continue
                outcomes = [self._make(request) for request in step.requests]
                error = next((one for one in outcomes if isinstance(one, StoreError)), None)
                step = plan.send(outcomes) if error is None or step.return_errors else plan.throw(error)
        except StopIteration as done:
            return done.value
        except StoreError as exc:
            return exc

    def _make(self, request: Any) -> Any:
        self.made.append(request)
        if not isinstance(request, CHANGES):
            return self._apply(request)
        fate = self.fates.pop(0) if self.fates else None
        response = self._apply(request) if fate in (None, LOST_AFTER, LATE_AFTER) else None
        if fate is None:
            return response
        if self.others is not None:
            self.others(self.values)
        if fate == THROTTLED:
            return MomentoThrottledError("busy")
        if fate in (LATE, LATE_AFTER):
            return MomentoTimeoutError("late")
        return MomentoUnavailableError("lost")

    def _apply(self, request: Any) -> Any:
        if isinstance(request, cmd.ListLength):
            return len(self.values)
        if isinstance(request, cmd.FetchList):
            return self.values[request.start : request.stop]
        if isinstance(request, cmd.EraseRange):
            self.values[request.start : request.start + request.count] = []
            return None
        if isinstance(request, cmd.Push):
            at = 0 if request.front else len(self.values)
            self.values[at:at] = request.values
            return len(self.values)
        raise AssertionError(request)


def record(name: object) -> bytes:
    return b'{"record_id": "%s"}' % str(name).encode()


OLD = [record(i) for i in range(6)]
NEW = [record(f"new {i}") for i in range(3)]
SIGHT = (
    [LOST],
    [LOST_AFTER],
    [LOST, LOST, LOST_AFTER],
    [THROTTLED, LOST_AFTER],
    [THROTTLED],
    [LATE_AFTER],
    [],
)


def push(values: list[bytes], *, front: bool = False) -> list[cmd.Push]:
    kind = cmd.PushFront if front else cmd.Push
    return [kind(KEY, [value], None) for value in (values[::-1] if front else values)]


@pytest.mark.parametrize("fates", SIGHT)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("appended", [0, 5])
def test_a_push_is_applied_once(fates: list[str], known: bool, appended: int) -> None:
    theirs = [record(f"theirs {i}") for i in range(appended)]
    service = Service(OLD, *fates, others=lambda values: values.extend(theirs))
    before = Before(len(OLD)) if known else None
    result = service.run(push_parts([cmd.Push(KEY, NEW, None)], before))
    assert not isinstance(result, StoreError)
    (landed,), _ = result
    assert [value for value in service.values if value in NEW] == NEW
    assert service.values[landed.start :][: len(NEW)] == NEW


@pytest.mark.parametrize("fates", SIGHT)
@pytest.mark.parametrize("new", [True, False])
def test_an_append_returns_a_length_that_the_session_had(fates: list[str], new: bool) -> None:
    service = Service(OLD, *fates, others=lambda values: values.append(record("theirs")))
    limits = Limits(100_000, 5_000_000, 5_000_000)
    plans = MomentoPlans(limits, None, key_prefix="", ttl_ms=None, slices=True)
    records = [value.decode() for value in NEW]
    length = service.run(plans.append("s", NewRecords(records) if new else records))
    assert length in (len(OLD) + len(NEW), len(service.values))


@pytest.mark.parametrize("fates", SIGHT)
@pytest.mark.parametrize("front", [True, False])
@pytest.mark.parametrize("appended", [0, 1, 7])
def test_copies_that_were_there_are_not_taken_for_a_push(
    fates: list[str], front: bool, appended: int
) -> None:
    service = Service(OLD, *fates, others=lambda values: values.extend([record("theirs")] * appended))
    again = OLD[:2] if front else OLD[-2:]
    kind = cmd.PushFront if front else cmd.Push
    result = service.run(push_parts([kind(KEY, again, None)], Before(len(OLD), OLD[:3])))
    assert not isinstance(result, StoreError)
    assert sum(value in again for value in service.values) == 4


def test_a_push_that_was_not_seen_after_a_timeout_is_not_made_again() -> None:
    service = Service(OLD, LATE)
    error = service.run(push_parts([cmd.Push(KEY, NEW, None)], None))
    assert isinstance(error, StoreTimeoutError)
    assert error.maybe_applied
    assert "not known" in str(error)
    assert service.values == OLD


def test_a_push_to_a_list_that_others_shortened_is_not_guessed_about() -> None:
    service = Service(OLD, LOST, others=lambda values: values.clear())
    error = service.run(push_parts([cmd.Push(KEY, OLD[:1], None)], Before(len(OLD))))
    assert isinstance(error, StoreError)
    assert "not known" in str(error)


def test_a_push_that_was_refused_is_not_looked_for() -> None:
    service = Service(OLD)
    service._make = lambda request: service.made.append(request) or MomentoAuthError("refused")
    error = service.run(push_parts(push(NEW), None))
    assert isinstance(error, MomentoAuthError)
    assert error.records_stored == 0
    assert len(service.made) == 1


def test_the_error_of_a_part_says_what_is_stored() -> None:
    service = Service(OLD)
    parts = push(NEW)
    plain = service._make
    service._make = lambda request: MomentoLimitError("full") if request is parts[2] else plain(request)
    error = service.run(push_parts(parts, None))
    assert error.records_stored == 2
    assert "2 of 3 records" in str(error)


# erasures


@given(st.data())
def test_an_erasure_is_made_once_or_says_that_it_is_not_known(data: Any) -> None:
    """Whatever the values, and whatever others append while the response is lost."""
    values = data.draw(st.lists(st.sampled_from([b"a", b"b", record(1), record(2)]), min_size=1, max_size=8))
    start = data.draw(st.integers(0, len(values) - 1))
    count = data.draw(st.integers(1, len(values) - start))
    fates = data.draw(st.lists(st.sampled_from([LOST, LOST_AFTER, THROTTLED]), max_size=3))
    fates = [fate for fate in fates if fate != THROTTLED]
    theirs = data.draw(st.lists(st.sampled_from([b"a", b"b"]), max_size=3))
    service = Service(values, *fates, others=lambda there: there.extend(theirs))
    end = start + count
    result = service.run(erase(Range(KEY, start, count, values[end - 1], values[end:], len(values))))
    times = len(fates) - len(service.fates)
    once = values[:start] + values[end:] + theirs * times
    none = values + theirs * times
    if isinstance(result, StoreError):
        assert "not known" in str(result)
        assert service.values in (once, none)
    else:
        assert service.values == once


@pytest.mark.parametrize("fate", [LOST, LOST_AFTER])
@pytest.mark.parametrize("theirs", [[], [record("theirs")], [record("theirs")] * 5])
@pytest.mark.parametrize("place", [slice(0, 1), slice(2, 5), slice(5, 6), slice(0, 6)])
def test_an_erasure_of_records_is_always_decided(fate: str, theirs: list[bytes], place: slice) -> None:
    service = Service(OLD, fate, others=lambda values: values.extend(theirs))
    gone = OLD[place]
    erased = Range(KEY, place.start, len(gone), gone[-1], OLD[place.stop :], len(OLD))
    assert service.run(erase(erased)) is None
    assert service.values == [one for one in OLD if one not in gone] + theirs


def test_an_erasure_that_may_still_be_applied_is_not_made_again() -> None:
    service = Service(OLD, LATE)
    error = service.run(erase(Range(KEY, 0, 2, OLD[1], OLD[2:], len(OLD))))
    assert isinstance(error, StoreTimeoutError)
    assert service.values == OLD


# edits


def edits(*, request_bytes: int = 5_000_000, item_bytes: int = 5_000_000) -> Edits:
    return Edits(Limits(100_000, request_bytes, item_bytes), slices=True)


@given(st.data())
def test_an_edit_loses_and_doubles_nothing(data: Any) -> None:
    """Under faults, in one part or in many, while others append; an edit that fails loses nothing."""
    limit = data.draw(st.sampled_from([60, 5_000_000]))
    fates = data.draw(st.lists(st.sampled_from([None, LOST, LOST_AFTER, LATE, LATE_AFTER]), max_size=8))
    index = data.draw(st.integers(-8, 8))
    theirs = iter([record(f"theirs {i}") for i in range(100)])
    written: list[bytes] = []

    def append(values: list[bytes]) -> None:
        written.append(next(theirs))
        values.append(written[-1])

    service = Service(OLD, *fates, others=append)
    edit = data.draw(st.sampled_from(["insert", "replace"]))
    values = data.draw(st.sampled_from([NEW, OLD, OLD[-2:], OLD[:2]]))
    if edit == "insert":
        expected = list(OLD)
        expected[index:index] = values
        result = service.run(edits(request_bytes=limit).insert(KEY, index, values, None))
    else:
        expected = list(values)
        result = service.run(edits(request_bytes=limit).replace(KEY, values, None))
    mine = [value for value in service.values if value not in written]
    assert [value for value in service.values if value in written] == written
    if isinstance(result, StoreError):
        assert set(mine) >= set(OLD)
    else:
        assert mine == expected
        assert result >= len(expected)


def test_nothing_is_erased_before_the_new_copy_was_read_back() -> None:
    service = Service(OLD)
    service.run(edits().replace(KEY, NEW, None))
    kinds = [type(request) for request in service.made]
    assert (
        kinds.index(cmd.Push)
        < kinds.index(cmd.FetchList, kinds.index(cmd.Push))
        < kinds.index(cmd.EraseRange)
    )
    assert service.values == NEW


def test_nothing_is_erased_if_the_new_copy_is_not_seen() -> None:
    """A replica that lags behind: reads do not show the push."""
    service = Service(OLD)
    plain = service._make
    pauses = iter([True] * 3 + [False])

    def stale(request: Any) -> Any:
        service.made.append(request)
        return OLD[request.start : request.stop] if isinstance(request, cmd.FetchList) else plain(request)

    service._make = stale
    service.fits = lambda: next(pauses)
    error = service.run(edits().replace(KEY, NEW, None))
    assert isinstance(error, StoreConflictError)
    assert re.search("nothing was erased.* twice", str(error))
    assert service.values == OLD + NEW
    assert not any(isinstance(request, cmd.EraseRange) for request in service.made)


def test_an_edit_whose_erasure_fails_says_that_records_are_there_twice() -> None:
    service = Service(OLD, "", LATE)
    service.fates = [None, LATE]
    error = service.run(edits().replace(KEY, NEW, None))
    assert "twice" in str(error)
    assert service.values == OLD + NEW


def test_a_replacement_that_is_too_large_sends_nothing() -> None:
    size = sum(map(len, OLD)) + sum(map(len, NEW))
    service = Service(OLD)
    error = service.run(edits(item_bytes=size - 1).replace(KEY, NEW, None))
    assert isinstance(error, MomentoLimitError)
    assert not any(isinstance(request, CHANGES) for request in service.made)
    assert service.run(edits(item_bytes=size).replace(KEY, NEW, None)) == 3


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("fates", SIGHT)
def test_a_conditional_delete_removes_only_the_oldest(others: int, fates: list[str]) -> None:
    theirs = [record(f"theirs {i}") for i in range(others)]
    service = Service([*OLD, *theirs], *[fate for fate in fates if fate != THROTTLED])
    assert service.run(edits().delete_oldest(KEY, 6, as_text(OLD[-1]))) is True
    assert service.values == theirs


@pytest.mark.parametrize(("count", "last"), [(6, OLD[0]), (5, OLD[-1]), (7, OLD[-1])])
def test_a_conditional_delete_of_a_changed_session_deletes_nothing(count: int, last: bytes) -> None:
    service = Service(OLD)
    assert isinstance(service.run(edits().delete_oldest(KEY, count, as_text(last))), StoreConflictError)
    assert service.values == OLD


# the cache


class Failing:
    """A transport whose outcomes stand in a list, one for each request."""

    def __init__(self, outcomes: list[Any]) -> None:
        self.outcomes = outcomes
        self.sent: list[Any] = []

    def send(self, attempt: Attempt) -> list[Any]:
        self.sent += attempt.requests
        return [self.outcomes.pop(0) for _ in attempt.requests]

    def check_open(self) -> None:
        """It is never closed."""


def in_cache(missing_cache: MissingCache, outcomes: list[Any]) -> tuple[Any, list[type]]:
    """Return the result of a push, or its error, and the kinds of the requests that were made for it."""
    transport = Failing(outcomes)
    runner = Runner(transport, 1.0, missing_cache.repair)
    try:
        result = runner.run(ask(cmd.Push(KEY, NEW, None)))
    except MomentoError as exc:
        result = exc
    return result, [type(request) for request in transport.sent]


def test_a_missing_cache_is_created_each_time() -> None:
    missing_cache = MissingCache("cache")
    missing = MomentoNotFoundError("no cache")
    for _ in range(2):
        result, kinds = in_cache(missing_cache, [missing, None, missing, 3])
        assert result == 3
        assert kinds == [cmd.Push, cmd.CreateCache, cmd.Push, cmd.Push]
        missing_cache._created_at -= 60  # a minute later


def test_a_cache_that_cannot_be_created_says_why() -> None:
    missing_cache = MissingCache("cache")
    refused = MomentoAuthError("may not")
    result, kinds = in_cache(missing_cache, [MomentoNotFoundError("no cache"), refused])
    assert result is refused
    assert kinds == [cmd.Push, cmd.CreateCache]
    assert missing_cache._claim()  # the next one may try at once


# prices, and what is remembered


@pytest.mark.parametrize(
    ("sizes", "billed"),
    [([], 1), ([0], 1), ([1] * 100, 100), ([1_024], 1), ([1_025], 2), ([3_000], 3), ([1, 3_000, 10], 5)],
)
def test_each_kilobyte_of_each_element_is_an_operation(sizes: list[int], billed: int) -> None:
    values = [b"x" * size for size in sizes]
    assert cmd.operations(values) == billed
    assert cmd.FetchList(KEY).billed(values) == billed
    assert cmd.Push(KEY, values, None).billed(len(values)) == billed


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
