"""Figures of one session: messages, turns, tokens, tools, span of time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from .. import content
from ..markdown import showable
from ..records import StoredMessage
from .entries import failure_of, role_of, short
from .protocol.requests import StatsParams
from .reading import records
from .request_parsing import RequestContext
from .state import BrowserState, OpenSession, stale

SCANNED: Final = 2_000
"""Messages that are counted, unless all are requested."""
FAILURES_TOLD: Final = 10_000
_PIECE: Final = 1_000
_TOOLS_TOLD: Final = 50


@dataclass(slots=True)
class Figures:
    """What was counted in the first `scanned` messages."""

    scanned: int = 0
    turns: int = 0
    bad: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    failed: list[int] = field(default_factory=list)
    """Indexes of the messages that hold the result of a call that failed, or looks as if."""

    def add(self, records: list[StoredMessage]) -> None:
        """Count `records`, which follow those before."""
        for record in records:
            self.scanned += 1
            if record.error is not None or record.data is None:
                self.bad += 1
                continue
            self._add(record, record.data)

    def _add(self, record: StoredMessage, data: dict[str, Any]) -> None:
        self.turns += role_of(record) == "human"
        for name, count in zip(("input", "output", "total"), content.usage(data), strict=False):
            if count is not None:
                self.tokens[name] += count
        for call in content.tool_calls(data):
            self.tools[short(call.name) or "unnamed tool"] += 1
        if failure_of(record) is not None and len(self.failed) < FAILURES_TOLD:
            self.failed.append(record.index)
        if record.stored_at is not None:
            self.first = min(self.first or record.stored_at, record.stored_at)
            self.last = max(self.last or record.stored_at, record.stored_at)

    def shown(self, total: int, newest: datetime | None) -> dict[str, Any]:
        """Return the figures as the page shows them, of a session of `total` messages."""
        last = max((stamp for stamp in (self.last, newest) if stamp is not None), default=None)
        tokens = {name: self.tokens.get(name) for name in ("input", "output", "total")}
        return {
            "messages": total,
            "turns": self.turns,
            "tokens": tokens if self.tokens else None,
            "tools": [{"name": name, "calls": calls} for name, calls in self.tools.most_common(_TOOLS_TOLD)],
            "bad": self.bad,
            "failed": list(self.failed),
            "first_time": self.first.isoformat() if self.first else None,
            "last_time": last.isoformat() if last else None,
            "partial": self.scanned < total,
            "scanned": min(self.scanned, total),
        }


class Statistics:
    """The method of the page that counts; what was counted is kept, so that an append costs only itself."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state
        self._epoch: int | None = None
        self._figures = Figures()
        self._turn = asyncio.Lock()

    async def stats(self, params: StatsParams, context: RequestContext) -> dict[str, Any]:
        """Return the figures of the open session: of its first 2,000 messages, or, with `all`, of all."""
        opened = self._state.at(params.session_id, params.epoch)
        stop = opened.total if params.all else min(opened.total, SCANNED)
        async with self._turn:
            if self._epoch != opened.epoch:
                self._epoch, self._figures = opened.epoch, Figures()
            figures = self._figures
            while figures.scanned < stop:
                await self._scan(figures, opened.session_id, opened.epoch, stop)
                context.progress(figures.scanned, stop, "counting", None)
        return await self._shown(opened, figures)

    async def of_whole(self, opened: OpenSession, records: list[StoredMessage]) -> dict[str, Any]:
        """Return the figures of the open session, of which `records` are all: nothing is read for it."""
        async with self._turn:
            self._epoch, self._figures = opened.epoch, Figures()
            self._figures.add(records)
        return await self._shown(opened, self._figures)

    async def _shown(self, opened: OpenSession, figures: Figures) -> dict[str, Any]:
        newest = (
            await self._newest(opened.session_id, opened.total) if figures.scanned < opened.total else None
        )
        self._state.at(opened.session_id, opened.epoch)
        shown = figures.shown(opened.total, newest)
        return {**shown, "facts": {**facts(shown), **await self._facts(opened.session_id)}}

    async def _facts(self, session_id: str) -> dict[str, str]:
        """Return what the source has to say of a session beside its messages."""
        tell = getattr(self._state.store, "afacts", None)
        return (
            {}
            if tell is None
            else {label: showable(text) for label, text in (await tell(session_id)).items()}
        )

    async def _scan(self, figures: Figures, session_id: str, epoch: int, stop: int) -> None:
        start = figures.scanned
        found = await records(self._state.store, session_id, start, min(stop, start + _PIECE))
        self._state.at(session_id, epoch)
        if not found:
            self._state.count(session_id, await self._state.store.alength(session_id), changed=True)
            raise stale()
        figures.add(found)

    async def _newest(self, session_id: str, total: int) -> datetime | None:
        newest = await records(self._state.store, session_id, total - 1, total)
        return newest[0].stored_at if newest else None


def facts(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return figures of a session as the header shows them: label -> words, without what is not known.

    The page adds the days from the first to the last message, in its own time zone.
    """
    tokens = figures["tokens"]
    words = {
        "Turns": f"{figures['turns']:,}",
        "Tokens": f"{tokens['input'] or 0:,} in, {tokens['output'] or 0:,} out" if tokens else "",
        "Tools": ", ".join(f"{tool['name']} ×{tool['calls']:,}" for tool in figures["tools"]),
        "Unreadable": f"{figures['bad']:,}" if figures["bad"] else "",
    }
    return {label: text for label, text in words.items() if text}
