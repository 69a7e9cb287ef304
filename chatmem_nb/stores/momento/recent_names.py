"""The session ids that a client has seen in an index lately: a hint that saves a request for each read."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from momento import CacheClient

_TTL_S = 60.0
"""After this, a name counts as unknown again: the index may have expired, or another client removed it."""
_MOST = 100_000

# By client and not by store: histories are often made anew for each message, over one client.
_SEEN: WeakKeyDictionary[CacheClient, dict[str, RecentNames]] = WeakKeyDictionary()


class RecentNames:
    """A set of (key of the index, session id) that forgets each after `ttl_s`, and all beyond `most`."""

    def __init__(self, ttl_s: float = _TTL_S, most: int = _MOST) -> None:
        self._ttl_s, self._most = ttl_s, most
        self._expires: dict[tuple[bytes, str], float] = {}

    def __contains__(self, name: tuple[bytes, str]) -> bool:
        return time.monotonic() < self._expires.get(name, 0.0)

    def add(self, name: tuple[bytes, str]) -> None:
        """Keep `name` from now on."""
        if len(self._expires) >= self._most:
            self._expires.clear()
        self._expires[name] = time.monotonic() + self._ttl_s

    def discard(self, name: tuple[bytes, str]) -> None:
        """Forget `name`."""
        self._expires.pop(name, None)


def recent_names(client: CacheClient, cache_name: str) -> RecentNames:
    """Return the names that `client` has seen in the cache."""
    return _SEEN.setdefault(client, {}).setdefault(cache_name, RecentNames())
