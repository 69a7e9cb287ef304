"""The plans of the Upstash store, driven by hand: what is sent, and what follows from each response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.stores.plans import Plan, Send
from chatmem_nb.stores.upstash import scripts
from chatmem_nb.stores.upstash.commands import Request
from chatmem_nb.stores.upstash.errors import (
    UpstashConflictError,
    UpstashFlagsRefusedError,
    UpstashLimitError,
    UpstashResponseError,
    UpstashScriptsRefusedError,
    UpstashStoreError,
)
from chatmem_nb.stores.upstash.plans import UpstashPlans

Respond = Callable[[list[Any]], Any]


@pytest.fixture
def plans() -> UpstashPlans:
    return UpstashPlans("p:", timedelta(seconds=60), 10.0, 20_000)


def drive(plan: Plan[Any], *responses: Any) -> tuple[Any, list[Request]]:
    """Return what `plan` returns for these responses, and its requests; an error is thrown into the plan."""
    requests: list[Request] = []
    remaining = iter(responses)

    def requested(step: Any) -> None:
        assert isinstance(step, Send)
        requests.extend(step.requests)

    try:
        requested(next(plan))
        while True:
            response = next(remaining)
            failed = isinstance(response, Exception)
            requested(plan.throw(response) if failed else plan.send([response]))
    except StopIteration as done:
        assert next(remaining, None) is None
        return done.value, requests


def commands(requests: list[Request]) -> list[list[Any]]:
    return [list(command) for request in requests for command in request.commands]


def test_an_append_is_one_script_with_its_keys(plans: UpstashPlans) -> None:
    length, requests = drive(plans.append("s", ["r0", "r1"]), 2)
    [[name, script, count, key, idempotency_key, expires_ms, ttl_ms, *records]] = commands(requests)
    assert length == 2
    assert (name, script, count, key) == ("EVAL", scripts.APPEND.flagged, 2, "p:s")
    assert str(idempotency_key).startswith("chatmem_nb:done:")
    assert (expires_ms, ttl_ms, records) == (90_000, 60_000, ["r0", "r1"])


def test_two_appends_are_two_changes(plans: UpstashPlans) -> None:
    (_, first), (_, second) = (drive(plans.append("s", ["r"]), 1) for _ in range(2))
    assert commands(first)[0][4] != commands(second)[0][4]


def test_every_request_is_idempotent(plans: UpstashPlans) -> None:
    for plan, response in (
        (plans.append("s", ["r"]), 1),
        (plans.insert("s", 0, ["r"], None), 1),
        (plans.replace("s", ["r"], None), 1),
        (plans.delete("s", None, None), 1),
        (plans.remove("s", 0, "r"), 1),
        (plans.length("s"), 1),
    ):
        _, [request] = drive(plan, response)
        assert request.idempotent


def test_flags_are_left_out_from_the_first_refusal_on(plans: UpstashPlans) -> None:
    length, requests = drive(plans.append("s", ["r"]), UpstashFlagsRefusedError("refused"), 1)
    refused, plain = commands(requests)
    assert length == 1
    assert (refused[1], plain[1]) == (scripts.APPEND.flagged, scripts.APPEND.plain)
    assert refused[2:] == plain[2:]  # the same change
    _, requests = drive(plans.delete("s", None, None), 1)
    assert [command[:2] for command in commands(requests)] == [["EVAL", scripts.DELETE.plain]]


def test_a_server_without_eval_ro_is_read_by_eval(plans: UpstashPlans) -> None:
    row = [1, -1, "r", "r"]
    [summary], requests = drive(plans.summaries(["s"]), UpstashFlagsRefusedError("refused"), [row])
    assert summary.length == 1
    assert [command[:2] for command in commands(requests)] == [
        ["EVAL_RO", scripts.SUMMARIES.flagged],
        ["EVAL", scripts.SUMMARIES.plain],
    ]
    _, requests = drive(plans.append("s", ["r"]), 1)  # which says nothing of the flags of EVAL
    assert commands(requests)[0][1] == scripts.APPEND.flagged


def test_a_plain_script_that_is_refused_is_an_error(plans: UpstashPlans) -> None:
    refusals = UpstashFlagsRefusedError("with flags"), UpstashFlagsRefusedError("without")
    with pytest.raises(UpstashFlagsRefusedError, match="without"):
        drive(plans.append("s", ["r"]), *refusals)


def test_summaries_need_no_scripts(plans: UpstashPlans) -> None:
    refused = UpstashScriptsRefusedError("NOPERM")
    found, requests = drive(
        plans.summaries(["s", "none", "text"]), refused, ["list", "none", "string"], [2, 5_000, "r0", "r1"]
    )
    assert [row.length for row in found] == [2, 0, 0]
    assert found[0].ttl == timedelta(seconds=5)
    assert [request.form for request in requests] == ["single", "pipeline", "pipeline"]
    names = [command[0] for command in commands(requests)[1:]]
    assert names == ["TYPE", "TYPE", "TYPE", "LLEN", "PTTL", "LINDEX", "LINDEX"]
    found, requests = drive(plans.summaries(["none"]), ["none"])  # asked no more
    assert found[0].length == 0


def test_a_change_needs_scripts(plans: UpstashPlans) -> None:
    with pytest.raises(UpstashScriptsRefusedError):
        drive(plans.append("s", ["r"]), UpstashScriptsRefusedError("NOPERM"))


@pytest.mark.parametrize(("verb", "index"), [("append", 0), ("insert", 3), ("replace", 0)])
def test_a_large_batch_is_staged_and_moved_by_one_script(plans: UpstashPlans, verb: str, index: int) -> None:
    records = [str(number) * 9_000 for number in range(4)]
    plan = {
        "append": lambda: plans.append("s", records),
        "insert": lambda: plans.insert("s", index, records, None),
        "replace": lambda: plans.replace("s", records, None),
    }[verb]()
    length, requests = drive(plan, *[[0, 1, 1]] * 4, 4)
    *staging, moving = requests
    assert length == 4
    assert all(request.form == "multi" for request in staging)
    assert [command[0] for command in staging[0].commands] == ["DEL", "RPUSH", "PEXPIRE"]
    assert [record for request in staging for record in request.commands[1][2:]] == records
    [[_, script, count, key, _, new, *rest]] = commands([moving])
    assert (script, count, key) == (scripts.PLACE.flagged, 7, "p:s")
    assert not str(new).startswith("p:")
    assert rest[:4] == [request.commands[0][1] for request in staging]
    assert rest[5:] == [60_000, verb, index, 4]


def test_a_delete_with_a_condition(plans: UpstashPlans) -> None:
    deleted, requests = drive(plans.delete("s", 3, "r2"), 1)
    assert deleted is True
    assert commands(requests)[0][-2:] == [3, "r2"]
    with pytest.raises(UpstashConflictError, match="record 2"):
        drive(plans.delete("s", 3, "r2"), -1)
    deleted, requests = drive(plans.delete("s", None, None), 0)
    assert deleted is False
    assert commands(requests)[0][-2:] == [0, ""]


@pytest.mark.parametrize(
    ("count", "last"), [(1, None), (None, "r"), (0, "r"), (-1, "r"), (True, "r"), (1.0, "r"), (1, b"r")]
)
def test_a_condition_has_a_number_and_a_record(plans: UpstashPlans, count: Any, last: Any) -> None:
    with pytest.raises(InvalidInputError, match="count and last"):
        plans.delete("s", count, last)


def test_a_read_asks_for_elements_that_stay_where_they_are(plans: UpstashPlans) -> None:
    records, requests = drive(plans.read("s", 10, 12), ["r11", "r10"])
    assert records == ["r10", "r11"]
    assert commands(requests) == [["LRANGE", "p:s", -12, -11]]
    records, requests = drive(plans.read("s", -2, None), ["r9", "r8"])
    assert records == ["r8", "r9"]
    assert commands(requests) == [["LRANGE", "p:s", 0, 1]]


def test_sessions_that_are_too_large_together_are_read_one_by_one(plans: UpstashPlans) -> None:
    too_large = UpstashLimitError("too large")
    too_large.response_too_large = True
    pages, requests = drive(plans.first_pages(["s", "t"]), too_large, ["r1", "r0"], [])
    assert [records for records, _ in pages] == [["r0", "r1"], []]
    assert [request.form for request in requests] == ["pipeline", "single", "single"]
    with pytest.raises(UpstashLimitError):
        drive(plans.first_pages(["s", "t"]), UpstashLimitError("the day's commands are spent"))


def test_batches_of_short_sessions_grow_and_those_of_long_ones_shrink(plans: UpstashPlans) -> None:
    assert plans.next_batch(25, [(["r"], None)] * 25) == 100
    assert plans.next_batch(250, [(["r"], None)] * 250) == 250
    assert plans.next_batch(25, [(["r" * 400_000], None)] * 25) == 5
    assert plans.next_batch(1, [(["r" * 4_000_000], None)]) == 1


def test_a_listing_yields_each_id_once(plans: UpstashPlans) -> None:
    page, cursor = drive(plans.session_ids("a*", None), (7, ["p:a1", "p:a2", "p:a1", "p:"]))[0]
    assert page == ["a1", "a2"]
    (page, cursor), requests = drive(plans.session_ids("a*", cursor), (0, ["p:a2", "p:a3"]))
    assert (page, cursor) == (["a3"], None)
    assert commands(requests) == [["SCAN", 7, "MATCH", "p:a*", "COUNT", 1_000, "TYPE", "list"]]


@pytest.mark.parametrize("prefix", ["", "chat", "chatmem_nb:"])
def test_other_keys_stay_outside_the_prefix_where_there_is_a_prefix(prefix: str) -> None:
    plans = UpstashPlans(prefix, None, 10.0, 20_000)
    _, requests = drive(plans.append("s", ["r"]), 1)
    idempotency_key = str(commands(requests)[0][4])
    assert not prefix or not idempotency_key.startswith(prefix)


@pytest.mark.parametrize("text", ["plain", "a*b", "a?b", "[a-c]", "back\\slash", "^", "-", ""])
def test_a_prefix_is_no_glob(text: str) -> None:
    _, requests = drive(UpstashPlans(text, None, 10.0, 20_000).session_ids(None, None), (0, []))
    pattern = str(commands(requests)[0][3])
    assert pattern.endswith("*")
    escaped = pattern[:-1]
    assert escaped.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text
    assert not set("*?[") & set(escaped.replace("\\*", "").replace("\\?", "").replace("\\[", ""))


@pytest.mark.parametrize("response", [None, "1", [1], 1.5])
def test_a_length_that_is_not_an_integer_is_invalid(plans: UpstashPlans, response: Any) -> None:
    for plan in (plans.length("s"), plans.append("s", ["r"]), plans.remove("s", 0, "r")):
        with pytest.raises(UpstashResponseError):
            drive(plan, response)


def test_arguments_are_checked_before_a_plan_begins(plans: UpstashPlans) -> None:
    def refused() -> Iterator[Callable[[], object]]:
        yield lambda: plans.append("", ["r"])
        yield lambda: plans.append("s", "r")
        yield lambda: plans.insert("s", "0", ["r"], None)
        yield lambda: plans.replace("s", ["r"], timedelta(0))
        yield lambda: plans.remove("s", 0, 7)
        yield lambda: plans.read("s", 0, "1")
        yield lambda: plans.session_ids(7, None)

    for call in refused():
        with pytest.raises(InvalidInputError):
            call()


def test_errors_of_the_service_come_through(plans: UpstashPlans) -> None:
    with pytest.raises(UpstashStoreError, match="full"):
        drive(plans.append("s", ["r"]), UpstashStoreError("full"))
