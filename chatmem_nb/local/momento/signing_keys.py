"""Signing keys, which the service issues for presigned URLs; here they can be listed and revoked."""

from __future__ import annotations

import secrets
import time


class SigningKeys:
    """Ids and expiry times of the issued keys; the keys themselves are not stored."""

    def __init__(self) -> None:
        self._expiry: dict[str, int] = {}

    def create(self, ttl_minutes: int) -> tuple[dict[str, str], int]:
        """Issue a key: a JSON Web Key, and its expiry as a Unix time."""
        self._drop_expired()
        key_id, expires_at = secrets.token_urlsafe(8), int(time.time()) + 60 * ttl_minutes
        self._expiry[key_id] = expires_at
        return {"kty": "oct", "kid": key_id, "alg": "HS256", "k": secrets.token_urlsafe(32)}, expires_at

    def expiry_times(self) -> list[tuple[str, int]]:
        """Return the ids and expiry times of the valid keys."""
        self._drop_expired()
        return list(self._expiry.items())

    def revoke(self, key_id: str) -> None:
        self._expiry.pop(key_id, None)

    def _drop_expired(self) -> None:
        now = time.time()
        self._expiry = {key_id: expires_at for key_id, expires_at in self._expiry.items() if expires_at > now}
