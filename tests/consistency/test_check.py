"""The checker finds every kind of planted fault, and reports none in correct histories."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consistency.check import check, check_session
from tests.consistency.history import History, Operation, Outcome
from tests.consistency.linear import applied, explain
from tests.consistency.timeline import Timeline
from tests.consistency.violations import ATOMIC, PART_BY_PART, Guarantees

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN


class Told:
    """A history told step by step: each operation takes the time from `at` to `at + 1`."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def __call__(
        self, verb: Any, *records: str, at: float | None = None, until: float | None = None, **values: Any
    ) -> Operation:
        number = len(self.operations)
        began = 2.0 * number if at is None else at
        values = {"outcome": OK, **values}
        operation = Operation(
            number=number, client="c", session_id="s", verb=verb, records=records, invoked=began,
            returned=began + 1 if until is None else until, **values,
        )  # fmt: skip
        self.operations.append(operation)
        return operation

    def kinds(self, final: list[str], guarantees: Guarantees = ATOMIC) -> set[str]:
        return {violation.kind for violation in check_session("s", self.operations, final, guarantees)}

    def kinds_if_unlisted(self, final: list[str], guarantees: Guarantees) -> set[str]:
        history = History(operations={operation.number: operation for operation in self.operations})
        return {violation.kind for violation in check(history, {"s": final}, guarantees, listed=[])}


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_is_reported_where_all_went_well(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("insert", "c", index=1, result=3)
    told("remove", record="b", index=2, result=True)
    told("read", result=["a", "c"])
    told("replace", "d", "e", result=2)
    told("append", "f", result=3)
    assert told.kinds(["d", "e", "f"]) == set()
    told("delete", result=True)
    assert told.kinds([]) == set()


# planted faults, one a kind


def test_an_acknowledged_record_that_is_absent_is_lost(told: Told) -> None:
    told("append", "a", "b", result=2)
    assert "lost" in told.kinds(["a"])


def test_a_record_that_a_delete_cannot_have_taken_is_lost(told: Told) -> None:
    told("append", "a", result=1)
    told("delete", result=True)
    told("append", "b", result=1)
    assert "lost" in told.kinds([])


def test_a_record_that_a_racing_delete_may_have_taken_is_not_lost(told: Told) -> None:
    told("append", "a", at=0, until=10, result=1)
    told("delete", at=1, until=2, result=True)
    assert told.kinds([]) == set()
    assert told.kinds(["a"]) == {"history"}  # the delete found something, and there was nothing else


def test_a_record_stored_before_the_error_of_a_batch_is_lost(told: Told) -> None:
    told("append", "a", "b", "c", outcome=UNKNOWN, stored=2, parts=3)
    assert "lost" in told.kinds(["a"], PART_BY_PART)
    assert told.kinds(["a", "b"], PART_BY_PART) == set()


def test_a_record_that_stands_twice_is_doubled(told: Told) -> None:
    told("append", "a", result=1)
    assert "doubled" in told.kinds(["a", "a"])


def test_equal_records_are_counted(told: Told) -> None:
    told("append", "a", "a", "a", result=3)
    told("remove", record="a", index=0, result=True)
    assert told.kinds(["a", "a"]) == set()
    assert "lost" in told.kinds(["a"])
    assert "survived" in told.kinds(["a", "a", "a"])


def test_a_record_of_nobody_is_invented(told: Told) -> None:
    told("append", "a", result=1)
    assert "invented" in told.kinds(["a", "x"])
    told("read", result=["a", "x"])
    assert "invented" in told.kinds(["a"])


def test_a_record_of_an_operation_that_failed_is_invented(told: Told) -> None:
    told("append", "a", outcome=FAILED)
    assert told.kinds([]) == set()
    assert "invented" in told.kinds(["a"])


@pytest.mark.parametrize("verb", ["replace", "delete", "clear"])
def test_what_was_there_before_a_wipe_survived(told: Told, verb: str) -> None:
    told("append", "a", result=1)
    told(verb, *(["b"] if verb == "replace" else []), result=1 if verb == "replace" else True)
    rest = ["b"] if verb == "replace" else []
    assert told.kinds(rest) == set()
    assert "survived" in told.kinds(["a", *rest])


def test_a_record_that_was_removed_survived(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("remove", record="a", index=0, result=True)
    assert told.kinds(["b"]) == set()
    assert "survived" in told.kinds(["a", "b"])


def test_a_part_of_an_unknown_batch_is_partial(told: Told) -> None:
    told("append", "a", "b", "c", outcome=UNKNOWN, parts=3)
    assert told.kinds([]) == told.kinds(["a", "b", "c"]) == set()
    assert "partial" in told.kinds(["a"])
    assert told.kinds(["a"], PART_BY_PART) == set()
    assert "partial" in told.kinds(["b"], PART_BY_PART)


def test_a_part_of_a_single_request_is_partial(told: Told) -> None:
    told("append", "a", "b", outcome=UNKNOWN)
    assert "partial" in told.kinds(["a"], PART_BY_PART)


def test_a_batch_out_of_order_is_reported(told: Told) -> None:
    told("append", "a", "b", result=2)
    assert "order" in told.kinds(["b", "a"])
    assert "order" in told.kinds(["b", "a"], PART_BY_PART)


def test_a_batch_with_another_inside_is_torn(told: Told) -> None:
    told("append", "a", "b", at=0, until=5, result=2, parts=2)
    told("append", "c", at=0, until=5, result=3)
    assert told.kinds(["a", "b", "c"]) == set()
    assert "torn" in told.kinds(["a", "c", "b"])
    assert "torn" not in told.kinds(["a", "c", "b"], PART_BY_PART)


def test_an_insert_inside_of_a_batch_is_not_reported(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("insert", "c", index=1, result=3)
    assert told.kinds(["a", "c", "b"]) == set()


def test_appends_against_their_real_time_are_reported(told: Told) -> None:
    told("append", "a", result=1)
    told("append", "b", result=2)
    assert "real time" in told.kinds(["b", "a"])


def test_appends_at_the_same_time_may_stand_either_way(told: Told) -> None:
    told("append", "a", at=0, until=5, result=2)
    told("append", "b", at=1, until=6, result=1)
    assert told.kinds(["b", "a"]) == set()
    assert told.kinds(["a", "b"]) == {"history"}  # by their lengths, b came first


@pytest.mark.parametrize("length", [1, 4])
def test_a_length_that_cannot_be_is_reported(told: Told, length: int) -> None:
    told("append", "a", result=1)
    told("append", "b", "c", result=length)
    assert "length" in told.kinds(["a", "b", "c"])


def test_an_insert_at_another_place_is_reported(told: Told) -> None:
    told("append", *"abcdef", result=6)
    told("insert", "x", index=1, result=7)
    assert told.kinds(["a", "x", *"bcdef"]) == set()
    assert "place" in told.kinds(["a", "b", "c", "x", *"def"])
    assert "place" in told.kinds(["x", *"abcdef"])


def test_a_replace_that_returns_another_number_is_reported(told: Told) -> None:
    told("replace", "a", "b", result=1)
    assert "result" in told.kinds(["a", "b"])


@pytest.mark.parametrize(
    ("index", "result"), [(0, False), (1, True)], ids=["refused what was there", "took what was not there"]
)
def test_a_remove_that_cannot_return_that_is_reported(told: Told, index: int, result: bool) -> None:
    told("append", "a", "b", result=2)
    told("remove", record="a", index=index, result=result)
    assert "history" in told.kinds(["b"] if result else ["a", "b"])


def test_an_operation_that_never_came_holds_up_nothing(told: Told) -> None:
    told("append", "a", outcome=UNKNOWN, settled=3.0)
    told("append", "b", at=4, result=1)
    told("read", at=6, result=["b"])
    assert told.kinds(["b"]) == set()
    assert told.kinds(["b", "a"]) != set()


def test_a_read_that_no_moment_explains_is_reported(told: Told) -> None:
    told("append", "a", result=1)
    told("append", "b", result=2)
    told("read", result=["b"])
    assert told.kinds(["a", "b"]) == {"history"}


def test_an_undo_that_lost_what_came_meanwhile_is_reported(told: Told) -> None:
    told("append", "a", result=1)
    clear = told("clear", at=10, until=14, result=True)
    told("append", "b", at=11, until=12, result=2)
    told("undo", undoes=clear.number, at=20, until=21)
    assert told.kinds(["a", "b"]) == set()
    assert told.kinds(["a"]) == {"lost"}
    assert told.kinds([]) == {"lost"}
    assert "doubled" in told.kinds(["a", "a", "b"])


def test_a_removed_record_comes_back_once(told: Told) -> None:
    told("append", "a", "b", result=2)
    remove = told("remove", record="a", index=0, result=True)
    told("undo", undoes=remove.number)
    assert told.kinds(["a", "b"]) == set()
    assert "lost" in told.kinds(["b"])
    assert "doubled" in told.kinds(["a", "a", "b"])


def test_a_conditional_delete_keeps_what_came_after(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("append", "c", at=6, until=7, result=3)
    told("delete", record="b", count=2, seen=5.0, at=8, until=9, result=True)
    assert told.kinds(["c"]) == set()
    assert "lost" in told.kinds([])
    assert "survived" in told.kinds(["a", "b", "c"])
    assert told.kinds(["a", "c"]) == {"history"}


def test_a_delete_in_conflict_takes_nothing(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("delete", record="a", count=2, seen=5.0, outcome=FAILED)
    assert told.kinds(["a", "b"]) == set()
    assert "lost" in told.kinds([])


def test_an_interrupted_edit_may_leave_records_twice_but_lose_none(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("insert", "x", index=1, outcome=UNKNOWN)
    twice = ["a", "x", "a", "b"]
    assert told.kinds(twice, PART_BY_PART) == set()
    assert "doubled" in told.kinds(twice, ATOMIC)
    assert "lost" in told.kinds(["x", "b"], PART_BY_PART)


def test_a_session_that_no_listing_names_is_reported() -> None:
    history = History()
    history.complete(history.invoke("s", "append", records=("a",)), 1)
    assert check(history, {"s": ["a"]}, listed=["s"]) == []
    assert [v.kind for v in check(history, {"s": ["a"]}, listed=[])] == ["unlisted"]


def test_only_an_interrupted_delete_may_leave_a_session_unlisted() -> None:
    history = History()
    history.complete(history.invoke("s", "append", records=("a",)), 1)
    history.complete(history.invoke("s", "delete"), True)
    assert [v.kind for v in check(history, {"s": ["a"]}, PART_BY_PART, listed=[])].count("unlisted") == 1
    history.invoke("s", "delete")
    assert "unlisted" not in {v.kind for v in check(history, {"s": ["a"]}, PART_BY_PART, listed=[])}
    assert "unlisted" in {v.kind for v in check(history, {"s": ["a"]}, ATOMIC, listed=[])}


def test_an_append_during_a_delete_may_leave_a_session_unlisted_until_the_next_write(told: Told) -> None:
    told("append", "a", result=1)
    told("delete", at=2, until=6, result=True)
    told("append", "b", at=3, until=5, result=1)
    assert "unlisted" not in told.kinds_if_unlisted(["b"], PART_BY_PART)
    assert "unlisted" in told.kinds_if_unlisted(["b"], ATOMIC)
    told("append", "c", at=7, until=8, result=2)
    assert "unlisted" in told.kinds_if_unlisted(["b", "c"], PART_BY_PART)


def test_an_operation_that_was_not_completed_is_of_unknown_outcome() -> None:
    history, killed = History(first=100), History()
    operation = killed.invoke("s", "append", records=("a", "b"))
    history.merge(operation.to_json() + "\n" + operation.to_json()[:20])
    assert [o.outcome for o in history.of("s")] == [UNKNOWN]
    assert check(history, {"s": []}) == check(history, {"s": ["a", "b"]}) == []
    assert [v.kind for v in check(history, {"s": ["b"]})] == ["partial"]


# random histories


def simulate(seed: int, steps: int, clients: int) -> tuple[list[Operation], list[str]]:
    """Return a correct history, and what stands in the end: each operation is applied at one moment of it."""
    chance, state = random.Random(seed), tuple[str, ...]()
    operations, moments, free = list[Operation](), list[tuple[float, int]](), [0.0] * clients
    for number in range(steps):
        client = chance.randrange(clients)
        began = free[client] + chance.random()
        ended = began + chance.random() * 2
        free[client] = ended
        moments.append((chance.uniform(began, ended), number))
        operations.append(
            Operation(
                number=number, client=str(client), session_id="s", verb="read", invoked=began, returned=ended
            )
        )
    for moment, number in sorted(moments):
        planned = _planned(chance, operations[number], state, moment)
        after, result = applied(planned, state)
        lost = chance.random() < 0.15
        if not lost or chance.random() < 0.5:
            state = after
        settled = planned.returned + chance.choice([0.0, 1.0, math.inf])
        unknown: dict[str, Any] = {"outcome": UNKNOWN, "settled": settled}
        operations[number] = replace(planned, **(unknown if lost else {"outcome": OK, "result": result}))
    return operations, list(state)


def _planned(chance: random.Random, operation: Operation, state: tuple[str, ...], moment: float) -> Operation:
    verbs = ["append"] * 8 + ["insert"] * 3 + ["remove"] * 3 + ["read"] * 2 + ["replace", "delete"]
    verb: Any = chance.choice(verbs)
    number = operation.number
    records = tuple(f"{number}.{i}" for i in range(chance.choice([1, 1, 2, 4])))
    index = chance.randint(0, len(state) + 1)
    if verb in ("append", "insert", "replace"):
        return replace(operation, verb=verb, records=records, index=index)
    if verb == "remove":
        at = chance.randrange(len(state)) if state else 0
        return replace(operation, verb=verb, index=at, record=state[at] if state else "none")
    if verb == "delete" and state and chance.random() < 0.5:
        return replace(operation, verb=verb, count=len(state), record=state[-1], seen=moment)
    return replace(operation, verb=verb)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 5))
def test_no_correct_history_is_reported(seed: int, steps: int, clients: int) -> None:
    operations, final = simulate(seed, steps, clients)
    for guarantees in (ATOMIC, PART_BY_PART):
        assert check_session("s", operations, final, guarantees) == []


@given(st.integers(0, 2**32), st.integers(2, 14))
def test_each_change_of_the_end_of_a_sequential_history_is_reported(seed: int, steps: int) -> None:
    operations, final = simulate(seed, steps, 1)
    operations = [operation for operation in operations if operation.outcome is OK]
    state: tuple[str, ...] = ()
    for place, operation in enumerate(operations):
        state, result = applied(operation, state)
        conflict = result is None  # a delete on a condition that held only with what was left out
        operations[place] = replace(operation, result=result, outcome=FAILED if conflict else OK)
    final = list(state)
    assert check_session("s", operations, final) == []
    mutations: list[Callable[[list[str]], list[str]]] = [lambda end: [*end, "x"]]
    if final:
        mutations += [lambda end: end[1:], lambda end: end[:-1], lambda end: [end[0], *end]]
    if len(final) > 1:
        mutations += [lambda end: [*end[1:], end[0]], lambda end: [end[1], end[0], *end[2:]]]
    for mutate in mutations:
        assert check_session("s", operations, mutate(final)) != []


def test_the_invariants_find_a_fault_in_a_history_too_long_to_search() -> None:
    told = Told()
    length = 0
    for number in range(3_000):
        records = [f"{number}.{i}" for i in range(1 + number % 3)]
        length += len(records)
        told("append", *records, result=length)
    final = [record for operation in told.operations for record in operation.records]
    assert explain(Timeline("s", told.operations, ()), final, ATOMIC) is None
    assert told.kinds(final) == set()
    middle = len(final) // 2
    assert told.kinds(final[:middle] + final[middle + 1 :]) == {"lost"}
    assert "doubled" in told.kinds([*final, final[middle]])
    assert "real time" in told.kinds([final[-1], *final[:-1]])


@pytest.mark.parametrize(
    "wrong", [{"verb": "read", "result": ["a", "b"]}, {"verb": "append", "result": 5, "record": "c"}]
)
def test_sessions_that_were_edited_part_by_part_are_searched_too(told: Told, wrong: dict[str, Any]) -> None:
    told("append", "a", result=1)
    told("remove", record="a", index=0, result=True)
    told("append", "b", result=1)
    assert told.kinds(["b"], PART_BY_PART) == set()
    record = [wrong["record"]] if "record" in wrong else []
    told(wrong["verb"], *record, result=wrong["result"])
    assert told.kinds(["b", *record], PART_BY_PART)


def test_a_push_that_others_deleted_before_it_was_looked_for_may_be_made_again(told: Told) -> None:
    told("append", "a", at=0, until=10, result=2)
    told("delete", at=2, until=3, result=True)
    told("read", at=3.2, until=3.4, result=[])
    told("append", "b", at=4, until=5, result=1)
    assert told.kinds(["b", "a"], PART_BY_PART) == set()
    assert told.kinds(["b", "a"]) == {"history"}


def test_a_delete_whose_response_was_lost_may_be_made_again(told: Told) -> None:
    told("append", "a", result=1)
    told("delete", at=2, until=10, result=True)
    told("append", "b", at=4, until=5, result=1)
    told("append", "c", at=12, until=13, result=1)
    assert told.kinds(["c"], PART_BY_PART) == set()
    assert "history" in told.kinds(["c"])


def test_the_length_of_an_append_whose_response_was_lost_is_of_a_later_moment(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("append", "c", at=2, until=10, result=4)
    told("read", at=3, until=4, result=["a", "b", "c"])
    told("append", "d", at=5, until=6, result=4)
    assert told.kinds(["a", "b", "c", "d"], PART_BY_PART) == set()
    assert told.kinds(["a", "b", "c", "d"]) == {"history"}


@pytest.mark.parametrize("length", [2, 5])
def test_no_length_of_an_append_may_be_of_no_moment(told: Told, length: int) -> None:
    told("append", "a", "b", result=2)
    told("append", "c", at=2, until=10, result=length)
    told("append", "d", at=5, until=6, result=4)
    assert told.kinds(["a", "b", "c", "d"], PART_BY_PART) == {"length"}


def test_an_index_from_the_end_may_be_counted_a_moment_before_the_record_is_removed(told: Told) -> None:
    told("append", "a", "b", result=2)
    told("remove", record="b", index=-1, at=2, until=10, result=True)
    told("append", "c", at=4, until=5, result=3)
    assert told.kinds(["a", "c"], PART_BY_PART) == set()
    assert told.kinds(["a", "c"]) == {"history"}
