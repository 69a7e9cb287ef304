"""The exact check of short histories: is there an order of the operations that explains everything?

The search of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) over the model of a list, with
Lowe's memory of what was tried. Operations of unknown outcome may come at any time after their invocation,
or never.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.consistency.history import Operation, Outcome
from tests.consistency.timeline import Timeline, takes_effect
from tests.consistency.violations import Guarantees

State = tuple[str, ...]
Taken = tuple[tuple[int, int, State], ...]
"""What removals took that may be undone: number of the operation, index, records."""
Step = tuple[int, State, Taken]
"""Which operations are done, as bits; what the session holds then; what was taken."""

MOST_OPERATIONS = 60
MOST_STEPS = 20_000


def explain(timeline: Timeline, final: Sequence[str], guarantees: Guarantees) -> bool | None:
    """Whether some order explains the results and `final`; None where that is not decided."""
    operations = [
        o for o in timeline.all[1:] if takes_effect(o) or (o.verb == "read" and o.outcome is Outcome.OK)
    ]
    if not _applies(operations, guarantees):
        return None
    if guarantees.edits_are_atomic:
        return _Search(operations, tuple(final)).run(timeline.all[0].records)
    twice = [o for o in operations if timeline.under_removal(o) or (o.verb == "delete" and o.count is None)]
    search = _Search([*operations, *map(_first_time, twice)], tuple(final), part_by_part=True)
    return search.run(timeline.all[0].records)


def _first_time(operation: Operation) -> Operation:
    """Return what an operation that was retried may have done before. As is documented of Momento: an append
    is pushed again if its response was lost, and others removed its records before they were looked for; a
    delete is repeated if its response was lost."""
    return replace(
        operation, number=_first_number(operation), outcome=Outcome.UNKNOWN, settled=operation.completed
    )


def _first_number(operation: Operation) -> int:
    return -operation.number - 2


def _applies(operations: Sequence[Operation], guarantees: Guarantees) -> bool:
    if len(operations) > MOST_OPERATIONS or any(o.stored and o.outcome is not Outcome.OK for o in operations):
        return False
    if any(o.verb == "clear" and _overlaps_any(o, operations) for o in operations):
        return False  # it copies at one moment and deletes at another, and what came in between stays
    if guarantees.edits_are_atomic and guarantees.batches_are_atomic:
        return True
    if any(o.outcome is Outcome.UNKNOWN and (o.verb != "append" or o.parts > 1) for o in operations):
        return False
    return not any(
        _overlap(one, other)
        for place, one in enumerate(operations)
        for other in operations[place + 1 :]
        if _in_steps(one) or _in_steps(other)
    )


def _in_steps(operation: Operation) -> bool:
    """Whether it is several requests, so that others may be seen in between."""
    return operation.verb in ("insert", "replace", "undo") or operation.parts > 1


def _overlaps_any(one: Operation, others: Sequence[Operation]) -> bool:
    return any(other is not one and _overlap(one, other) for other in others)


def _overlap(one: Operation, other: Operation) -> bool:
    return one.invoked <= other.completed and other.invoked <= one.completed


class _Search:
    def __init__(self, operations: Sequence[Operation], final: State, *, part_by_part: bool = False) -> None:
        self._operations, self._final, self._part_by_part = operations, final, part_by_part
        self._by_number = {o.number: place for place, o in enumerate(operations)}
        self._all_known = sum(1 << p for p, o in enumerate(operations) if o.outcome is Outcome.OK)
        self._undone = {o.undoes for o in operations if o.verb == "undo"}

    def run(self, initial: State) -> bool | None:
        """Depth first, without recursion. What a removal took is part of the state, for its undo."""
        begin: Step = (0, initial, ())
        stack, tried = [begin], {begin}
        while stack:
            done, state, taken = stack.pop()
            if done & self._all_known == self._all_known and state == self._final:
                return True
            if len(tried) > MOST_STEPS:
                return None
            for step in self._steps(done, state, taken):
                if step not in tried:
                    tried.add(step)
                    stack.append(step)
        return False

    def _steps(self, done: int, state: State, taken: Taken) -> Iterator[Step]:
        left = [p for p, _ in enumerate(self._operations) if not done >> p & 1]
        known = (self._operations[p] for p in left if self._all_known >> p & 1)
        horizon = min((operation.completed for operation in known), default=math.inf)
        past = max((o.invoked for p, o in enumerate(self._operations) if done >> p & 1), default=-math.inf)
        for place in reversed(left):  # the stack turns it around: the first that was invoked is tried first
            operation = self._operations[place]
            if operation.invoked > horizon or operation.completed < past:
                continue
            applied = self._apply(operation, done, state, taken)
            if applied is not None:
                yield done | 1 << place, *applied

    def _apply(
        self, operation: Operation, done: int, state: State, taken: Taken
    ) -> tuple[State, Taken] | None:
        """Return what comes after `operation`; None where it cannot have returned what it did."""
        if operation.verb == "undo":
            return self._undo(operation, state, taken)
        if self._was_pushed_before(operation, done) and set(operation.records) & set(state):
            return None
        if self._part_by_part and operation.verb == "remove" and operation.index < 0:
            # Its index was counted from the length at another moment.
            if operation.result is False:
                return state, taken
            if operation.record in state:
                operation = replace(operation, index=state.index(operation.record))
        after, result = applied(operation, state)
        if operation.outcome is Outcome.OK and not self._may_return(operation, result):
            return None
        if operation.number in self._undone and after != state:
            index = operation.index if operation.verb == "remove" else 0
            copy = state[index : index + len(state) - len(after)]
            taken = (*taken, (operation.number, index, copy))
        return after, taken

    def _may_return(self, operation: Operation, result: Any) -> bool:
        if self._part_by_part and operation.verb == "append":
            # If its response was lost, the length is of the moment when it was found. `check` has the bounds.
            return bool(len(operation.records) <= operation.result)
        return bool(operation.result == result)

    def _was_pushed_before(self, operation: Operation, done: int) -> bool:
        place = self._by_number.get(_first_number(operation))
        return place is not None and bool(done >> place & 1)

    def _undo(self, undo: Operation, state: State, taken: Taken) -> tuple[State, Taken] | None:
        for number, index, copy in taken:
            if number == undo.undoes:
                rest = tuple(each for each in taken if each[0] != number)
                return (*state[:index], *copy, *state[index:]), rest
        removed = self._operations[self._by_number[undo.undoes]] if undo.undoes in self._by_number else None
        # What never took anything has nothing to bring back.
        doubtful = removed is not None and removed.outcome is Outcome.UNKNOWN
        return (state, taken) if doubtful or undo.outcome is Outcome.UNKNOWN else None


def applied(operation: Operation, state: State) -> tuple[State, object]:
    """Return the session after `operation`, and what it returns."""
    if operation.verb == "append":
        return (*state, *operation.records), len(state) + len(operation.records)
    if operation.verb == "insert":
        place = slice(operation.index, None).indices(len(state))[0]
        after = (*state[:place], *operation.records, *state[place:])
        return after, len(after)
    if operation.verb == "replace":
        return operation.records, len(operation.records)
    if operation.verb == "remove":
        return _removed(operation, state)
    if operation.verb in ("delete", "clear"):
        return _deleted(operation, state)
    return state, list(state)


def _removed(operation: Operation, state: State) -> tuple[State, object]:
    index = operation.index + len(state) if operation.index < 0 else operation.index
    if not 0 <= index < len(state) or state[index] != operation.record:
        return state, False
    return (*state[:index], *state[index + 1 :]), True


def _deleted(operation: Operation, state: State) -> tuple[State, object]:
    if operation.count is None:
        return (), bool(state)
    if len(state) < operation.count or state[operation.count - 1] != operation.record:
        return state, None  # a conflict, which is no result
    return state[operation.count :], True
