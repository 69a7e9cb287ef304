"""Appends to one session, or to several at the same time. Plans only; no I/O."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ChatMemError, StoreError
from ..plans import Plan, Send, ask
from .commands import Command, ListLength, Push
from .push import Before, push_parts, push_together
from .session_index import SessionIndex

TOGETHER = 25
"""How many sessions share a round trip."""
_SLOW_S = 0.1
"""A push that took longer, or was retried, may have overlapped a removal of its name."""


@dataclass(frozen=True, slots=True)
class Append:
    """Records to append to one session."""

    session_id: str
    key: bytes
    pushes: Sequence[Push]
    """One for each request, usually one; none without records."""
    is_new: bool
    """Whether they are `NewRecords`."""


class Appends:
    """The appends of a store; `index` is None for one that keeps no index."""

    def __init__(self, index: SessionIndex | None) -> None:
        self._index = index

    def append(self, one: Append) -> Plan[int]:
        """Append to one session, and return its new length.

        The name is sent before the records, in one round trip: a list without a name is not listed.
        """
        if not one.pushes:
            return int((yield from ask(ListLength(one.key), new_deadline=True)))
        before = None if one.is_new else Before((yield from ask(ListLength(one.key))))
        name = None if self._index is None else self._index.written([one.session_id])
        started = time.monotonic()
        pushed, outcome = yield from push_parts(one.pushes, before, name)
        if self._index is not None:
            is_slow = pushed[0].start == 0 and time.monotonic() - started > _SLOW_S
            if is_slow or isinstance(outcome, StoreError):
                yield from self._index.put([one.session_id])
            else:
                self._index.remember(one.session_id)
        return pushed[-1].length

    def append_many(self, appends: Sequence[Append | ChatMemError]) -> Plan[list[int | ChatMemError]]:
        """Append to several sessions; return for each its new length, or the error in its place."""
        outcomes = [one if isinstance(one, ChatMemError) else 0 for one in appends]
        valid = [(place, one) for place, one in enumerate(appends) if isinstance(one, Append)]
        for start in range(0, len(valid), TOGETHER):
            group = valid[start : start + TOGETHER]
            found = yield from self._batch([one for _, one in group])
            for (place, _), outcome in zip(group, found, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _batch(self, appends: Sequence[Append]) -> Plan[list[int | ChatMemError]]:
        """Push to all sessions that need one push at the same time, then to the others one by one."""
        found: dict[str, int | ChatMemError] = {}
        if together := [one for one in appends if len(one.pushes) == 1]:
            found = yield from self._together(together)
        for one in appends:
            if one.session_id not in found:
                try:
                    found[one.session_id] = yield from self.append(one)
                except StoreError as error:
                    found[one.session_id] = error
        return [found[one.session_id] for one in appends]

    def _together(self, appends: Sequence[Append]) -> Plan[dict[str, int | ChatMemError]]:
        """Put the names of these sessions by one request, and then push to all of them at the same time."""
        # Read here although an import has just asked for the lengths as well: were the push's response lost,
        # records that somebody else pushed since an earlier reading could be taken for those of the push.
        asked = [one for one in appends if not one.is_new]
        requests: list[Command] = [ListLength(one.key) for one in asked]
        if self._index is not None:
            requests.append(self._index.written([one.session_id for one in appends]))
        outcomes = (yield Send(requests, new_deadline=True, return_errors=True)) if requests else []
        is_named = self._index is None or not isinstance(outcomes[-1], StoreError)
        lengths = dict(zip((one.session_id for one in asked), outcomes, strict=False))
        found: dict[str, int | ChatMemError] = {
            session_id: error for session_id, error in lengths.items() if isinstance(error, StoreError)
        }
        ready = [one for one in appends if one.session_id not in found]
        pushes = [(one.pushes[0], None if one.is_new else Before(lengths[one.session_id])) for one in ready]
        started = time.monotonic()
        landed = (yield from push_together(pushes)) if pushes else []
        is_slow = time.monotonic() - started > _SLOW_S
        doubtful = []
        for one, pushed in zip(ready, landed, strict=True):
            if isinstance(pushed, StoreError):
                found[one.session_id] = pushed
                continue
            found[one.session_id] = pushed.length
            if not is_named or (is_slow and pushed.start == 0):
                doubtful.append(one.session_id)
            elif self._index is not None:
                self._index.remember(one.session_id)
        if self._index is not None and doubtful:
            yield from self._index.put(doubtful)
        return found
