"""Faults that a local server injects into requests; the same kinds for both servers."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

FaultKind = Literal["drop_before", "drop_after", "cut", "delay", "refuse", "html", "hang", "error"]
"""What goes wrong with one request.

- `drop_before`: the request is not applied, and the connection is lost, after `delay`.
- `drop_after`: the request is applied, and its response is lost, after `delay`.
- `cut`: the request is applied, and its response ends in the middle.
- `delay`: the request is applied, and its response is delayed by `delay`.
- `refuse`: the request is not applied; the service responds that there were too many requests.
- `html`: the request is applied, and its response is replaced by a proxy's 502 page (Upstash only).
- `hang`: the request is not applied and gets no response; the connection is lost after `delay`, or, with no
  `delay`, when the server closes.
- `error`: the request is not applied; after `delay`, the service responds with the error `code`. Momento: the
  name of a gRPC status, "unavailable"; Upstash: the error's text, "READONLY You can't write here".

`FaultPlan.release` ends every `delay` early.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to inject into one request."""

    kind: FaultKind
    delay: timedelta = timedelta(0)
    """How long the request waits."""
    code: str = ""
    """The error of the kind `error`."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    command: str | None
    times: int

    def matches(self, commands: Collection[str]) -> bool:
        return self.command is None or any(name.upper() == self.command for name in commands)


class FaultPlan:
    """The faults to inject, in the order in which they were added; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self._holds: set[threading.Event] = set()
        self._closed = threading.Event()

    def __repr__(self) -> str:
        return f"<FaultPlan: {len(self)} planned>"

    def __len__(self) -> int:
        """How many requests will still fail."""
        with self._lock:
            return sum(planned.times for planned in self._planned)

    def __bool__(self) -> bool:
        return True

    @property
    def held(self) -> int:
        """How many requests are held now, by the `delay` of their fault."""
        with self._lock:
            return len(self._holds)

    def add(
        self,
        kind: FaultKind,
        *,
        times: int = 1,
        command: str | None = None,
        delay: timedelta = timedelta(0),
        code: str = "",
    ) -> None:
        """Inject a fault into the next `times` requests, or, with `command`, into the next that contain it.

        `command` is the name of a Redis command or of an RPC, in any case. A request gets at most one fault:
        the first added of those that match.

        Raises: ValueError for an unknown kind, `times` below 1, a negative `delay`, "error" without `code`.
        """
        if kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault {kind!r}: choose from {', '.join(get_args(FaultKind))}")
        if bool(code) != (kind == "error"):
            raise ValueError('the fault "error", and no other, takes a code: the error to respond with')
        if times < 1:
            raise ValueError("times must be 1 or more")
        if delay < timedelta(0):
            raise ValueError("delay must not be negative")
        planned = _Planned(Fault(kind, delay, code), command.upper() if command else None, times)
        with self._lock:
            self._planned.append(planned)

    def clear(self) -> None:
        """Remove all faults that were not injected yet."""
        with self._lock:
            self._planned.clear()

    def take(self, commands: Collection[str]) -> Fault | None:
        """Return the fault for a request with these commands, and count it; None if there is none."""
        with self._lock:
            for planned in self._planned:
                if planned.matches(commands):
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                    return planned.fault
        return None

    def release(self) -> None:
        """End the delay of every request that is held now."""
        with self._lock:
            for ended in self._holds:
                ended.set()

    def hold(self, duration: timedelta | None, ended: threading.Event | None = None) -> None:
        """Block for `duration` (None: for ever), until `release`, `close`, or until `ended` is set."""
        ended = ended or threading.Event()
        with self._lock:
            self._holds.add(ended)
            if self._closed.is_set():
                ended.set()
        try:
            ended.wait(None if duration is None else duration.total_seconds())
        finally:
            with self._lock:
                self._holds.discard(ended)

    def wait(self, duration: timedelta | None) -> bool:
        """Wait for `duration` (None: for ever); return False if the server closes meanwhile."""
        return not self._closed.wait(None if duration is None else duration.total_seconds())

    def close(self) -> None:
        """End all waits, present and future; the server calls this when it closes."""
        self._closed.set()
        self.release()
