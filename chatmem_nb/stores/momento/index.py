"""The ids of the sessions in a sorted set of their own, since Momento lists no keys. Plans only; no I/O."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from .exchange import Deadline, Exchange, Plan, known
from .glob import compile_glob
from .lists import as_text
from .operations import (
    FetchNames,
    FetchScores,
    KeepName,
    KeysExist,
    ListLength,
    PutName,
    RemoveNames,
)
from .seen import Seen

_PAGE = 500
_LIVES_MS = timedelta(hours=24) // timedelta(milliseconds=1)
"""The longest that Momento lets anything live by default: no list outlives its name."""
_YOUNG_S = 60.0
"""A name this young may be there before its list."""


class Listing:
    """A listing of all names under way: what was seen, and where it goes on.

    The newest come first, page by page by score. A session that is written to meanwhile moves to the top,
    behind the reader's back: so what has come above the first page is read next, until that is one page.
    """

    def __init__(self, match: str | None) -> None:
        self._match = None if match is None else compile_glob(match)
        self._seen: set[bytes] = set()
        self._size = _PAGE
        self.left = True
        self._begin(lowest=None)

    def _begin(self, lowest: float | None) -> None:
        """Start at the top once more, down to `lowest`."""
        self._lowest = lowest
        self._highest: float | None = None
        self._top: float | None = None

    def request(self, key: bytes) -> FetchNames:
        """Return the request for the next page."""
        return FetchNames(key, self._lowest, self._highest, self._size)

    def turn(self, page: Sequence[tuple[bytes, float]]) -> list[tuple[bytes, float]]:
        """Return what is new in `page` and matches, and go on behind it."""
        new = [(name, score) for name, score in page if name not in self._seen]
        self._seen.update(name for name, _ in new)
        first = self._highest is None
        if first and page:
            self._top = page[0][1]
        if len(page) == self._size:
            if not first and page[-1][1] == self._highest:  # more than a page with one score
                self._size *= 2
            self._highest = page[-1][1]
        elif first:
            self.left = False
        else:
            self._begin(lowest=self._top)
        return [(name, score) for name, score in new if self._matches(name)]

    def _matches(self, name: bytes) -> bool:
        return self._match is None or self._match.fullmatch(as_text(name)) is not None


class IndexPlans:
    """What can be done with the names of the sessions under one prefix."""

    def __init__(self, exchange: Exchange, key_prefix: str, ttl_ms: int | None, seen: Seen) -> None:
        self._exchange = exchange
        self._prefix = key_prefix.encode()
        # Outside of the prefix, so that it can be no session's key by chance.
        self._key = b"chatmem_nb:sessions:" + self._prefix
        self._ttl_ms = max(_LIVES_MS, ttl_ms or 0)
        self._seen = seen

    def knows(self, session_id: str) -> bool:
        """Whether the name was put already, by the same client."""
        return self._seen.name(self._key, session_id)

    def written(self, session_id: str) -> PutName:
        """Return the request that says that the session is written to now."""
        return PutName(self._key, session_id.encode(), time.time(), self._ttl_ms)

    def put(self, session_id: str, deadline: Deadline) -> Plan[None]:
        """Put the name, with the time of now."""
        yield from self._exchange.ask(self.written(session_id), deadline)
        self.remember(session_id)

    def keep(self, session_id: str, deadline: Deadline) -> Plan[None]:
        """Put the name if it is not there: of a session that something else wrote, and that is read here."""
        name = KeepName(self._key, session_id.encode(), self._ttl_ms)
        yield from self._exchange.ask(name, deadline)
        self.remember(session_id)

    def forget(self, session_id: str, deadline: Deadline) -> Plan[None]:
        """Take the name out."""
        self._seen.drop_name(self._key, session_id)
        yield from self._exchange.ask(RemoveNames(self._key, [session_id.encode()]), deadline)

    def page(self, listing: Listing, deadline: Deadline) -> Plan[list[str]]:
        """Return the next names whose lists are there; names whose lists have expired are taken out."""
        page = yield from self._exchange.ask(listing.request(self._key), deadline)
        named = listing.turn(page)
        if not named:
            return []
        keys = [self._prefix + name for name, _ in named]
        there = yield from self._exchange.ask(KeysExist(keys), deadline)
        doubtful = [key for key, exists in zip(keys, there, strict=True) if not exists]
        gone = yield from self._without_list(doubtful, deadline)
        old = time.time() - _YOUNG_S
        if expired := [name for name, score in named if self._prefix + name in gone and score < old]:
            yield from self._exchange.ask(RemoveNames(self._key, expired), deadline)
        return [as_text(name) for name, _ in named if self._prefix + name not in gone]

    def _without_list(self, keys: Sequence[bytes], deadline: Deadline) -> Plan[set[bytes]]:
        """Which of `keys` have no list: asked for each, before a name is taken out for good."""
        gone: set[bytes] = set()
        for at in range(0, len(keys), 50):
            asked = keys[at : at + 50]
            lengths = yield from self._exchange.ask_all([ListLength(key) for key in asked], deadline)
            gone.update(key for key, length in zip(asked, lengths, strict=True) if known(length) == 0)
            deadline.renew()
        return gone

    def last_writes(self, session_ids: Sequence[str]) -> FetchScores:
        """Return the request for the times of the last writes; `as_time` reads its answer."""
        return FetchScores(self._key, [session_id.encode() for session_id in session_ids])

    def remember(self, session_id: str) -> None:
        """The name is in the index from now on."""
        self._seen.put_name(self._key, session_id)


def as_time(score: float | None) -> datetime | None:
    """Return the time that a score means; None where a session was only read here."""
    return datetime.fromtimestamp(score, UTC) if score else None
