"""Reading what is new in a store since an earlier export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Final

from ..records import parse, parse_all
from ..sources import Session, dated, stored_sessions
from ..stores.protocol import SessionReader, SessionSummary
from .session_ends import SessionEnd, SessionEnds

BATCH: Final = 100
"""Sessions whose summaries are requested together."""
_PIECE: Final = 500


class NewRecords:
    """Reads the sessions of `store` that differ from `before`: their new records, or all of them.

    `before` has the ends of sessions by the id that they are written with. A session that only grew is read
    from its last exported record, or completely with `whole_sessions`. `settle` is called for each session of
    which nothing is written, with its id and whether it is unchanged.
    """

    def __init__(
        self,
        store: SessionReader,
        before: Mapping[str, SessionEnd],
        ends: SessionEnds,
        *,
        whole_sessions: bool,
        settle: Callable[[str, bool], None],
    ) -> None:
        self._store, self._reader = store, dated(store)
        self._before, self._ends = before, ends
        self._whole_sessions, self._settle = whole_sessions, settle

    def read(self, session_ids: Iterable[str]) -> Iterator[Session]:
        """Yield the new records of these sessions, in order, in pieces. Costs a summary of each session.

        Raises: StoreError and its kinds.
        """
        ids = iter(session_ids)
        while batch := list(islice(ids, BATCH)):
            found = [(self._change(summary), summary.session_id) for summary in self._reader.summaries(batch)]
            for change, group in groupby(found, key=lambda entry: entry[0]):
                yield from self._group(change, [session_id for _, session_id in group])

    def _change(self, summary: SessionSummary) -> str | None:
        """Return what happened to a session, None if it does not exist. "grown" is still to be confirmed."""
        end = self._before.get(self._ends.name_of(summary.session_id))
        if not summary.length:
            return None
        if end is None:
            return "new"
        if summary.length != end.length:
            return "grown" if summary.length > end.length else "shrank"
        last = parse(summary.last or "", summary.length - 1)
        return "unchanged" if self._ends.digest(summary.session_id, last) == end.digest else "changed"

    def _group(self, change: str | None, session_ids: list[str]) -> Iterator[Session]:
        """Yield what is to be written of consecutive sessions with the same change."""
        if change == "grown":
            for session_id in session_ids:
                yield from self._grown(session_id)
        elif change in (None, "unchanged"):
            for session_id in session_ids:
                self._pass_over(session_id, is_unchanged=change is not None)
        else:
            changes = dict.fromkeys(session_ids, str(change))
            yield from self._ends.follow(stored_sessions(self._store, session_ids), changes)

    def _grown(self, session_id: str) -> Iterator[Session]:
        end = self._before[self._ends.name_of(session_id)]
        start = 0 if self._whole_sessions else end.length - 1
        raws = self._reader.read(session_id, start)
        at = end.length - 1 - start
        is_same = len(raws) > at and self._is_last(session_id, raws[at], end)
        if not is_same and start:
            start, raws = 0, self._reader.read(session_id)
        elif is_same and not self._whole_sessions:
            start, raws = end.length, raws[1:]
        if not raws:
            self._pass_over(session_id, is_unchanged=is_same)  # shortened or deleted since the summary
        changes = {session_id: "grown" if is_same else "changed"}
        yield from self._ends.follow(_pieces(session_id, raws, start), changes)

    def _is_last(self, session_id: str, raw: str, end: SessionEnd) -> bool:
        return self._ends.digest(session_id, parse(raw, end.length - 1)) == end.digest

    def _pass_over(self, session_id: str, *, is_unchanged: bool) -> None:
        name = self._ends.name_of(session_id)
        if is_unchanged:
            self._ends.ends[name] = self._before[name]._replace(change="unchanged")
        self._settle(session_id, is_unchanged)


def _pieces(session_id: str, raws: list[str], start: int) -> Iterator[Session]:
    for position in range(0, len(raws), _PIECE):
        yield session_id, parse_all(raws[position : position + _PIECE], start + position)


def with_unlisted(
    listed: Iterable[str], before: Mapping[str, SessionEnd], name_of: Callable[[str], str]
) -> Iterator[str]:
    """Yield the ids `listed`, then those of `before` that are not among them.

    A list may lack a session that exists, so each is looked up before it counts as vanished. Pseudonyms
    cannot be looked up, and are not yielded.
    """
    unseen = dict.fromkeys(before)
    for session_id in listed:
        unseen.pop(name_of(session_id), None)
        yield session_id
    for name in unseen:
        if name_of(name) == name:
            yield name


def ends_digest(ends: Mapping[str, SessionEnd]) -> str:
    """Return a digest that differs between earlier exports of different records."""
    text = json.dumps(sorted((name, end.length, end.digest) for name, end in ends.items()))
    return hashlib.sha256(text.encode()).hexdigest()
