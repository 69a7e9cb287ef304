"""The threads of a LangGraph checkpointer as sessions."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, Self, TypeAlias

from ...errors import InvalidInputError
from ...records import RecordFields
from ...stores.arguments import checked_session_id, checked_session_ids
from ...stores.protocol import SessionSummary
from ...stores.redis_glob import compile_glob
from .checkpoints import ThreadState, message_times, thread_state, thread_states
from .requests import Plan
from .saver import Saver
from .threads import Thread, ThreadNames, threads_page

_PIECE: Final = 2_000
"""Maximum number of records in a part of `read_many`."""
_BATCH: Final = 25
"""Threads that are read by one request, where the checkpointer can."""
_TIMES_KEPT: Final = 16
"""Threads whose times are cached, until they have a newer checkpoint."""

_Times: TypeAlias = list[datetime | None]


class LangGraphSource:
    """Read-only access to the threads of a LangGraph checkpointer: browse, analyse, export and copy them.

    A thread is a session; its messages are those of `channel` in its newest checkpoint. With `subgraphs`, the
    namespace of each subgraph is a separate session, `thread|namespace`. Any
    BaseCheckpointSaver works, sync or async; an async one is read from the thread of another event loop, or
    with the async verbs. The checkpointer is never closed here.

    Reading a session reads its newest checkpoint. Messages have no timestamps: `stored_at` is the time of the
    checkpoint in which a message first appears, so a frame with that column, an export, a copy and the
    browser read all checkpoints of a thread. `to_dataframe(source, columns=[...])` without `stored_at` and
    `raw` does not.

    Checkpoints are read as plain data: no class that they name is imported, and nothing is unpickled. A
    thread that cannot be read has a single record with the reason.

    Raises: InvalidInputError if `checkpointer` is not a checkpointer. Makes no request.

    >>> from langgraph.checkpoint.memory import InMemorySaver
    >>> source = LangGraphSource(InMemorySaver())
    >>> list(source.session_ids())
    []
    """

    service = "LangGraph"

    def __init__(self, checkpointer: Any, *, channel: str = "messages", subgraphs: bool = False) -> None:
        if not isinstance(channel, str) or not channel:
            raise InvalidInputError(f"channel must be the name of a channel, got {channel!r:.40}")
        self.channel = channel
        self._names = ThreadNames(bool(subgraphs))
        self._saver = Saver(checkpointer)
        self._is_dated = False
        self._times: OrderedDict[Thread, tuple[str | None, list[datetime | None]]] = OrderedDict()

    @property
    def checkpointer(self) -> Any:
        """The checkpointer."""
        return self._saver.checkpointer

    @property
    def target(self) -> str:
        """The location that is shown to the user."""
        return type(self._saver.checkpointer).__name__

    def dated(self) -> Self:
        """Return a copy of this source with `stored_at` in its records; it reads all checkpoints."""
        dated = copy.copy(self)
        dated._is_dated = True
        return dated

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the id of each thread, including empty ones, or those that match the glob `match`.

        SQLite: a query for each 1,000 threads. Others: the checkpointer lists its checkpoints.
        """
        pattern = None if match is None else compile_glob(match)
        after: Thread | None = None
        more = True
        while more:
            page, more = self._saver.run(threads_page(self._saver, after, self._names.subgraphs))
            after = page[-1] if page else None
            for name in map(self._names.id_of, page):
                if name and (pattern is None or pattern.fullmatch(name)):
                    yield name

    async def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the id of each thread, including empty ones, or those that match the glob `match`.

        SQLite: a query for each 1,000 threads. Others: the checkpointer lists its checkpoints.
        """
        pattern = None if match is None else compile_glob(match)
        after: Thread | None = None
        more = True
        while more:
            page, more = await self._saver.arun(threads_page(self._saver, after, self._names.subgraphs))
            after = page[-1] if page else None
            for name in map(self._names.id_of, page):
                if name and (pattern is None or pattern.fullmatch(name)):
                    yield name

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order: `last_write` is the time of the newest checkpoint."""
        return [self._saver.run(self._summary(name)) for name in checked_session_ids(session_ids)]

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order: `last_write` is the time of the newest checkpoint."""
        return [await self._saver.arun(self._summary(name)) for name in checked_session_ids(session_ids)]

    def length(self, session_id: str) -> int:
        """Return the number of messages in the thread; 0 if it does not exist."""
        return len(self._saver.run(self._read(session_id)))

    async def alength(self, session_id: str) -> int:
        """Return the number of messages in the thread; 0 if it does not exist."""
        return len(await self._saver.arun(self._read(session_id)))

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first."""
        return self._saver.run(self._records(session_id, slice(start, stop)))

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first."""
        return await self._saver.arun(self._records(session_id, slice(start, stop)))

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole threads, in order; long ones in several parts."""
        return self._read_many(checked_session_ids(session_ids))

    def _read_many(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, list[str]]]:
        for name, state, times in self._states(session_ids):
            for start in range(0, len(state), _PIECE):
                yield name, start, state.records(slice(start, start + _PIECE), times)

    def _states(self, session_ids: Iterator[str]) -> Iterator[tuple[str, ThreadState, _Times]]:
        while names := list(islice(session_ids, _BATCH)):
            found = self._saver.run(self._states_of_batch(names))
            for name in names:
                yield name, *self._saver.run(self._dated_state(name, found.pop(name, None)))

    def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole threads, in order; long ones in several parts."""
        return self._aread_many(checked_session_ids(session_ids))

    async def _aread_many(self, session_ids: Iterator[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        while names := list(islice(session_ids, _BATCH)):
            found = await self._saver.arun(self._states_of_batch(names))
            for name in names:
                state, times = await self._saver.arun(self._dated_state(name, found.pop(name, None)))
                for start in range(0, len(state), _PIECE):
                    yield name, start, state.records(slice(start, start + _PIECE), times)

    def read_fields(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, RecordFields]]:
        """Yield what `read_many` yields, with records as dicts instead of JSON."""
        return self._read_fields(checked_session_ids(session_ids))

    def _read_fields(self, session_ids: Iterator[str]) -> Iterator[tuple[str, int, RecordFields]]:
        for name, state, times in self._states(session_ids):
            for start in range(0, len(state), _PIECE):
                yield name, start, state.fields(slice(start, start + _PIECE), times)

    def facts(self, session_id: str) -> dict[str, str]:
        """Return facts about the thread besides its messages: its next nodes and interrupts."""
        return self._saver.run(self._read(session_id)).facts(self.channel)

    async def afacts(self, session_id: str) -> dict[str, str]:
        """Return facts about the thread besides its messages: its next nodes and interrupts."""
        return (await self._saver.arun(self._read(session_id))).facts(self.channel)

    def _read(self, session_id: str) -> Plan[ThreadState]:
        thread = self._names.thread_of(checked_session_id(session_id))
        return thread_state(self._saver, thread, self.channel)

    def _states_of_batch(self, session_ids: Sequence[str]) -> Plan[dict[str, ThreadState]]:
        threads = {self._names.thread_of(name): name for name in session_ids}
        found = yield from thread_states(self._saver, list(threads), self.channel)
        return {threads[thread]: state for thread, state in found.items()}

    def _dated_state(
        self, session_id: str, state: ThreadState | None = None
    ) -> Plan[tuple[ThreadState, _Times]]:
        if state is None:
            state = yield from self._read(session_id)
        if not self._is_dated or not state.items:
            return state, []
        thread = self._names.thread_of(session_id)
        known = self._times.get(thread)
        if known is not None and known[0] == state.checkpoint_id:
            return state, known[1]
        times = yield from message_times(self._saver, thread, self.channel, state)
        self._times[thread] = state.checkpoint_id, times
        while len(self._times) > _TIMES_KEPT:
            self._times.popitem(last=False)
        return state, times

    def _records(self, session_id: str, selected: slice) -> Plan[list[str]]:
        state, times = yield from self._dated_state(session_id)
        return state.records(selected, times)

    def _summary(self, session_id: str) -> Plan[SessionSummary]:
        state, times = yield from self._dated_state(session_id)
        first, last = state.records(slice(1), times), state.records(slice(-1, None), times)
        return SessionSummary(
            session_id,
            len(state),
            first=first[0] if first else None,
            last=last[0] if last else None,
            last_write=state.written_at,
        )

    def __repr__(self) -> str:
        extra = ", subgraphs=True" if self._names.subgraphs else ""
        return f"LangGraphSource({self.target}, channel={self.channel!r}{extra})"
