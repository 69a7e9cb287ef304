"""What each process needs for itself: connections and locks do not survive a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One value for each process, made at first use.

    A child that shares a connection with its parent reads responses meant for the other, and a lock that
    another thread held at the fork is never released in the child. What was inherited is left alone, neither
    used nor closed.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[int, T] = {}

    def get(self) -> T:
        """Return the value of this process."""
        process_id = os.getpid()
        try:
            return self._values[process_id]
        except KeyError:
            # Atomic, so that two threads get the same value without a lock, which a fork could leave held.
            return self._values.setdefault(process_id, self._make())
