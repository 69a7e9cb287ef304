"""The limits that Momento documents, each a switch: https://docs.momentohq.com/cache/limits"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import grpc

from chatmem_nb.local.momento.errors import MomentoError, invalid


@dataclass(frozen=True, slots=True)
class MomentoLimits:
    """What a request may hold; None turns a limit off."""

    message_bytes: int | None = 5_243_000
    """Size of a request. The SDK's own limit, for requests and for answers, is the same and stays."""

    element_bytes: int | None = 128 * 1024
    """Size of one element of a list or a sorted set."""

    ttl: timedelta | None = timedelta(hours=24)
    """The longest time to live."""

    def check_elements(self, values: Iterable[bytes]) -> None:
        """Raises: MomentoError if one of `values` is larger than an element may be."""
        if self.element_bytes is None:
            return
        for value in values:
            if len(value) > self.element_bytes:
                raise MomentoError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"Element size of {len(value)} bytes is over the limit of {self.element_bytes}.",
                    err="element_size_limit_exceeded",
                )

    def seconds(self, ttl_milliseconds: int) -> float:
        """Return a time to live in seconds.

        Raises: MomentoError if it is zero or longer than the limit.
        """
        if ttl_milliseconds <= 0:
            raise invalid("The time to live must be positive.")
        if self.ttl is not None and ttl_milliseconds > self.ttl / timedelta(milliseconds=1):
            raise invalid(f"The time to live is over the limit of {self.ttl.total_seconds():.0f} seconds.")
        return ttl_milliseconds / 1000
