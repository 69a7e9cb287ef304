"""Removing messages, clearing sessions, and the undo of both; `permissions` bars them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ..errors import StoreError
from ..markdown import showable
from ..stores.protocol import SessionStore
from .jobs import uncancelled
from .protocol.requests import MessageParams, NoParams, SessionIdsParams
from .reading import changed, identity_of, summaries
from .request_errors import RequestError
from .request_parsing import RequestContext
from .sessions import SessionList
from .state import BrowserState
from .undo import (
    UNDO_LIMIT,
    Removal,
    RemovedRecords,
    UndoStack,
    copy_sessions,
    delete_copied,
    measured,
    size_of,
)

_NO_UNDO: Final = "More than 50 MB cannot be restored: clearing this cannot be undone."


class SessionEditor:
    """The methods of the page that remove something, and undo that."""

    def __init__(self, state: BrowserState, sessions: SessionList) -> None:
        self._state, self._sessions = state, sessions
        self._turn = asyncio.Lock()
        self._confirmed_without_undo: frozenset[str] = frozenset()
        self.undos = UndoStack()

    async def remove(self, params: MessageParams, context: RequestContext) -> dict[str, Any]:
        """Remove one message of the open session, unless it is no longer the one that the page shows."""
        store = self._state.store
        opened = self._state.at(params.session_id, params.epoch)
        index, identity = params.index, params.identity

        def is_meant(raw: str) -> bool:
            self._state.at(opened.session_id, opened.epoch)
            return identity_of(raw) == identity

        return await uncancelled(self._remove(store, opened.session_id, index, is_meant))

    async def remove_record(self, session_id: str, index: int, record: str) -> None:
        """Remove the message at `index` for Python, which has read `record` there.

        Raises: StoreError; StoreConflictError if another record is there now.
        """
        await uncancelled(self._remove(self._state.store, session_id, index, lambda raw: raw == record))

    async def measure_clear(self, params: SessionIdsParams, context: RequestContext) -> dict[str, Any]:
        """Return what clearing would remove, and whether it could be undone."""
        store = self._state.store
        names = params.session_ids
        found = [(summary.session_id, summary.length) for summary in await summaries(store, names)]
        messages = sum(length for _, length in found)
        size = await measured(
            store,
            [name for name, length in found if length],
            lambda read: context.progress(read, messages, "measuring", None),
        )
        if size is None:
            self._confirmed_without_undo = frozenset(names)
        return {
            "sessions": [{"session_id": name, "length": length} for name, length in found],
            "messages": messages,
            "bytes": size,
            "undoable": size is not None,
            "note": _NO_UNDO if size is None else "",
        }

    async def clear(self, params: SessionIdsParams, context: RequestContext) -> dict[str, Any]:
        """Delete whole sessions, and keep them for the undo.

        What is too large to be kept is deleted only if `measure_clear` said so of the same sessions before.
        """
        names = params.session_ids
        return await self.clear_sessions(names, without_undo=frozenset(names) == self._confirmed_without_undo)

    async def clear_sessions(self, names: Sequence[str], *, without_undo: bool) -> dict[str, Any]:
        """Delete the sessions `names`; those above the limit of the undo only with `without_undo`."""
        store = self._state.store
        if not names:
            raise RequestError("invalid", "Name at least one session.", field="session_ids")
        copies = await copy_sessions(store, names)
        if copies is None and not without_undo:
            raise RequestError("too_large", f"{_NO_UNDO} Nothing was cleared; confirm that first.")
        self._confirmed_without_undo = frozenset()
        return await uncancelled(self._clear(store, names, copies))

    async def undo(self, params: NoParams, context: RequestContext) -> dict[str, Any]:
        """Bring back what the last removal or clearing took."""
        return await uncancelled(self._undo(self._state.store))

    async def _remove(
        self, store: SessionStore, session_id: str, index: int, is_meant: Callable[[str], bool]
    ) -> dict[str, Any]:
        async with self._turn:
            raws = await store.aread(session_id, index, index + 1)
            if not raws or not is_meant(raws[0]):
                raise await changed(self._state, session_id)
            [summary] = await summaries(store, [session_id])
            taken = RemovedRecords(session_id, index, (raws[0],), summary.ttl)
            label = f"message {index + 1:,} of {_named([session_id])}"
            try:
                removed = await store.aremove(session_id, index, raws[0])
            except StoreError:
                self.undos.keep(Removal(label, (replace(taken, certain=False),)))
                raise
            if not removed:
                raise await changed(self._state, session_id)
            self.undos.keep(Removal(label, (taken,)))
            total = max(0, summary.length - 1)
            now = self._state.count(session_id, total, changed=True)
            self._sessions.forget([session_id])
            return {"epoch": now.epoch if now else None, "total": total, "undo": self.undos.shown()}

    async def _clear(
        self, store: SessionStore, names: Sequence[str], copies: Mapping[str, RemovedRecords] | None
    ) -> dict[str, Any]:
        """Delete `names`; with `copies`, exactly the records that were copied."""
        cleared: list[str] = []
        kept: list[RemovedRecords] = []
        async with self._turn:
            try:
                if copies is None:
                    for name in names:
                        if await store.adelete(name):
                            cleared.append(name)
                else:
                    free = UNDO_LIMIT - sum(size_of(copy.records) for copy in copies.values())
                    for name, copy in copies.items():
                        await delete_copied(store, copy, free + size_of(copy.records), kept.append)
                        cleared.append(name)
            finally:
                if kept:
                    label = _named([copy.session_id for copy in kept])
                    self.undos.keep(Removal(label, tuple(kept)))
                later = await self._cleared(store, cleared)
        missing = [name for name in names if name not in cleared]
        undo = self.undos.shown() if kept else None
        return {"cleared": cleared, "missing": missing, "later": later, "undo": undo}

    async def _cleared(self, store: SessionStore, names: Sequence[str]) -> list[dict[str, Any]]:
        """Note that `names` were cleared, and return those that hold messages of others again."""
        try:
            found = await summaries(store, names) if names else []
        except StoreError:  # they were cleared all the same; opening them will show this error
            found = []
        lengths = {summary.session_id: summary.length for summary in found if summary.length}
        self._sessions.discard([name for name in names if name not in lengths])
        self._sessions.forget(lengths)
        for name in names:
            self._state.count(name, lengths.get(name, 0), changed=True)
        self._state.tell_sessions()
        return [{"session_id": name, "length": length} for name, length in lengths.items()]

    async def _undo(self, store: SessionStore) -> dict[str, Any]:
        async with self._turn:
            change = await self.undos.restore(store)
            now = None
            for taken in change.taken:
                self._sessions.add(taken.session_id)
                self._sessions.forget([taken.session_id])
                length = await store.alength(taken.session_id)
                now = self._state.count(taken.session_id, length, changed=True) or now
            self._state.tell_sessions()
        return {
            "label": change.label,
            "session_id": now.session_id if now else change.taken[0].session_id,
            "epoch": now.epoch if now else None,
            "total": now.total if now else None,
            "undo": self.undos.shown(),
        }


def _named(session_ids: Sequence[str]) -> str:
    if len(session_ids) == 1:
        return f"session {showable(session_ids[0][:80])!r}"
    return f"{len(session_ids):,} sessions"
