"""Plans: what the verbs of a store do, without I/O, written once for sync and async.

A plan is a generator that yields steps (`Send` or `Pause`), is sent the responses, and returns the result of
the verb. `runner.py` runs it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Request(Protocol):
    """One request to a service, in the service's own terms."""

    @property
    def idempotent(self) -> bool:
        """Whether making it twice has the same effect as making it once."""
        ...


@dataclass(frozen=True, slots=True)
class Send:
    """A step of a plan: make these requests at the same time.

    The plan is sent a list with a response for each. If a request fails for good, its error is thrown into
    the plan instead; with `return_errors`, it takes the place of the response.
    """

    requests: Sequence[Request]
    new_deadline: bool = False
    """Whether the call gets a new deadline: for a further page, or a further part of a batch."""
    return_errors: bool = False
    max_attempts: int | None = None
    """Maximum number of attempts; None: until the deadline. 1 if the plan must handle a failure itself."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A step of a plan: wait. If no time for a request would be left, the plan is sent False immediately."""

    seconds: float


Plan: TypeAlias = Generator[Send | Pause, Any, T]


def ask(request: Request, *, new_deadline: bool = False) -> Plan[Any]:
    """Make one request, and return its response.

    Raises: StoreError.
    """
    (response,) = yield Send([request], new_deadline)
    return response
