"""The list of sessions: found page by page, filtered and sorted here, summarised when shown."""

from __future__ import annotations

import asyncio
import fnmatch
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..markdown import showable, without_marks
from ..records import parse_start, stored_at
from ..stores.protocol import SessionStore, SessionSummary, commands_of
from .entries import cut, role_of, text_of
from .labelling import Labelling
from .protocol.requests import SessionsParams
from .reading import previews
from .request_parsing import Call
from .state import BrowserState

PREVIEW: Final = 120
_BATCH: Final = 100
_AHEAD: Final = 50
"""Ids that are listed beyond those wanted, so that the page knows how far it can scroll."""
_TOLD_EVERY: Final = 500
_PREVIEW_SOURCE: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """What the list knows of one session, without its words beyond a preview."""

    summary: SessionSummary
    first: dict[str, str] | None
    last: dict[str, str] | None
    read_at: datetime

    @classmethod
    def of(cls, summary: SessionSummary) -> Line:
        """Return the line of `summary`, and let go of the whole records in it."""
        first, last = preview(summary.first), preview(summary.last)
        write = summary.last_write or (stored_at(summary.last) if summary.last else None)
        lean = SessionSummary(summary.session_id, summary.length, summary.ttl, None, None, write)
        return cls(lean, first, last, datetime.now(UTC))

    @property
    def ttl_s(self) -> float | None:
        """Seconds that are left now."""
        if self.summary.ttl is None:
            return None
        return max(0.0, (self.summary.ttl - (datetime.now(UTC) - self.read_at)).total_seconds())

    def shown(self) -> dict[str, Any]:
        """Return the line as the page shows it."""
        write = self.summary.last_write
        return {
            "session_id": self.summary.session_id,
            "length": self.summary.length,
            "ttl_s": self.ttl_s,
            "first": self.first,
            "last": self.last,
            "last_write": write.isoformat() if write else None,
        }


class Listing:
    """The session ids of one store, found as far as needed, and the lines that were requested."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._pages: AsyncIterator[str] = store.asession_ids()
        self._turn = asyncio.Lock()
        self.ids: list[str] = []
        self.complete = False
        self.lines: dict[str, Line] = {}
        self.requests = self.billed = 0

    async def find_more(self, enough: Callable[[], bool], tell: Callable[[int], None]) -> None:
        """Go on listing until `enough` or to the end; what was found stays found if this is cancelled."""
        async with self._turn:
            before = self._spent()
            try:
                while not self.complete and not enough():
                    await self._step()
                    if len(self.ids) % _TOLD_EVERY == 0:
                        tell(len(self.ids))
            finally:
                self._spent_since(*before)

    async def _step(self) -> None:
        try:
            self.ids.append(await anext(self._pages))
        except StopAsyncIteration:
            self.complete = True
        except BaseException:
            # An iterator that raised or was cancelled is at its end: begin again, and skip what is known.
            self._pages = _new_only(self._store.asession_ids(), self.ids)
            raise

    async def summarise(
        self, session_ids: Iterable[str], tell: Callable[[int], None] = lambda done: None
    ) -> None:
        """Get the lines of `session_ids` that are not there yet."""
        missing = [name for name in session_ids if name not in self.lines]
        for start in range(0, len(missing), _BATCH):
            before = self._spent()
            try:
                found = await previews(self._store, missing[start : start + _BATCH])
            finally:
                self._spent_since(*before)
            self.lines.update((summary.session_id, Line.of(summary)) for summary in found)
            tell(min(start + _BATCH, len(missing)))

    def _spent(self) -> tuple[int, int]:
        commands = commands_of(self._store)
        return commands.requests, commands.billed

    def _spent_since(self, requests: int, billed: int) -> None:
        now = self._spent()
        self.requests += now[0] - requests
        self.billed += now[1] - billed


def preview(raw: str | None) -> dict[str, str] | None:
    """Return role and first words of a stored record."""
    if raw is None:
        return None
    if len(raw) > _PREVIEW_SOURCE:
        return {"role": "other", "text": f"a message of {len(raw) / 1e6:.0f} MB"}
    record = parse_start(raw)
    if record.error is not None:
        return {"role": "other", "text": cut(f"cannot be read: {record.error}", PREVIEW)}
    text = " ".join(showable(without_marks(text_of(record)[: PREVIEW * 4])).split())
    return {"role": role_of(record), "text": cut(text, PREVIEW)}


async def _new_only(names: AsyncIterator[str], known: list[str]) -> AsyncIterator[str]:
    seen = set(known)
    async for name in names:
        if name not in seen:
            yield name


SORTS: Final = ("found", "id", "length", "last_write", "ttl")
PAGE_LIMIT: Final = 200


class SessionList:
    """The method of the page that lists sessions, over one `Listing` until something makes it old."""

    def __init__(self, state: BrowserState, labelling: Labelling) -> None:
        self._state, self._labelling = state, labelling
        self._listing: Listing | None = None
        self._store: SessionStore | None = None

    async def sessions(self, params: SessionsParams, call: Call) -> dict[str, Any]:
        """Return lines `start` to `stop` of those that match `query`, in the order of `sort`."""
        start = params.start
        stop = min(params.stop or start + 50, start + PAGE_LIMIT)
        listing = self._fresh(params.refresh)
        self._forget_if_grown(listing)
        names = await self._listed(listing, params, stop, call)
        shown = names[start:stop]
        await listing.summarise(shown)
        rows = [listing.lines[name].shown() for name in shown]
        await self._labelling.add_to_sessions(rows)
        return {
            "rows": rows,
            "total": len(names) if listing.complete else None,
            "complete": listing.complete,
            "found": len(names),
            "at": names.index(params.of) if params.of in names else None,
            "listing_spent": {"requests": listing.requests, "billed": listing.billed},
            "cost": cost(listing.requests, listing.billed, self._state.connected().spent()),
        }

    async def ids(self, params: SessionsParams, call: Call) -> list[str]:
        """Return the ids of the sessions `start` to `stop` of that list, all from `start` without `stop`."""
        listing = self._fresh(False)
        stop = sys.maxsize if params.stop is None else params.stop
        return (await self._listed(listing, params, stop, call))[params.start : stop]

    async def _listed(self, listing: Listing, params: SessionsParams, stop: int, call: Call) -> list[str]:
        """Return the sessions that match `params`, in its order; as far as `stop` at least."""
        fits, is_labelled = matcher(params.query), await self._labelling.session_filter(params.label)

        def matches(name: str) -> bool:
            return is_labelled(name) and fits(name)

        names = await self._names(listing, matches, params.sort, stop, call)
        if params.descending and params.sort != "found":  # what is found so far has no other end yet
            names.reverse()
        return names

    def _forget_if_grown(self, listing: Listing) -> None:
        """Read the line of the open session anew if others have changed it since."""
        opened = self._state.session
        line = listing.lines.get(opened.session_id) if opened else None
        if opened and line and line.summary.length != opened.total:
            self.forget([opened.session_id])

    def forget(self, session_ids: Iterable[str]) -> None:
        """Read the lines of `session_ids` again when they are next shown."""
        if self._listing is not None:
            for name in session_ids:
                self._listing.lines.pop(name, None)

    def forget_all(self) -> None:
        """List again at the next request."""
        self._listing = None

    def appeared(self, session_id: str) -> None:
        """Put a session that was created here first in the list, unless it is there."""
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
            await listing.find_more(_enough(listing, matches, stop + _AHEAD), tell)
            return [name for name in listing.ids if matches(name)]
        await listing.find_more(lambda: False, tell)
        names = [name for name in listing.ids if matches(name)]
        if sort == "id":
            return sorted(names, key=lambda name: (name.casefold(), name))
        await listing.summarise(
            names, lambda done: call.progress(done, len(names), "reading lengths and times", None)
        )
        return sorted(names, key=lambda name: _ORDERS[sort](listing.lines[name]))


def matcher(query: str) -> Callable[[str], bool]:
    """Return whether an id contains `query`, or matches it if it has `*` or `?`; case does not count."""
    folded = query.strip().casefold()
    if "*" not in folded and "?" not in folded:
        return lambda name: folded in name.casefold()
    pattern = re.compile(fnmatch.translate(folded.replace("[", "[[]")))  # brackets are part of many ids
    return lambda name: pattern.match(name.casefold()) is not None


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


def cost(requests: int, billed: int, spent: Mapping[str, int]) -> str:
    """Return what listing has cost, and all requests so far, as text."""
    plural = "" if requests == 1 else "s"
    received = spent["bytes_received"]
    size = f"{received / 1e3:,.1f} kB" if received < 1e6 else f"{received / 1e6:,.1f} MB"
    return f"Listing: {requests:,} request{plural}, {billed:,} billed. In all {spent['requests']:,}, {size}"
