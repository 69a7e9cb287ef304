"""How to reach a server: from this process or from another, which imports no more than it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chatmem_nb.stores.protocol import SessionStore

LATE_S = 2.0
"""After this long, no server here applies a request whose client has given up."""


@dataclass(frozen=True, slots=True)
class Address:
    """How to make a store of a service, in this process or in another."""

    service: str
    url: str
    token: str
    prefix: str
    """Of the keys; of its own for each history."""

    def store(self, **options: Any) -> SessionStore:
        """Return a new store; batches of more than some ten records take several requests."""
        options = {"key_prefix": self.prefix, "timeout_s": 8.0, **options}
        if self.service != "momento":
            from chatmem_nb.stores.upstash import UpstashSessionStore

            return UpstashSessionStore(self.url, self.token, **{"max_request_bytes": 16_384, **options})
        from momento import CredentialProvider

        from chatmem_nb.stores.momento import MomentoSessionStore

        host, port = self.url.split(":")
        provider = CredentialProvider(self.token, host, host, host, int(port))
        options = {"max_request_bytes": 2_000, **options}
        return MomentoSessionStore.from_credentials(provider, "chatmem", timedelta(hours=1), **options)

    def parts(self, records: tuple[str, ...]) -> int:
        """Return how many requests `records` take, or 2 where it is more than one."""
        room = 2_000 if self.service == "momento" else 16_384 - 5_000
        return 1 if sum(len(record) + 6 for record in records) <= room else 2
