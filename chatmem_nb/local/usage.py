"""What clients have asked of a local server, counted as the service would bill it."""

from __future__ import annotations

import threading


class Usage:
    """Requests and what they cost; the server's side of a store's `commands`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        """Authenticated requests, whatever became of them."""
        self.billed = 0
        """Commands (Upstash) or operations (Momento), as the service's price list counts them."""

    def __repr__(self) -> str:
        return f"Usage(requests={self.requests}, billed={self.billed})"

    def add(self, *, requests: int = 0, billed: int = 0) -> None:
        with self._lock:
            self.requests += requests
            self.billed += billed
