"""The data of an account: caches of items, which have a type and a TTL.

https://docs.momentohq.com/cache/develop/api-reference/collection-ttl
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeVar

from chatmem_nb.local.momento.errors import invalid, no_such_cache, wrong_type
from chatmem_nb.local.momento.limits import MomentoLimits
from chatmem_nb.local.momento.signing_keys import SigningKeys

Element = tuple[float, bytes]
"""A score and its value. Tuples sort as the service sorts: by score, then by the value's bytes."""

_score = itemgetter(0)


class SortedSet:
    """Unique values, each with a score. Ranks count from 0, lowest score first."""

    def __init__(self) -> None:
        self._scores: dict[bytes, float] = {}
        self._ordered: list[Element] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def put(self, value: bytes, score: float) -> None:
        self.remove(value)
        self._scores[value] = score
        insort(self._ordered, (score, value))

    def remove(self, value: bytes) -> None:
        score = self._scores.pop(value, None)
        if score is not None:
            del self._ordered[bisect_left(self._ordered, (score, value))]

    def score(self, value: bytes) -> float | None:
        return self._scores.get(value)

    def rank(self, value: bytes) -> int | None:
        score = self._scores.get(value)
        return None if score is None else bisect_left(self._ordered, (score, value))

    def below(self, score: float, *, inclusive: bool) -> int:
        """Count the values with a score below `score`, or up to it if `inclusive`."""
        bisect = bisect_right if inclusive else bisect_left
        return bisect(self._ordered, score, key=_score)

    def between(self, start: int, stop: int, *, descending: bool = False) -> list[Element]:
        """Return the elements of ranks `start` to `stop`, highest first if `descending`."""
        elements = self._ordered[start:stop]
        return elements[::-1] if descending else elements


Collection = list[bytes] | dict[bytes, bytes] | set[bytes] | SortedSet
Value = bytes | Collection
T = TypeVar("T", bytes, list[bytes], dict[bytes, bytes], set[bytes], SortedSet)
C = TypeVar("C", list[bytes], dict[bytes, bytes], set[bytes], SortedSet)

_NAMES = {bytes: "a scalar", list: "a list", dict: "a dictionary", set: "a set", SortedSet: "a sorted set"}


@dataclass(slots=True)
class Item:
    value: Value
    expires_at: float
    """In seconds of `time.monotonic`."""


class Cache:
    """The items of one cache. Expired items are never returned, even before they are freed."""

    def __init__(self, limits: MomentoLimits) -> None:
        self.limits = limits
        self._items: dict[bytes, Item] = {}

    def item(self, key: bytes) -> Item | None:
        """Return the item of `key`, or None. Raises: MomentoError for an empty key."""
        if not key:
            raise invalid("The key must not be empty.")
        item = self._items.get(key)
        if item is not None and item.expires_at <= time.monotonic():
            del self._items[key]
            return None
        return item

    def find(self, key: bytes, kind: type[T]) -> T | None:
        """Return the value of `key`, or None. Raises: MomentoError if it is of another kind."""
        item = self.item(key)
        if item is None:
            return None
        if not isinstance(item.value, kind):
            raise wrong_type(f"The key holds {_NAMES[type(item.value)]}, not {_NAMES[kind]}.")
        return item.value

    def put(self, key: bytes, value: Value, ttl_milliseconds: int) -> None:
        self._items[key] = Item(value, time.monotonic() + self.limits.seconds(ttl_milliseconds))

    def open(self, key: bytes, kind: type[C], ttl_milliseconds: int, refresh_ttl: bool) -> C:
        """Return the collection of `key` for a write, with its TTL set if it is new or refreshed."""
        value, seconds = self.find(key, kind), self.limits.seconds(ttl_milliseconds)
        if value is None:
            value = kind()
            self._items[key] = Item(value, time.monotonic() + seconds)
        elif refresh_ttl:
            self._items[key].expires_at = time.monotonic() + seconds
        return value

    def drop(self, key: bytes) -> None:
        self._items.pop(key, None)

    def drop_if_empty(self, key: bytes) -> None:
        """Delete a collection that has no elements left."""
        item = self._items.get(key)
        if item is not None and not item.value:
            del self._items[key]

    def clear(self) -> None:
        self._items.clear()

    def sweep(self) -> None:
        """Free every item that has expired."""
        now = time.monotonic()
        for key in [key for key, item in self._items.items() if item.expires_at <= now]:
            del self._items[key]


class Account:
    """Caches and signing keys. Not thread-safe: the caller holds the lock."""

    def __init__(self, limits: MomentoLimits) -> None:
        self.limits = limits
        self.signing_keys = SigningKeys()
        self._caches: dict[str, Cache] = {}
        self._sweep_at = 0.0

    def names(self) -> list[str]:
        return list(self._caches)

    def __contains__(self, name: str) -> bool:
        return name in self._caches

    def create(self, name: str) -> None:
        self._caches[name] = Cache(self.limits)

    def delete(self, name: str) -> None:
        self.get(name)
        del self._caches[name]

    def get(self, name: str | None) -> Cache:
        """Return the cache of this name. Raises: MomentoError if it does not exist."""
        if not name:
            raise invalid("The cache name must not be empty.")
        if name not in self._caches:
            raise no_such_cache(name)
        return self._caches[name]

    def sweep_when_due(self) -> None:
        """Free expired items, so seldom that it takes at most a hundredth of the time."""
        started = time.monotonic()
        if started < self._sweep_at:
            return
        for cache in self._caches.values():
            cache.sweep()
        ended = time.monotonic()
        self._sweep_at = ended + max(1.0, 100 * (ended - started))
