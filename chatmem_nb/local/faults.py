"""What a network may do to a request, asked for one request at a time; shared by both local servers."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

FaultKind = Literal["drop_before", "drop_after", "cut", "delay", "refuse", "html", "hang"]
"""What goes wrong with one request.

- `drop_before`: the connection is lost, and the request is not applied.
- `drop_after`: the request is applied, and its answer is lost.
- `cut`: the request is applied, and its answer ends in the middle.
- `delay`: the request is applied, and its answer is held for `delay`.
- `refuse`: the request is not applied; the service says that there were too many.
- `html`: the request is applied, and a proxy's 502 page stands in place of its answer (Upstash only).
- `hang`: the request is neither applied nor answered; the connection is lost when `delay` has passed, or,
  with no `delay`, when the server closes.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that a request has met."""

    kind: FaultKind
    delay: timedelta
    """How long `delay` and `hang` hold the request; zero for the other kinds."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    command: str | None
    times: int

    def meets(self, commands: Collection[str]) -> bool:
        return self.command is None or any(name.upper() == self.command for name in commands)


class FaultPlan:
    """Faults to come, in the order in which they were added; safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._closed = threading.Event()

    def __repr__(self) -> str:
        return f"<FaultPlan: {len(self)} to come>"

    def __len__(self) -> int:
        """How many requests will still meet a fault."""
        with self._lock:
            return sum(planned.times for planned in self._planned)

    def __bool__(self) -> bool:
        return True

    def add(
        self,
        kind: FaultKind,
        *,
        times: int = 1,
        command: str | None = None,
        delay: timedelta = timedelta(0),
    ) -> None:
        """Let the next `times` requests meet this fault, of all or of those that hold `command`.

        A command is a Redis command or the name of an RPC, in any case. A request meets one fault at most:
        of those that fit, the one that was added first.

        Raises: ValueError for an unknown kind, for `times` below 1, for a negative `delay`.
        """
        if kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault {kind!r}: choose from {', '.join(get_args(FaultKind))}")
        if times < 1:
            raise ValueError("times must be 1 or more")
        if delay < timedelta(0):
            raise ValueError("delay must not be negative")
        planned = _Planned(Fault(kind, delay), command.upper() if command else None, times)
        with self._lock:
            self._planned.append(planned)

    def clear(self) -> None:
        """Forget every fault that no request has met yet."""
        with self._lock:
            self._planned.clear()

    def take(self, commands: Collection[str]) -> Fault | None:
        """Return the fault that a request with these commands meets, and use it up; None if there is none."""
        with self._lock:
            for planned in self._planned:
                if planned.meets(commands):
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                    return planned.fault
        return None

    def wait(self, duration: timedelta | None) -> bool:
        """Hold the calling thread for `duration` (None: without end); False once the server has closed."""
        return not self._closed.wait(None if duration is None else duration.total_seconds())

    def close(self) -> None:
        """End every wait, now and from now on; the server calls it when it closes."""
        self._closed.set()
