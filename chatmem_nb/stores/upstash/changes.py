"""One change of one session: what makes it the same change however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from .commands import Request, multi


@dataclass(frozen=True, slots=True)
class Change:
    """The keys of one change, which the database knows by its token."""

    key: str
    """The session."""
    key_prefix: str
    """What the keys begin with that this package needs besides sessions; outside the prefix of sessions."""
    expires_ms: int
    """How long those keys live: longer than any retry, and than a proxy may hold a request back."""
    token: str

    @classmethod
    def of(cls, key: str, session_prefix: str, timeout_s: float) -> Change:
        prefix = "_chatmem_nb:" if "chatmem_nb:".startswith(session_prefix) else "chatmem_nb:"
        return cls(key, prefix, int(3_000 * timeout_s) + 60_000, uuid4().hex)

    @property
    def idempotency_key(self) -> str:
        return f"{self.key_prefix}done:{self.token}"

    @property
    def new_list(self) -> str:
        """Where a replacement is built."""
        return f"{self.key_prefix}new:{self.token}"

    def staged(self, number: int) -> str:
        """Return where batch `number` waits until all of them are moved into the session."""
        return f"{self.key_prefix}part:{self.token}:{number}"

    def stage(self, number: int, batch: Sequence[str], expires_ms: int) -> Request:
        """Return the request that stages a batch; to make it again changes nothing."""
        key = self.staged(number)
        return multi([["DEL", key], ["RPUSH", key, *batch], ["PEXPIRE", key, expires_ms]])


def milliseconds(ttl: timedelta | None) -> int:
    """Return `ttl` as the scripts take it; 0 for None."""
    return 0 if ttl is None else max(1, round(ttl / timedelta(milliseconds=1)))
