"""Signing keys, which the service hands out for presigned URLs; here they sign nothing."""

from __future__ import annotations

import secrets
import time


class SigningKeys:
    """Ids and ends of the keys that were handed out; the keys themselves are not kept."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}

    def create(self, ttl_minutes: int) -> tuple[dict[str, str], int]:
        """Return a new key, as a JSON Web Key, and when it ends, in seconds since 1970."""
        self._forget_ended()
        key_id, ends = secrets.token_urlsafe(8), int(time.time()) + 60 * ttl_minutes
        self._ends[key_id] = ends
        return {"kty": "oct", "kid": key_id, "alg": "HS256", "k": secrets.token_urlsafe(32)}, ends

    def ends(self) -> list[tuple[str, int]]:
        """Return the ids of the keys that have not ended, and when they will."""
        self._forget_ended()
        return list(self._ends.items())

    def revoke(self, key_id: str) -> None:
        self._ends.pop(key_id, None)

    def _forget_ended(self) -> None:
        now = time.time()
        self._ends = {key_id: ends for key_id, ends in self._ends.items() if ends > now}
