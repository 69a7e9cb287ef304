"""The list of sessions: filtered and sorted here, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ..stores.protocol import SessionStore
from ._listing import Line, Listing
from ._matching import matcher
from ._requests import Call, Params
from ._state import BrowserState
from ._words import cost

SORTS: Final = ("found", "id", "length", "last_write", "ttl")
PAGE_LIMIT: Final = 200


class SessionList:
    """The method of the page that lists sessions, over one `Listing` until something makes it old."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._listing: Listing | None = None
        self._store: SessionStore | None = None

    async def sessions(self, params: Params, call: Call) -> dict[str, Any]:
        """Return lines `start` to `stop` of those that match `query`, in the order of `sort`."""
        query, sort = params.text("query", "", limit=1_000), params.choice("sort", SORTS, "found")
        start = params.integer("start", 0)
        stop = min(params.integer("stop", start + 50), start + PAGE_LIMIT)
        listing = self._fresh(params.flag("refresh"))
        matches = matcher(query)
        names = await self._names(listing, matches, sort, stop, call)
        if params.flag("descending") and sort != "found":  # what is found so far has no other end yet
            names.reverse()
        shown = names[start:stop]
        await listing.summarise(shown)
        return {
            "rows": [listing.lines[name].shown() for name in shown],
            "total": len(names) if listing.complete else None,
            "complete": listing.complete,
            "found": len(names),
            "listing_spent": {"requests": listing.requests, "billed": listing.billed},
            "cost": cost(listing.requests, listing.billed, self._state.connected().spent()),
        }

    def forget(self, session_ids: Iterable[str]) -> None:
        """Read the lines of `session_ids` anew when they are next shown; list those that are new."""
        if self._listing is not None:
            for name in session_ids:
                self._listing.lines.pop(name, None)

    def forget_all(self) -> None:
        """List anew when next asked."""
        self._listing = None

    def appeared(self, session_id: str) -> None:
        """Put a session that came to be here first in the list, where it is not in it."""
        listing = self._listing
        if listing is not None and session_id not in listing.ids:
            listing.ids.insert(0, session_id)

    def went(self, session_ids: Iterable[str]) -> None:
        """Take sessions that were deleted here off the list."""
        gone = set(session_ids)
        if self._listing is not None:
            self._listing.ids[:] = [name for name in self._listing.ids if name not in gone]
            self.forget(gone)

    async def all_ids(self, call: Call) -> list[str]:
        """Return the ids of all sessions of the store."""
        listing = self._fresh(False)
        await listing.find_more(
            lambda: False, lambda done: call.progress(done, None, "listing sessions", None)
        )
        return list(listing.ids)

    def _fresh(self, anew: bool) -> Listing:
        store = self._state.store
        if self._listing is None or self._store is not store or anew:
            self._listing, self._store = Listing(store), store
        return self._listing

    async def _names(
        self, listing: Listing, matches: Callable[[str], bool], sort: str, stop: int, call: Call
    ) -> list[str]:
        def tell(done: int) -> None:
            call.progress(done, None, "listing sessions", None)

        if sort == "found":
            await listing.find_more(_enough(listing, matches, stop), tell)
            return [name for name in listing.ids if matches(name)]
        await listing.find_more(lambda: False, tell)
        names = [name for name in listing.ids if matches(name)]
        if sort == "id":
            return sorted(names, key=lambda name: (name.casefold(), name))
        await listing.summarise(
            names, lambda done: call.progress(done, len(names), "reading lengths and times", None)
        )
        return sorted(names, key=lambda name: _ORDERS[sort](listing.lines[name]))


def _enough(listing: Listing, matches: Callable[[str], bool], stop: int) -> Callable[[], bool]:
    """Return a check for `stop` matches that looks at each id once."""
    looked_at = matched = 0

    def enough() -> bool:
        nonlocal looked_at, matched
        while looked_at < len(listing.ids):
            matched += matches(listing.ids[looked_at])
            looked_at += 1
        return matched >= stop

    return enough


def _time_of(line: Line) -> float:
    return line.summary.last_write.timestamp() if line.summary.last_write else float("-inf")


def _ttl_of(line: Line) -> float:
    ttl = line.ttl_s
    return float("inf") if ttl is None else ttl


_ORDERS: dict[str, Callable[[Line], float]] = {
    "length": lambda line: line.summary.length,
    "last_write": _time_of,
    "ttl": _ttl_of,
}
