"""Counts the requests to a local server, and what the service would bill for them."""

from __future__ import annotations

import threading


class Usage:
    """Requests and billed commands, to compare with a store's `commands`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        """Authenticated requests, including failed ones."""
        self.billed = 0
        """Commands (Upstash) or operations (Momento), as the service's price list counts them."""

    def __repr__(self) -> str:
        return f"Usage(requests={self.requests}, billed={self.billed})"

    def add(self, *, requests: int = 0, billed: int = 0) -> None:
        with self._lock:
            self.requests += requests
            self.billed += billed
