"""What a checker reports, and what a service promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "lost",  # acknowledged, removed by nobody who may have removed it, and absent
    "doubled",  # there more often than it was written
    "survived",  # there after a `replace`, `delete` or `remove` that was acknowledged
    "invented",  # written by nobody, or by an operation that failed for certain
    "partial",  # a part of an operation of unknown outcome that is all or nothing
    "order",  # records of one operation out of their order
    "torn",  # a batch with others' records in between
    "real time",  # A was completed before B was invoked, and stands behind it
    "length",  # a verb returned a length that the session cannot have had
    "place",  # an insert stands where its index cannot have been
    "result",  # a verb returned what it cannot return
    "history",  # no order of the operations explains what they returned and what is there
    "unlisted",  # a session with records that no listing names
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that was not kept."""

    kind: Kind
    session_id: str
    text: str
    operation: int | None = None
    """The operation that was promised otherwise."""

    def __str__(self) -> str:
        by = "" if self.operation is None else f" (operation {self.operation})"
        return f"{self.kind}: session {self.session_id!r}: {self.text}{by}"


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What a service promises beyond that nothing is lost, doubled or invented."""

    batches_are_atomic: bool = True
    """A batch of several requests is stored whole or not at all, and nothing stands inside of it."""
    edits_are_atomic: bool = True
    """`insert`, `replace` and the undos happen at one moment. Where they do not, others who append at the
    same time may end up before or after what they move, and one that is interrupted may leave records twice.
    """


ATOMIC = Guarantees()
PART_BY_PART = Guarantees(batches_are_atomic=False, edits_are_atomic=False)
