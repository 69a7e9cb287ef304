"""Histories: what each client asked of a store, when, and what it was told."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TextIO
from uuid import uuid4

from chatmem_nb.errors import InvalidInputError, StoreError

Verb = Literal["append", "insert", "replace", "remove", "delete", "clear", "undo", "read"]
"""`clear`: a copy, and a delete of what was copied at least."""


class Outcome(StrEnum):
    """What a client knows of an operation."""

    OK = "ok"
    FAILED = "failed"
    """It failed for certain: nothing was applied but `stored` records."""
    UNKNOWN = "unknown"
    """Lost, cancelled, interrupted, killed: it may be applied at any time, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of a verb on one session."""

    number: int
    client: str
    session_id: str
    verb: Verb
    records: tuple[str, ...] = ()
    """What it writes."""
    index: int = 0
    record: str | None = None
    """`remove`: the text; `delete` with `count`: the text of record `count - 1`."""
    count: int | None = None
    seen: float | None = None
    """`delete` with `count`: when `record` was read as the newest; later appends stand behind it."""
    undoes: int | None = None
    """`undo`: the number of the `remove` or `delete` that it takes back."""
    parts: int = 1
    """Requests that `records` take."""
    invoked: float = 0.0
    returned: float = math.inf
    settled: float = math.inf
    """When an operation of unknown outcome can have an effect no more."""
    outcome: Outcome = Outcome.UNKNOWN
    result: Any = None
    stored: int = 0
    """Records that the error said were stored before it."""
    error: str = ""

    @property
    def completed(self) -> float:
        """When it can have an effect no more."""
        return self.settled if self.outcome is Outcome.UNKNOWN else self.returned

    @property
    def certain(self) -> tuple[str, ...]:
        """The records that are written for certain."""
        return self.records if self.outcome is Outcome.OK else self.records[: self.stored]

    @property
    def possible(self) -> tuple[str, ...]:
        """The records that may be written."""
        return self.certain if self.outcome is Outcome.FAILED else self.records

    def to_json(self) -> str:
        """Return it as a line of a journal."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Operation:
        values = json.loads(line)
        return cls(**{**values, "records": tuple(values["records"]), "outcome": Outcome(values["outcome"])})


def new_record(content: object, *, size: int = 0) -> str:
    """Return a record that equals no other, of about `size` bytes at least."""
    data = {"content": f"{content}{'.' * size}"}
    return json.dumps({"type": "human", "data": data, "record_id": uuid4().hex})


@dataclass(slots=True)
class History:
    """Operations as they come; safe to use from every thread. `journal` keeps them beyond a kill."""

    client: str = "c"
    first: int = 0
    """Number of the first operation; clients in several processes need ranges of their own."""
    journal: TextIO | None = None
    late_s: float = math.inf
    """How long after a failure an operation may still be applied, as far as the server is known."""
    operations: dict[int, Operation] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.first)

    def invoke(self, session_id: str, verb: Verb, *, client: str | None = None, **values: Any) -> Operation:
        """Note that an operation is about to be sent."""
        with self._lock:
            number = next(self._numbers)
            operation = Operation(
                number=number, client=client or self.client, session_id=session_id, verb=verb, **values
            )
            return self._keep(replace(operation, invoked=time.monotonic()))

    def complete(self, operation: Operation, result: Any) -> Operation:
        """Note what was answered."""
        returned = time.monotonic()
        with self._lock:
            return self._keep(replace(operation, returned=returned, outcome=Outcome.OK, result=result))

    def fail(self, operation: Operation, error: BaseException) -> Operation:
        """Note an error, and whether it says that nothing was applied."""
        returned = time.monotonic()
        certain = isinstance(error, InvalidInputError) or (
            isinstance(error, StoreError) and not error.maybe_applied
        )
        with self._lock:
            return self._keep(
                replace(
                    operation,
                    returned=returned,
                    settled=returned + self.late_s,
                    outcome=Outcome.FAILED if certain else Outcome.UNKNOWN,
                    stored=getattr(error, "records_stored", None) or 0,
                    error=f"{type(error).__name__}: {error}"[:200],
                )
            )

    def call(self, operation: Operation, work: Callable[[], Any]) -> Operation:
        """Do `work`, and note what became of it. Any error but one of Python's own is an outcome."""
        try:
            result = work()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it is an outcome
            return self._noted(operation, error)
        return self.complete(operation, result)

    async def acall(self, operation: Operation, work: Callable[[], Awaitable[Any]]) -> Operation:
        """Do `work`, and note what became of it; a cancellation goes on when it is noted."""
        try:
            result = await work()
        except asyncio.CancelledError as error:
            self.fail(operation, error)
            raise
        except Exception as error:  # noqa: BLE001 - it is an outcome
            return self._noted(operation, error)
        return self.complete(operation, result)

    def _noted(self, operation: Operation, error: BaseException) -> Operation:
        if isinstance(error, TypeError | AttributeError | NameError | AssertionError | KeyError):
            raise error  # a fault of the test or of the package, and of no network
        return self.fail(operation, error)

    def merge(self, lines: str) -> None:
        """Add the operations of a journal. Of an operation that was not completed, its invocation counts."""
        for line in lines.splitlines(keepends=True):
            if line.endswith("\n"):  # a kill may cut the last line
                operation = Operation.from_json(line)
                self.operations[operation.number] = operation

    def settle(self, at: float) -> None:
        """Note that what is under way can have no effect after `at`: those who sent it are gone."""
        for number, operation in self.operations.items():
            if operation.outcome is Outcome.UNKNOWN and operation.settled > at:
                self.operations[number] = replace(operation, settled=at)

    def of(self, session_id: str) -> list[Operation]:
        """Return the operations on one session, by the time of their invocation."""
        found = [operation for operation in self.operations.values() if operation.session_id == session_id]
        return sorted(found, key=lambda operation: operation.invoked)

    def _keep(self, operation: Operation) -> Operation:
        self.operations[operation.number] = operation
        if self.journal is not None:
            self.journal.write(operation.to_json() + "\n")
            self.journal.flush()
        return operation
