"""Plans are run by hand here: no sockets, no clock but a short deadline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from chatmem_nb.errors import (
    StoreAuthError,
    StoreClosedError,
    StoreConflictError,
    StoreError,
    StoreLimitError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreUnavailableError,
)
from chatmem_nb.stores import paging
from chatmem_nb.stores.deadline import Backoff
from chatmem_nb.stores.paging import Cursor
from chatmem_nb.stores.plans import Pause, Plan, Request, Send, ask
from chatmem_nb.stores.runner import Attempt, Runner


@dataclass(frozen=True)
class Asked:
    name: str
    idempotent: bool = True


class Service:
    """A transport whose responses stand in a list, one for each attempt at one request."""

    def __init__(self, *responses: Any) -> None:
        self.responses: Iterator[Any] = iter(responses)
        self.attempts: list[list[Request]] = []
        self.timeouts: list[float] = []
        self.closed = False

    def send(self, attempt: Attempt) -> list[Any]:
        self.attempts.append(list(attempt.requests))
        self.timeouts.append(attempt.timeout_s)
        return [next(self.responses) for _ in attempt.requests]

    async def asend(self, attempt: Attempt) -> list[Any]:
        return self.send(attempt)

    def timed_out(self, timeout_s: float) -> StoreTimeoutError:
        return StoreTimeoutError(f"no response within {timeout_s:g} s")

    def check_open(self) -> None:
        if self.closed:
            raise StoreClosedError("closed")

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def not_applied() -> StoreError:
    error = StoreUnavailableError("connection refused")
    error.maybe_applied = False
    return error


Run = Callable[[Service, Plan[Any]], Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    import asyncio

    if request.param == "sync":
        return lambda service, plan: Runner(service, 2.0).run(plan)
    return lambda service, plan: asyncio.run(Runner(service, 2.0).arun(plan))


def test_a_plan_is_sent_the_response_of_its_request(run: Run) -> None:
    assert run(Service("value"), ask(Asked("get"))) == "value"


def test_requests_of_one_step_go_out_together_and_only_failed_ones_again(run: Run) -> None:
    first, second = Asked("first"), Asked("second")
    service = Service("1", StoreUnavailableError("lost"), "2")

    def plan() -> Plan[list[str]]:
        return (yield Send([first, second]))

    assert run(service, plan()) == ["1", "2"]
    assert service.attempts == [[first, second], [second]]


def test_an_idempotent_request_is_retried_after_a_lost_response(run: Run) -> None:
    service = Service(StoreUnavailableError("lost"), StoreUnavailableError("lost"), "value")
    assert run(service, ask(Asked("get"))) == "value"
    assert len(service.attempts) == 3


def test_each_retry_is_logged_with_its_reason(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(StoreUnavailableError("lost"), StoreThrottledError("slow down"), "value")
    with caplog.at_level(logging.DEBUG, "chatmem_nb"):
        run(service, ask(Asked("get")))
    first, second = (record.getMessage() for record in caplog.records if record.name.startswith("chatmem_nb"))
    assert (first[:17], second[:17]) == ("attempt 1 failed ", "attempt 2 failed ")
    assert (first.endswith(" s: lost"), second.endswith(" s: slow down")) == (True, True)


def test_a_change_is_not_retried_once_it_may_have_been_applied(run: Run) -> None:
    service = Service(StoreUnavailableError("lost"), "value")
    with pytest.raises(StoreUnavailableError) as caught:
        run(service, ask(Asked("push", idempotent=False)))
    assert len(service.attempts) == 1
    assert caught.value.maybe_applied


def test_a_change_is_retried_while_it_is_known_not_to_have_been_applied(run: Run) -> None:
    service = Service(not_applied(), StoreThrottledError("slow down"), "value")
    assert run(service, ask(Asked("push", idempotent=False))) == "value"


def test_a_change_that_timed_out_after_a_refused_connection_is_not_retried(run: Run) -> None:
    service = Service(not_applied(), StoreTimeoutError("no response"), "value")
    with pytest.raises(StoreUnavailableError) as caught:
        run(service, ask(Asked("push", idempotent=False)))
    assert len(service.attempts) == 2
    assert caught.value.maybe_applied


def test_an_attempt_that_may_have_been_applied_is_not_reported_as_throttled(run: Run) -> None:
    throttled = StoreThrottledError("slow down")
    throttled.retry_after_s = 60.0
    with pytest.raises(StoreUnavailableError) as caught:
        run(Service(StoreUnavailableError("lost"), throttled), ask(Asked("push")))
    assert caught.value.maybe_applied


def test_no_retry_begins_just_before_the_deadline(run: Run) -> None:
    throttled = StoreThrottledError("slow down")
    throttled.retry_after_s = 1.95  # of 2 s
    service = Service(throttled, StoreTimeoutError("no response"))
    with pytest.raises(StoreThrottledError) as caught:
        run(service, ask(Asked("push", idempotent=False)))
    assert len(service.attempts) == 1
    assert not caught.value.maybe_applied


def test_a_refusal_is_raised_though_an_earlier_attempt_was_lost(run: Run) -> None:
    with pytest.raises(StoreAuthError) as caught:
        run(Service(StoreUnavailableError("lost"), StoreAuthError("no eval")), ask(Asked("eval")))
    assert caught.value.maybe_applied


def test_an_error_that_would_come_again_is_raised_at_once(run: Run) -> None:
    service = Service(StoreAuthError("invalid token"), "value")
    with pytest.raises(StoreAuthError):
        run(service, ask(Asked("get")))
    assert len(service.attempts) == 1


def test_max_attempts_ends_the_retries(run: Run) -> None:
    def unknown_host() -> StoreError:
        error = StoreUnavailableError("unknown host")
        error.max_attempts = 3
        return error

    service = Service(*[unknown_host() for _ in range(9)])
    with pytest.raises(StoreUnavailableError):
        run(service, ask(Asked("get")))
    assert len(service.attempts) == 3


def test_a_change_leaves_time_for_checking_whether_it_was_applied(run: Run) -> None:
    service = Service("value", "value")

    def plan() -> Plan[None]:
        yield Send([Asked("push", idempotent=False)])
        yield Send([Asked("get")])

    run(service, plan())
    assert service.timeouts[0] <= 0.6 * 2.0
    assert service.timeouts[1] > 0.6 * 2.0


def test_a_retry_waits_for_as_long_as_the_service_asks(run: Run) -> None:
    throttled = StoreThrottledError("slow down")
    throttled.retry_after_s = 60.0
    service = Service(throttled, "value")
    with pytest.raises(StoreThrottledError):  # longer than the deadline
        run(service, ask(Asked("get")))
    assert len(service.attempts) == 1


def test_errors_can_be_returned_in_place_of_responses(run: Run) -> None:
    refused = StoreAuthError("invalid token")

    def plan() -> Plan[list[Any]]:
        return (yield Send([Asked("1"), Asked("2")], return_errors=True))

    assert run(Service("value", refused), plan()) == ["value", refused]


def test_a_plan_can_handle_the_error_of_a_step(run: Run) -> None:
    def plan() -> Plan[Any]:
        try:
            return (yield from ask(Asked("eval")))
        except StoreAuthError:
            return (yield from ask(Asked("get")))

    assert run(Service(StoreAuthError("no eval"), "value"), plan()) == "value"


@pytest.mark.parametrize("pause_s", [60.0, 1.99])
def test_no_pause_is_made_that_leaves_no_time_for_a_request(run: Run, pause_s: float) -> None:
    def plan() -> Plan[bool]:
        return (yield Pause(pause_s))

    assert run(Service(), plan()) is False


def test_a_plan_is_closed_when_its_runner_is_interrupted() -> None:
    closed = []

    def plan() -> Plan[None]:
        try:
            yield Send([Asked("get")])
        finally:
            closed.append(True)

    class Interrupted(Service):
        def send(self, attempt: Attempt) -> list[Any]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runner(Interrupted(), 2.0).run(plan())
    assert closed == [True]


def test_a_closed_store_says_so_whatever_its_requests_failed_with(run: Run) -> None:
    class ClosedMeanwhile(Service):
        def send(self, attempt: Attempt) -> list[Any]:
            self.closed = True
            return [StoreAuthError("channel closed")]

    with pytest.raises(StoreClosedError):
        run(ClosedMeanwhile(), ask(Asked("get")))


def test_pauses_grow_to_a_second_and_no_further() -> None:
    backoff = Backoff()
    pauses = [backoff.next_pause_s() for _ in range(2_000)]
    assert pauses[0] < 0.05
    assert 0.5 <= min(pauses[10:]) <= max(pauses) <= 1.0


class Records:
    """A session in a list, which others change between two requests."""

    first_page = 3

    def __init__(self, records: Sequence[str], *, most: int = 100, largest: int = 10_000) -> None:
        self.records = list(records)
        self.most, self.largest = most, largest
        self.meanwhile: list[Callable[[list[str]], object]] = []
        self.fetched: list[tuple[int, int]] = []

    def length(self) -> Plan[int]:
        yield from ()
        return len(self.records)

    def fetch(self, start: int, count: int, *, new_deadline: bool = False) -> Plan[list[str]]:
        yield from ()
        self.fetched.append((start, count))
        page = self.records[start : start + count]
        if sum(map(len, page)) > self.largest:
            error = StoreLimitError("too large")
            error.response_too_large = True
            raise error
        if self.meanwhile:
            self.meanwhile.pop(0)(self.records)
        return page

    def tail(self, count: int) -> Plan[list[str]]:
        return self.fetch(max(0, len(self.records) - count), count)

    def changed(self) -> StoreConflictError:
        return StoreConflictError("changed")


def result(plan: Plan[Any]) -> Any:
    return Runner(Service(), 2.0).run(plan)


def read_all(session: Records) -> list[str]:
    records: list[str] = []
    cursor: Cursor | None = Cursor(0, session.first_page)
    while cursor is not None:
        page, cursor = result(paging.next_page(session, cursor))
        records += page
    return records


LETTERS = list("abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("start", [0, 1, 7, 25, 26, 99, -1, -2, -7, -26, -99])
def test_a_read_is_a_slice(start: int) -> None:
    for stop in (None, 0, 1, 5, 26, 99, -1, -20, -99):
        read = result(paging.read(Records(LETTERS), start, stop))
        assert (stop, read) == (stop, LETTERS[start:stop])


def test_a_short_session_is_one_request() -> None:
    session = Records("ab")
    assert read_all(session) == ["a", "b"]
    assert session.fetched == [(0, 3)]


def test_a_read_starts_over_if_others_insert_between_two_pages() -> None:
    session = Records(LETTERS)
    session.meanwhile = [lambda records: records.insert(0, "new")]
    assert result(paging.read(session, 0, None)) == ["new", *LETTERS]


def test_a_read_that_others_disturb_each_time_is_a_conflict() -> None:
    session = Records(LETTERS)
    session.meanwhile = [lambda records: records.insert(0, f"new {len(records)}") for _ in range(99)]
    with pytest.raises(StoreConflictError):
        result(paging.read(session, 0, None))


def test_appends_do_not_disturb_a_read() -> None:
    session = Records(LETTERS)
    session.meanwhile = [lambda records: records.append("new")]
    assert result(paging.read(session, 0, None)) == [*LETTERS, "new"]


def test_paging_goes_on_behind_the_last_record_if_others_trim_or_insert() -> None:
    for change in (lambda records: records.insert(0, "new"), lambda records: records.pop(0)):
        session = Records(LETTERS)
        session.meanwhile = [change, lambda _: None, change]
        assert read_all(session) == LETTERS


def test_paging_says_so_if_its_place_is_gone() -> None:
    session = Records(LETTERS)
    session.meanwhile = [lambda records: records.clear()]
    with pytest.raises(StoreConflictError):
        read_all(session)


@pytest.mark.parametrize("largest", [20, 21, 30, 45, 59])
def test_pages_shrink_to_what_the_service_sends(largest: int) -> None:
    records = [letter * (20 if at % 3 == 0 else 2) for at, letter in enumerate(LETTERS)]
    session = Records(records, largest=largest)
    assert read_all(session) == records
    assert result(paging.read(Records(records, largest=largest), -20, -3)) == records[-20:-3]


def test_a_record_that_the_service_does_not_send_is_an_error() -> None:
    with pytest.raises(StoreLimitError):
        read_all(Records(["a", "b" * 50, "c"], largest=20))
