"""The least that conversations can be read from: the reading verbs, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from chatmem_nb.stores.protocol import SessionSummary


class PlainReader:
    """Sessions in a dict."""

    def __init__(self, sessions: Mapping[str, Sequence[str]]) -> None:
        self._sessions = sessions

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        return iter([name for name in self._sessions if match is None or fnmatchcase(name, match)])

    async def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        for name in self.session_ids(match):
            yield name

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        found = [(name, self.read(name)) for name in session_ids]
        return [
            SessionSummary(name, len(raws), first=raws[0] if raws else None, last=raws[-1] if raws else None)
            for name, raws in found
        ]

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        return self.summaries(session_ids)

    def length(self, session_id: str) -> int:
        return len(self.read(session_id))

    async def alength(self, session_id: str) -> int:
        return self.length(session_id)

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        return list(self._sessions.get(session_id, ()))[start:stop]

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        return self.read(session_id, start, stop)

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        for name in session_ids:
            if raws := self.read(name):
                yield name, 0, raws

    async def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        for found in self.read_many(session_ids):
            yield found
