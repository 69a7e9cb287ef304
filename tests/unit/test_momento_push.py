"""A push to a Momento list is applied once, whatever response is lost."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.errors import StoreError, StoreTimeoutError
from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento.errors import (
    MomentoAuthError,
    MomentoLimitError,
    MomentoThrottledError,
)
from chatmem_nb.stores.momento.limits import Limits
from chatmem_nb.stores.momento.plans import MomentoPlans
from chatmem_nb.stores.momento.push import Before, push_parts
from chatmem_nb.stores.protocol import NewRecords
from tests.unit.momento_list import (
    KEY,
    LATE,
    LOST,
    NEW,
    OLD,
    SIGHT,
    THROTTLED,
    MomentoList,
    record,
)


@given(st.lists(st.text(max_size=40), max_size=60), st.integers(60, 300))
def test_parts_hold_every_record_in_order_and_fit(records: list[str], request_bytes: int) -> None:
    limits = Limits(1_000, request_bytes, 5_000_000)
    values = [record.encode() for record in records if len(record.encode()) <= request_bytes]
    parts = limits.split(values)
    assert [value for part in parts for value in part] == values
    assert all(parts) or not values
    for part in parts:
        assert len(part) == 1 or sum(len(value) + 6 for value in part) <= request_bytes


def push(values: list[bytes], *, front: bool = False) -> list[cmd.Push]:
    kind = cmd.PushFront if front else cmd.Push
    return [kind(KEY, [value], None) for value in (values[::-1] if front else values)]


@pytest.mark.parametrize("fates", SIGHT)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("appended", [0, 5])
def test_a_push_is_applied_once(fates: list[str], known: bool, appended: int) -> None:
    theirs = [record(f"theirs {i}") for i in range(appended)]
    service = MomentoList(OLD, *fates, others=lambda values: values.extend(theirs))
    before = Before(len(OLD)) if known else None
    result = service.run(push_parts([cmd.Push(KEY, NEW, None)], before))
    assert not isinstance(result, StoreError)
    (landed,), _ = result
    assert [value for value in service.values if value in NEW] == NEW
    assert service.values[landed.start :][: len(NEW)] == NEW


def test_a_throttled_push_is_made_again_after_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    service = MomentoList(OLD, THROTTLED)
    with caplog.at_level(logging.DEBUG, "chatmem_nb"):
        service.run(push_parts([cmd.Push(KEY, NEW, None)], None))
    assert service.values == OLD + NEW
    assert service.pauses_s == [MomentoThrottledError.retry_after_s]
    assert "busy" in caplog.text


def test_a_throttled_push_fails_where_no_time_is_left() -> None:
    service = MomentoList(OLD, THROTTLED)
    service.fits = lambda: False
    failed = service.run(push_parts([cmd.Push(KEY, NEW, None)], None))
    assert isinstance(failed, MomentoThrottledError)
    assert (failed.maybe_applied, failed.records_stored, len(service.made)) == (False, 0, 1)


@pytest.mark.parametrize("fates", SIGHT)
@pytest.mark.parametrize("new", [True, False])
def test_an_append_returns_a_length_that_the_session_had(fates: list[str], new: bool) -> None:
    service = MomentoList(OLD, *fates, others=lambda values: values.append(record("theirs")))
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
    service = MomentoList(OLD, *fates, others=lambda values: values.extend([record("theirs")] * appended))
    again = OLD[:2] if front else OLD[-2:]
    kind = cmd.PushFront if front else cmd.Push
    result = service.run(push_parts([kind(KEY, again, None)], Before(len(OLD), OLD[:3])))
    assert not isinstance(result, StoreError)
    assert sum(value in again for value in service.values) == 4


def test_a_push_that_was_not_seen_after_a_timeout_is_not_made_again() -> None:
    service = MomentoList(OLD, LATE)
    error = service.run(push_parts([cmd.Push(KEY, NEW, None)], None))
    assert isinstance(error, StoreTimeoutError)
    assert error.maybe_applied
    assert "not known" in str(error)
    assert service.values == OLD


def test_a_push_to_a_list_that_others_shortened_is_not_guessed_about() -> None:
    service = MomentoList(OLD, LOST, others=lambda values: values.clear())
    error = service.run(push_parts([cmd.Push(KEY, OLD[:1], None)], Before(len(OLD))))
    assert isinstance(error, StoreError)
    assert "not known" in str(error)


def test_a_push_that_was_refused_is_not_looked_for() -> None:
    service = MomentoList(OLD)
    service._make = lambda request: service.made.append(request) or MomentoAuthError("refused")
    error = service.run(push_parts(push(NEW), None))
    assert isinstance(error, MomentoAuthError)
    assert error.records_stored == 0
    assert len(service.made) == 1


def test_the_error_of_a_part_says_what_is_stored() -> None:
    service = MomentoList(OLD)
    parts = push(NEW)
    plain = service._make
    service._make = lambda request: MomentoLimitError("full") if request is parts[2] else plain(request)
    error = service.run(push_parts(parts, None))
    assert error.records_stored == 2
    assert "2 of 3 records" in str(error)
