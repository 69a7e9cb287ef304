"""What stands in the end, and whether it is what the history says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
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

    @classmethod
    def of_all(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """Return the sum of `verdicts`."""
        total = cls(Counter(), 0, [])
        for verdict in verdicts:
            total.operations += verdict.operations
            total.faults += verdict.faults
            total.violations += verdict.violations
        return total

    def __str__(self) -> str:
        acknowledged = {
            verb: times for (verb, end), times in sorted(self.operations.items()) if end == Outcome.OK
        }
        unknown = sum(times for (_, end), times in self.operations.items() if end == Outcome.UNKNOWN)
        by_kind = dict(Counter(violation.kind for violation in self.violations))
        first = (
            f"acknowledged {acknowledged}, unknown {unknown}, faults {self.faults}, violations {by_kind or 0}"
        )
        return "\n".join([first, *(f"- {violation}" for violation in self.violations[:12])])


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


def _after_a_moment(read: Callable[[str], list[str]], names: set[str]) -> dict[str, list[str]]:
    threading.Event().wait(0.15)
    return {name: read(name) for name in names}
