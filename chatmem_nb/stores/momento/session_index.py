"""The ids of the sessions in a sorted set, since Momento cannot list keys. Plans only; no I/O."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from momento import CacheClient

from ...errors import StoreError
from ..plans import Plan, Send, ask
from ..redis_glob import compile_glob
from .commands import KeysExist, ListLength
from .index_commands import AddName, FetchNames, FetchScores, PutNames, RemoveNames
from .session_list import as_text

_log = logging.getLogger(__name__)

_PAGE = 500
_DAY_MS = timedelta(hours=24) // timedelta(milliseconds=1)
_YOUNG_S = 60.0
"""A name younger than this may precede its list."""
_TOGETHER = 50
_RECENT_S = 60.0
"""After this, a name counts as unknown again: the index may have expired, or another client removed it."""
_MOST_RECENT = 100_000


class RecentNames:
    """A set of (key of the index, session id) whose entries expire after `ttl_s`, with `most` at most."""

    def __init__(self, ttl_s: float = _RECENT_S, most: int = _MOST_RECENT) -> None:
        self._ttl_s, self._most = ttl_s, most
        self._expires: dict[tuple[bytes, str], float] = {}

    def __contains__(self, name: tuple[bytes, str]) -> bool:
        return time.monotonic() < self._expires.get(name, 0.0)

    def add(self, name: tuple[bytes, str]) -> None:
        """Add `name`, or renew it."""
        if len(self._expires) >= self._most:
            self._expires.clear()
        self._expires[name] = time.monotonic() + self._ttl_s

    def discard(self, name: tuple[bytes, str]) -> None:
        """Remove `name` if it is there."""
        self._expires.pop(name, None)


class NameCursor:
    """The position in a listing, and the names that were returned.

    Pages go from the newest score to the oldest. A session that is written to meanwhile moves to the top,
    above the position: so once the bottom is reached, the names above the first page are read again, until
    they fit into one page.
    """

    def __init__(self, match: str | None) -> None:
        self._match = None if match is None else compile_glob(match)
        self._seen: set[bytes] = set()
        self._size = _PAGE
        self.left = True
        self._begin(lowest=None)

    def _begin(self, lowest: float | None) -> None:
        """Start again at the top, down to `lowest`."""
        self._lowest = lowest
        self._highest: float | None = None
        self._top: float | None = None

    def request(self, key: bytes) -> FetchNames:
        """Return the request for the next page."""
        return FetchNames(key, self._lowest, self._highest, self._size)

    def advance(self, page: Sequence[tuple[bytes, float]]) -> list[tuple[bytes, float]]:
        """Return the new names in `page` that match, and move on to the next page."""
        new = [(name, score) for name, score in page if name not in self._seen]
        self._seen.update(name for name, _ in new)
        first = self._highest is None
        if first and page:
            self._top = page[0][1]
        if len(page) == self._size:
            if not first and page[-1][1] == self._highest:  # more names share one score than fit into a page
                self._size *= 2
            self._highest = page[-1][1]
        elif first:
            self.left = False
        else:
            self._begin(lowest=self._top)
        return [(name, score) for name, score in new if self._matches(name)]

    def _matches(self, name: bytes) -> bool:
        return self._match is None or self._match.fullmatch(as_text(name)) is not None


class SessionIndex:
    """The names of the sessions under one prefix."""

    def __init__(self, key_prefix: str, ttl_ms: int | None, recent: RecentNames) -> None:
        self._prefix = key_prefix.encode()
        # Outside the prefix, so that it cannot be the key of a session.
        self._key = b"chatmem_nb:sessions:" + self._prefix
        # A day is Momento's maximum on demand; provisioned storage allows more.
        self._ttl_ms = max(_DAY_MS, ttl_ms or 0)
        self._recent = recent

    def written(self, session_ids: Sequence[str], ttl_ms: int | None = None) -> PutNames:
        """Return the request that records a write to the sessions now; `ttl_ms` is that of the sessions."""
        names = [session_id.encode() for session_id in session_ids]
        return PutNames(self._key, names, time.time(), max(self._ttl_ms, ttl_ms or 0))

    def put(self, session_ids: Sequence[str]) -> Plan[None]:
        """Add the names of sessions that were written to; log a failure."""
        # Raising would make the caller store the records again. The next write or read retries.
        (outcome,) = yield Send([self.written(session_ids)], return_errors=True)
        for session_id in session_ids:
            if isinstance(outcome, StoreError):
                _log.warning("session %r was written, but not put into the index: %s", session_id, outcome)
            else:
                self.remember(session_id)

    def heal(self, session_ids: Iterable[str]) -> Plan[None]:
        """Add the names of sessions that were read, unless they are known to be there; keep their scores."""
        unknown = [one for one in session_ids if (self._key, one) not in self._recent]
        if not unknown:
            return
        names = [AddName(self._key, session_id.encode(), self._ttl_ms) for session_id in unknown]
        outcomes = yield Send(names, return_errors=True)
        for session_id, outcome in zip(unknown, outcomes, strict=True):
            if isinstance(outcome, StoreError):  # the records were read; the next read retries
                _log.warning("session %r was read, but not put into the index: %s", session_id, outcome)
            else:
                self.remember(session_id)

    def remember(self, session_id: str) -> None:
        """Note that the name is in the index."""
        self._recent.add((self._key, session_id))

    def remove(self, session_ids: Sequence[str]) -> Plan[set[str]]:
        """Remove the names of deleted lists; return those added again because others wrote meanwhile.

        An append adds the name before it pushes to the list, and a removal may happen between the two.
        """
        for session_id in session_ids:
            self._recent.discard((self._key, session_id))
        yield from ask(RemoveNames(self._key, [session_id.encode() for session_id in session_ids]))
        exist = yield from ask(KeysExist([self._prefix + session_id.encode() for session_id in session_ids]))
        back = [session_id for session_id, exists in zip(session_ids, exist, strict=True) if exists]
        if back:
            yield Send([self.written(back)])
        return set(back)

    def page(self, cursor: NameCursor) -> Plan[list[str]]:
        """Return the next names whose lists exist; remove those whose lists have expired."""
        page = yield from ask(cursor.request(self._key), new_deadline=True)
        named = {as_text(name): (self._prefix + name, score) for name, score in cursor.advance(page)}
        if not named:
            return []
        exist = yield from ask(KeysExist([key for key, _ in named.values()]))
        doubtful = [one for one, exists in zip(named, exist, strict=True) if not exists]
        gone = yield from self._without_list({one: named[one][0] for one in doubtful})
        old = time.time() - _YOUNG_S
        expired = [session_id for session_id in gone if named[session_id][1] < old]
        back: set[str] = (yield from self.remove(expired)) if expired else set()
        there = [session_id for session_id in named if session_id not in gone or session_id in back]
        for session_id in there:
            self.remember(session_id)
        return there

    def _without_list(self, keys: dict[str, bytes]) -> Plan[set[str]]:
        """Return which sessions have no list, asking for each one before its name is removed."""
        gone: set[str] = set()
        left = list(keys)
        for start in range(0, len(left), _TOGETHER):
            asked = left[start : start + _TOGETHER]
            lengths = yield Send([ListLength(keys[session_id]) for session_id in asked], new_deadline=True)
            gone.update(one for one, length in zip(asked, lengths, strict=True) if length == 0)
        return gone

    def last_writes(self, session_ids: Sequence[str]) -> FetchScores:
        """Return the request for the times of the last writes; `as_time` reads its response."""
        return FetchScores(self._key, [session_id.encode() for session_id in session_ids])


def as_time(score: float | None) -> datetime | None:
    """Return the time of a score; None for a session that was only read here."""
    return datetime.fromtimestamp(score, UTC) if score else None


# By client and not by store: histories are often created for each message, over one client.
_RECENT: WeakKeyDictionary[CacheClient, dict[str, RecentNames]] = WeakKeyDictionary()


def recent_names(client: CacheClient, cache_name: str) -> RecentNames:
    """Return the names that `client` has seen in the cache."""
    return _RECENT.setdefault(client, {}).setdefault(cache_name, RecentNames())
