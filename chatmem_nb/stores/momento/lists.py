"""Sessions as Momento lists: reading in pages, and changes that are not made twice. Plans only; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from .errors import MomentoError, MomentoMessageTooLargeError
from .exchange import CHANGE_SHARE, Deadline, Exchange, Plan, known
from .operations import DeleteKey, EraseRange, FetchList, ListLength, Operation, Push
from .seen import Seen

FIRST_PAGE = 1_000
"""Elements of the first page of a list; the next have as many as fill `_PAGE_BYTES`."""
_PAGE_BYTES = 2_500_000
_TAIL = 2_000
"""Elements at the end of a list that are asked for at once; for more, its length is asked first."""
_OTHERS = 1_000
"""How many records of others, written meanwhile, are passed over at least when a push is looked for."""


class Pages:
    """Where the reading of one list stands, and how many elements its next page has."""

    def __init__(self, start: int = 0, stop: int | None = None, *, size: int = FIRST_PAGE) -> None:
        self.start, self.stop = start, stop
        self._size = size

    @property
    def left(self) -> bool:
        """Whether there may be more to read."""
        return self.stop is None or self.start < self.stop

    @property
    def size(self) -> int:
        """How many elements the next page has, if the list has them."""
        return self._size if self.stop is None else min(self._size, self.stop - self.start)

    def shrink(self) -> bool:
        """Make the next page smaller; False where it is of one element already."""
        if self.size <= 1:
            return False
        self._size = max(1, self.size // 4)
        return True

    def turn(self, page: Sequence[bytes]) -> None:
        """Go on behind `page`; one that is short was the last."""
        if len(page) < self.size:
            self.stop = self.start
            return
        self.start += len(page)
        mean = max(1, sum(map(len, page)) // len(page))
        self._size = max(1, min(_PAGE_BYTES // mean, 20 * self._size))

    def end(self) -> None:
        """Nothing more is to be read."""
        self.stop = self.start


class ListPlans:
    """What can be done with one list.

    `slices`: whether a part of a list can be read and erased; else only whole lists can be read.
    """

    def __init__(self, exchange: Exchange, seen: Seen, *, slices: bool) -> None:
        self._exchange = exchange
        self._seen = seen
        self.slices = slices

    def length(self, key: bytes, deadline: Deadline) -> Plan[int]:
        """Return the number of elements."""
        return self._exchange.ask(ListLength(key), deadline)

    def read(self, key: bytes, start: int, stop: int | None, deadline: Deadline) -> Plan[list[bytes]]:
        """Return the elements of the slice `start:stop`; the deadline starts anew with every page."""
        if stop is None and -_TAIL <= start < 0 and self.slices:
            try:
                return (yield from self._exchange.ask(FetchList(key, start), deadline))
            except MomentoMessageTooLargeError:  # in several pages, then, and these need the length
                deadline.renew()
        if start < 0 or (stop is not None and stop < 0):
            length = yield from self.length(key, deadline)
            start, stop, _ = slice(start, stop).indices(length)
        pages, values = Pages(start, stop), list[bytes]()
        while pages.left:
            values += yield from self.page(key, pages, deadline)
            deadline.renew()
        return values

    def page(self, key: bytes, pages: Pages, deadline: Deadline) -> Plan[list[bytes]]:
        """Return the next page. An index from the oldest on stays while others append."""
        if not self.slices:
            whole = yield from self._exchange.ask(FetchList(key), deadline)
            values: list[bytes] = whole[pages.start : pages.stop]
            pages.end()
            return values
        while True:
            try:
                page = yield from self._exchange.ask(
                    FetchList(key, pages.start, pages.start + pages.size), deadline
                )
            except MomentoMessageTooLargeError:
                if not pages.shrink():
                    raise
                continue
            pages.turn(page)
            return page

    def push(
        self,
        key: bytes,
        parts: Sequence[Sequence[bytes]],
        deadline: Deadline,
        *,
        ttl_ms: int | None,
        refresh_ttl: bool = True,
        front: bool = False,
        beside: Operation[Any] | None = None,
    ) -> Plan[tuple[int, Any]]:
        """Add `parts` in their order, each at once, and return the new length and what `beside` answered.

        `beside` is made at the same time as the first part. Parts that are pushed to the front go there
        last part first. A part that may have been stored is looked for before it is pushed again.

        Raises: MomentoError, which says how many records were stored before.
        """
        length, stored, answered = 0, 0, None
        for part in reversed(parts) if front else parts:
            push = Push(key, part, ttl_ms, refresh_ttl, front)
            # Before it goes out: others append behind it, and their lengths say nothing of where it stands.
            look = partial(self._look_for, push, self._seen.length(key), deadline)
            came = None
            if beside is not None:
                answered, came = yield from self._exchange.attempt(
                    [beside, push], deadline, share=CHANGE_SHARE
                )
                beside = None
            try:
                length = yield from self._exchange.change(push, deadline, look, came=came)
            except MomentoError as exc:
                exc.records_stored = stored
                if len(parts) > 1:
                    exc.message += f" ({stored} of {sum(map(len, parts))} records were stored before)"
                raise
            stored += len(part)
            self._seen.put_length(key, length)
            deadline.renew()
        return length, answered

    def _look_for(self, push: Push, before: int | None, deadline: Deadline) -> Plan[int | None]:
        """Return the length of the list if the values of `push` stand together at its end, else None.

        Records know themselves by their `record_id`, and others may stand behind them: all that came since
        the list had the length `before`, and some more are looked through. Texts without one may be there
        from before: they count only where they are the very last.
        """
        run = list(push.values)
        length = yield from self.length(push.key, deadline)
        others = _OTHERS if all(b'"record_id"' in value for value in run) else 0
        if push.front:
            start, stop = 0, len(run) + others
        else:
            known = length if before is None or not others else min(before, length)
            start, stop = max(0, known - len(run) - others), None
        values = yield from self.read(push.key, start, stop, deadline.fixed())
        return length if _holds(values, run) else None

    def delete(self, key: bytes, deadline: Deadline) -> Plan[bool]:
        """Delete the list, and return whether it existed."""
        if not (yield from self.length(key, deadline)):
            return False
        yield from self._exchange.change(DeleteKey(key), deadline, lambda: self._is_shorter(key, 1, deadline))
        return True

    def erase(
        self, key: bytes, start: int, count: int, deadline: Deadline, *, first: bytes, length: int
    ) -> Plan[None]:
        """Remove `count` elements from `start` on, where `first` stands, of a list of `length`."""

        def look() -> Plan[bool | None]:
            """Whether it is done: without a doubt where the list is shorter, or another stands there."""
            if (yield from self._is_shorter(key, length, deadline)):
                return True
            standing = yield from self._exchange.ask(FetchList(key, start, start + 1), deadline)
            return None if standing == [first] else True

        yield from self._exchange.change(EraseRange(key, start, count), deadline, look)

    def _is_shorter(self, key: bytes, length: int, deadline: Deadline) -> Plan[bool | None]:
        return True if (yield from self.length(key, deadline)) < length else None

    def gather(self, operations: Sequence[Operation[Any]], deadline: Deadline) -> Plan[list[Any]]:
        """Make requests that may be repeated at the same time, and return their answers.

        Raises: MomentoError, the first of them.
        """
        answers = yield from self._exchange.ask_all(operations, deadline)
        return [known(answer) for answer in answers]


def _holds(values: Sequence[bytes], run: list[bytes]) -> bool:
    """Whether all of `run` stand together in `values`."""
    return any(
        values[at] == run[0] and list(values[at : at + len(run)]) == run
        for at in range(len(values) - len(run) + 1)
    )


def as_text(value: bytes) -> str:
    """Return what a record reads; bytes that are no UTF-8 as `\\xff`, so that the others can be read."""
    return value.decode("utf-8", "backslashreplace")
