"""What a client has seen of a cache lately. Hints that save requests; each is wrong if others were faster."""

from __future__ import annotations

import time
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from momento import CacheClient

K = TypeVar("K")
V = TypeVar("V")

_NAMES_S = 60.0
"""After this, a name counts as unknown again: the index may have expired, or another client removed it."""
_LENGTHS_S = 10.0
_MOST = 100_000

# By client and not by store: histories are often made anew for each message, over one client.
_RECENT: WeakKeyDictionary[CacheClient, dict[str, Recent]] = WeakKeyDictionary()


class ExpiringMap(Generic[K, V]):
    """A dict that forgets each entry after `ttl_s`, and all of them beyond `most`. For every thread."""

    def __init__(self, ttl_s: float, most: int = _MOST) -> None:
        self._ttl_s, self._most = ttl_s, most
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """Return what was put under `key`; None if that was too long ago."""
        expires, value = self._entries.get(key, (0.0, None))
        return value if time.monotonic() < expires else None

    def put(self, key: K, value: V) -> None:
        """Keep `value` from now on."""
        if len(self._entries) >= self._most:
            self._entries.clear()
        self._entries[key] = time.monotonic() + self._ttl_s, value

    def drop(self, key: K) -> None:
        """Forget `key`."""
        self._entries.pop(key, None)


class Recent:
    """What one client has seen of one cache."""

    def __init__(self) -> None:
        self.names: ExpiringMap[tuple[bytes, str], bool] = ExpiringMap(_NAMES_S)
        """Session ids that are in an index, by the key of the index."""
        self.lengths: ExpiringMap[bytes, int] = ExpiringMap(_LENGTHS_S)
        """Lengths that lists had."""


def recent(client: CacheClient, cache_name: str) -> Recent:
    """Return what `client` has seen of the cache."""
    return _RECENT.setdefault(client, {}).setdefault(cache_name, Recent())
