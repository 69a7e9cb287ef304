"""What stands in the end, and whether it is what the history says."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from tests.consistency.check import check, tally
from tests.consistency.history import History, Outcome
from tests.consistency.services import Service
from tests.consistency.violations import Violation


@dataclass(slots=True)
class Verdict:
    """The figures of one history, and what was not kept in it."""

    operations: Counter[tuple[str, str]]
    faults: int
    violations: list[Violation]

    def __str__(self) -> str:
        ended = Counter[str]()
        for (_, outcome), times in self.operations.items():
            ended[outcome] += times
        by_kind = Counter(violation.kind for violation in self.violations)
        lines = [f"{dict(ended)}, {self.faults} faults, violations: {dict(by_kind) or 'none'}"]
        return "\n".join([*lines, *(f"- {violation}" for violation in self.violations[:12])])


def judge(history: History, service: Service) -> Verdict:
    """Compare `history` with what `service` holds, and with what it lists before anybody reads it."""
    service.faults.clear()
    with service.address.store(timeout_s=30.0) as store:
        listed = set(store.session_ids())
        names = {operation.session_id for operation in history.operations.values()}
        final = {name: store.read(name) for name in names}
        while (again := _after_a_moment(store.read, names)) != final:
            final = again  # what a client gave up is still on its way
    violations = check(history, final, service.guarantees, listed=listed)
    return Verdict(tally(history), sum(service.met.values()), violations)


def _after_a_moment(read: object, names: set[str]) -> dict[str, list[str]]:
    threading.Event().wait(0.15)
    assert callable(read)
    return {name: read(name) for name in names}


def acknowledged(verdict: Verdict) -> int:
    """Return how many operations were acknowledged."""
    return sum(times for (_, outcome), times in verdict.operations.items() if outcome == Outcome.OK)
