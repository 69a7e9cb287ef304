"""Insertions, replacements and deletions in a Momento list lose and double nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.errors import StoreConflictError, StoreError, StoreTimeoutError
from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento.edits import Edits
from chatmem_nb.stores.momento.erasure import Range, erase
from chatmem_nb.stores.momento.errors import (
    MomentoLimitError,
)
from chatmem_nb.stores.momento.limits import Limits
from chatmem_nb.stores.momento.session_list import as_text
from tests.unit.momento_list import (
    CHANGES,
    KEY,
    LATE,
    LATE_AFTER,
    LOST,
    LOST_AFTER,
    NEW,
    OLD,
    SIGHT,
    THROTTLED,
    MomentoList,
    record,
)


@given(st.data())
def test_an_erasure_is_made_once_or_says_that_it_is_not_known(data: Any) -> None:
    """Whatever the values, and whatever others append while the response is lost."""
    values = data.draw(st.lists(st.sampled_from([b"a", b"b", record(1), record(2)]), min_size=1, max_size=8))
    start = data.draw(st.integers(0, len(values) - 1))
    count = data.draw(st.integers(1, len(values) - start))
    fates = data.draw(st.lists(st.sampled_from([LOST, LOST_AFTER, THROTTLED]), max_size=3))
    fates = [fate for fate in fates if fate != THROTTLED]
    theirs = data.draw(st.lists(st.sampled_from([b"a", b"b"]), max_size=3))
    service = MomentoList(values, *fates, others=lambda there: there.extend(theirs))
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
    service = MomentoList(OLD, fate, others=lambda values: values.extend(theirs))
    gone = OLD[place]
    erased = Range(KEY, place.start, len(gone), gone[-1], OLD[place.stop :], len(OLD))
    assert service.run(erase(erased)) is None
    assert service.values == [one for one in OLD if one not in gone] + theirs


def test_an_erasure_that_may_still_be_applied_is_not_made_again() -> None:
    service = MomentoList(OLD, LATE)
    error = service.run(erase(Range(KEY, 0, 2, OLD[1], OLD[2:], len(OLD))))
    assert isinstance(error, StoreTimeoutError)
    assert service.values == OLD


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

    service = MomentoList(OLD, *fates, others=append)
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
    service = MomentoList(OLD)
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
    service = MomentoList(OLD)
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
    service = MomentoList(OLD, "", LATE)
    service.fates = [None, LATE]
    error = service.run(edits().replace(KEY, NEW, None))
    assert "twice" in str(error)
    assert service.values == OLD + NEW


def test_a_replacement_that_is_too_large_sends_nothing() -> None:
    size = sum(map(len, OLD)) + sum(map(len, NEW))
    service = MomentoList(OLD)
    error = service.run(edits(item_bytes=size - 1).replace(KEY, NEW, None))
    assert isinstance(error, MomentoLimitError)
    assert not any(isinstance(request, CHANGES) for request in service.made)
    assert service.run(edits(item_bytes=size).replace(KEY, NEW, None)) == 3


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("fates", SIGHT)
def test_a_conditional_delete_removes_only_the_oldest(others: int, fates: list[str]) -> None:
    theirs = [record(f"theirs {i}") for i in range(others)]
    service = MomentoList([*OLD, *theirs], *[fate for fate in fates if fate != THROTTLED])
    assert service.run(edits().delete_oldest(KEY, 6, as_text(OLD[-1]))) is True
    assert service.values == theirs


@pytest.mark.parametrize(("count", "last"), [(6, OLD[0]), (5, OLD[-1]), (7, OLD[-1])])
def test_a_conditional_delete_of_a_changed_session_deletes_nothing(count: int, last: bytes) -> None:
    service = MomentoList(OLD)
    assert isinstance(service.run(edits().delete_oldest(KEY, count, as_text(last))), StoreConflictError)
    assert service.values == OLD
