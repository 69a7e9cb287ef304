"""The limits that Momento documents, https://docs.momentohq.com/cache/manage/limits, and those of gRPC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import grpc

from chatmem_nb.local.momento.errors import MomentoError, invalid


@dataclass(frozen=True, slots=True)
class MomentoLimits:
    """Limits of requests (None: no limit) and timeouts of connections."""

    message_bytes: int | None = 5_243_000
    """Size of a request. The SDK itself has the same limit for requests and responses."""

    element_bytes: int | None = 128 * 1024
    """Size of one element of a list or a sorted set."""

    ttl: timedelta | None = timedelta(hours=24)
    """The longest TTL of an on-demand cache; provisioned storage has no limit."""

    handshake_timeout: timedelta = timedelta(seconds=10)
    """How long a client may take for the HTTP/2 handshake."""

    idle_timeout: timedelta = timedelta(minutes=10)
    """How long a connection stays open without a call; the SDK reconnects for the next one."""

    def check_elements(self, values: Iterable[bytes]) -> None:
        """Check the size of each element. Raises: MomentoError."""
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
        """Return a TTL in seconds. Raises: MomentoError if it is zero or over the limit."""
        if ttl_milliseconds <= 0:
            raise invalid("The TTL must be positive.")
        if self.ttl is not None and ttl_milliseconds > self.ttl / timedelta(milliseconds=1):
            raise invalid(f"The TTL is over the limit of {self.ttl.total_seconds():.0f} seconds.")
        return ttl_milliseconds / 1000
