"""The operations on one session, arranged so that long histories are checked in little time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from tests.consistency.history import Operation, Outcome

BEFORE = -1
"""Number of the operation that stands for what was there at first."""
WRITES = ("append", "insert", "replace")


def takes_effect(operation: Operation) -> bool:
    """Whether the operation may have changed anything."""
    return operation.verb != "read" and (operation.outcome is not Outcome.FAILED or operation.stored > 0)


class Timeline:
    """What may have been written and removed, and when.

    A `remove` or `delete` that was taken back by an acknowledged `undo` counts as if it had never been:
    whatever it took must be there again.
    """

    def __init__(self, session_id: str, operations: Iterable[Operation], initial: Sequence[str]) -> None:
        first = Operation(
            number=BEFORE, client="", session_id=session_id, verb="append", records=tuple(initial),
            invoked=-math.inf, returned=-math.inf, outcome=Outcome.OK,
        )  # fmt: skip
        self.session_id = session_id
        self.all = [first, *operations]
        by_number = {operation.number: operation for operation in self.all}
        undos = [o for o in self.all if o.verb == "undo" and o.outcome is not Outcome.FAILED]
        self.undone = [
            (by_number[undo.undoes], undo) for undo in undos if undo.undoes is not None
        ]  # and those that may be
        taken_back = {done.number for done, undo in self.undone if undo.outcome is Outcome.OK}
        self.taken_back = [done for done, _ in self.undone]
        doubtful = {done.number for done, _ in self.undone} - taken_back
        self.writes = [o for o in self.all if o.verb in WRITES and (takes_effect(o) or o.number == BEFORE)]
        standing = [o for o in self.all if takes_effect(o) and o.number not in taken_back]
        self.wipes = [
            o for o in standing if o.verb in ("replace", "delete", "clear") and o.result is not False
        ]
        self.removes = [o for o in standing if o.verb == "remove" and o.result is not False]
        self.edits = [o for o in self.all if o.verb in ("insert", "replace", "undo") and takes_effect(o)]
        self._full = [
            o
            for o in self.wipes
            if o.outcome is Outcome.OK
            and o.count is None
            and o.number not in doubtful
            and not self._spanned(o)
        ]
        self.certain_removes = [
            o for o in self.removes if o.outcome is Outcome.OK and o.number not in doubtful
        ]
        self.last_full = max((o.invoked for o in self._full), default=-math.inf)
        self.last_wipe = max((o.completed for o in self.wipes), default=-math.inf)
        self._last_conditional = max((self._reach(o) for o in self.wipes), default=-math.inf)
        self.written: dict[str, list[tuple[Operation, int, int]]] = defaultdict(list)
        """By record: (operation, times for certain, times at most)."""
        for write in self.writes:
            certain = Counter(write.certain)
            for record, times in Counter(write.possible).items():
                self.written[record].append((write, certain[record], times))
        self._in_an_edit: dict[int, bool] = {}
        self._sums()

    def _spanned(self, wipe: Operation) -> bool:
        """Whether what an undo brought back may have been out of the way of `wipe`."""
        return any(
            done.invoked <= wipe.completed and undo.completed >= wipe.invoked for done, undo in self.undone
        )

    @staticmethod
    def _reach(wipe: Operation) -> float:
        """Until when an append must have been invoked for `wipe` to take it."""
        return wipe.completed if wipe.seen is None else wipe.seen

    def wiped(self, write: Operation) -> bool:
        """Whether what it wrote is gone for certain, if nobody wrote it again."""
        return write.completed < self.last_full

    def may_be_wiped(self, write: Operation) -> bool:
        """Whether what it wrote may be gone."""
        if write.verb == "replace":
            return any(o is not write and write.invoked <= self._reach(o) for o in self.wipes)
        return write.invoked <= (self.last_wipe if write.verb == "insert" else self._last_conditional)

    def in_an_edit(self, write: Operation) -> bool:
        """Whether it is no append, or an insert, a replace or an undo ran at the same time."""
        if write.number not in self._in_an_edit:
            self._in_an_edit[write.number] = write.verb != "append" or any(
                o.invoked <= write.completed and o.completed >= write.invoked for o in self.edits
            )
        return self._in_an_edit[write.number]

    def under_removal(self, write: Operation) -> bool:
        """Whether it was under way while something was removed."""
        return write.verb == "append" and any(
            o.invoked <= write.completed and o.completed >= write.invoked
            for o in (*self.wipes, *self.removes, *self.taken_back)
        )

    def _sums(self) -> None:
        done = sorted((o.completed, len(o.certain)) for o in self.writes if o.outcome is Outcome.OK)
        begun = sorted((o.invoked, len(o.possible)) for o in self.writes)
        self._done_at, self._done = [at for at, _ in done], list(accumulate((n for _, n in done), initial=0))
        self._begun_at = [at for at, _ in begun]
        self._begun = list(accumulate((n for _, n in begun), initial=0))

    def least_before(self, at: float) -> int:
        """Return how many records were surely written when `at` came."""
        return self._done[bisect_left(self._done_at, at)]

    def most_before(self, at: float) -> int:
        """Return how many records may have been written when `at` came."""
        return self._begun[bisect_left(self._begun_at, at)]

    def wiped_before(self, at: float) -> int:
        """Return how many records were surely wiped when `at` came."""
        last = max((o.invoked for o in self._full if o.completed < at), default=-math.inf)
        return self.least_before(last) if last > -math.inf else 0
