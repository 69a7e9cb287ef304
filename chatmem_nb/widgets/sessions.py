"""The list of sessions, filtered and sorted here, with previews of those that are shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..stores.protocol import SessionStore
from ..stores.redis_glob import compile_glob
from .labelling import Labelling
from .protocol.requests import SessionsParams
from .request_parsing import RequestContext
from .session_listing import ListedSession, SessionListing
from .state import BrowserState

_PAGE_LIMIT: Final = 200
_AHEAD: Final = 50
"""Ids to list beyond those requested, so that the page knows how far it can scroll."""


class SessionList:
    """Lists sessions for the page, by one `SessionListing` until a refresh or another store."""

    def __init__(self, state: BrowserState, labelling: Labelling) -> None:
        self._state, self._labelling = state, labelling
        self._listing: SessionListing | None = None
        self._store: SessionStore | None = None

    async def sessions(self, params: SessionsParams, context: RequestContext) -> dict[str, Any]:
        """Return sessions `start` to `stop` of those that match, in the order of `sort`."""
        start = params.start
        stop = min(params.stop or start + 50, start + _PAGE_LIMIT)
        listing = self._fresh(params.refresh)
        self._forget_if_grown(listing)
        names = await self._listed(listing, params, stop, context)
        shown = names[start:stop]
        await listing.summarise(shown)
        rows = [listing.sessions[name].shown() for name in shown]
        await self._labelling.add_to_sessions(rows)
        return {
            "rows": rows,
            "tags": await self._labelling.tags(),
            "total": len(names) if listing.complete else None,
            "complete": listing.complete,
            "found": len(names),
            "at": names.index(params.of) if params.of in names else None,
            "listing_spent": {"requests": listing.requests, "billed": listing.billed},
            "cost": cost(listing.requests, listing.billed, self._state.connected().spent()),
        }

    async def ids(self, params: SessionsParams, context: RequestContext) -> list[str]:
        """Return the ids of sessions `start` to `stop` of that list; without `stop`, to its end."""
        listing = self._fresh(False)
        stop = sys.maxsize if params.stop is None else params.stop
        return (await self._listed(listing, params, stop, context))[params.start : stop]

    async def _listed(
        self, listing: SessionListing, params: SessionsParams, stop: int, context: RequestContext
    ) -> list[str]:
        """Return the ids that match `params`, in its order, at least up to `stop`."""
        fits, is_labelled = matcher(params.query), await self._labelling.session_filter(params.label)

        def matches(name: str) -> bool:
            return is_labelled(name) and fits(name)

        names = await self._names(listing, matches, params.sort, stop, context)
        if params.of and params.of not in names and not listing.complete and matches(params.of):
            await listing.look_for(params.of)
            names = [name for name in listing.ids if matches(name)]
        if params.descending and params.sort != "found":  # what is found so far has no other end yet
            names.reverse()
        return names

    def _forget_if_grown(self, listing: SessionListing) -> None:
        """Summarise the open session again if it has changed since."""
        opened = self._state.session
        known = listing.sessions.get(opened.session_id) if opened else None
        if opened and known and known.summary.length != opened.total:
            self.forget([opened.session_id])

    def forget(self, session_ids: Iterable[str]) -> None:
        """Summarise `session_ids` again when they are next shown."""
        if self._listing is not None:
            for name in session_ids:
                self._listing.sessions.pop(name, None)

    def forget_all(self) -> None:
        """List again at the next request."""
        self._listing = None

    def add(self, session_id: str) -> None:
        """Add a session that was created here at the top of the list, unless it is listed."""
        listing = self._listing
        if listing is not None and session_id not in listing.ids:
            listing.ids.insert(0, session_id)

    def discard(self, session_ids: Iterable[str]) -> None:
        """Remove sessions that were deleted here from the list."""
        gone = set(session_ids)
        if self._listing is not None:
            self._listing.ids[:] = [name for name in self._listing.ids if name not in gone]
            self.forget(gone)

    async def all_ids(self, context: RequestContext) -> list[str]:
        """Return the ids of all sessions of the store."""
        listing = self._fresh(False)
        await listing.find_more(
            lambda: False, lambda done: context.progress(done, None, "listing sessions", None)
        )
        return list(listing.ids)

    def _fresh(self, anew: bool) -> SessionListing:
        store = self._state.store
        if self._listing is None or self._store is not store or anew:
            self._listing, self._store = SessionListing(store), store
        return self._listing

    async def _names(
        self,
        listing: SessionListing,
        matches: Callable[[str], bool],
        sort: str,
        stop: int,
        context: RequestContext,
    ) -> list[str]:
        def tell(done: int) -> None:
            context.progress(done, None, "listing sessions", None)

        if sort == "found":
            await listing.find_more(_enough(listing, matches, stop + _AHEAD), tell)
            return [name for name in listing.ids if matches(name)]
        await listing.find_more(lambda: False, tell)
        names = [name for name in listing.ids if matches(name)]
        if sort == "id":
            return sorted(names, key=lambda name: (name.casefold(), name))
        await listing.summarise(
            names, lambda done: context.progress(done, len(names), "reading lengths and times", None)
        )
        return sorted(names, key=lambda name: _ORDERS[sort](listing.sessions[name]))


def matcher(query: str) -> Callable[[str], bool]:
    """Return a case-insensitive test of ids: whether one contains `query`, or matches its `*` and `?`."""
    folded = query.strip().casefold()
    if "*" not in folded and "?" not in folded:
        return lambda name: folded in name.casefold()
    pattern = compile_glob(re.sub(r"([\[\\])", r"\\\1", folded))  # brackets are part of many ids
    return lambda name: pattern.fullmatch(name.casefold()) is not None


def _enough(listing: SessionListing, matches: Callable[[str], bool], stop: int) -> Callable[[], bool]:
    """Return a check for `stop` matches that tests each id once."""
    looked_at = matched = 0

    def enough() -> bool:
        nonlocal looked_at, matched
        while looked_at < len(listing.ids):
            matched += matches(listing.ids[looked_at])
            looked_at += 1
        return matched >= stop

    return enough


def _time_of(session: ListedSession) -> float:
    return session.summary.last_write.timestamp() if session.summary.last_write else float("-inf")


def _ttl_of(session: ListedSession) -> float:
    ttl = session.ttl_s
    return float("inf") if ttl is None else ttl


_ORDERS: dict[str, Callable[[ListedSession], float]] = {
    "length": lambda session: session.summary.length,
    "last_write": _time_of,
    "ttl": _ttl_of,
}


def cost(requests: int, billed: int, spent: Mapping[str, int]) -> str:
    """Return the cost of listing, and of all requests so far, as text."""
    plural = "" if requests == 1 else "s"
    received = spent["bytes_received"]
    size = f"{received / 1e3:,.1f} kB" if received < 1e6 else f"{received / 1e6:,.1f} MB"
    return f"Listing: {requests:,} request{plural}, {billed:,} billed. In all {spent['requests']:,}, {size}"
