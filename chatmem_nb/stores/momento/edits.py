"""Changes in the middle of a session, for which Momento has no single request. Plans only; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .errors import MomentoError
from .exchange import Deadline, Plan
from .lists import ListPlans, as_text
from .operations import FetchList, ListLength, RemoveValue

Split = Callable[[Sequence[bytes]], list[list[bytes]]]
"""Divides records into parts, each of which one request takes."""


class EditPlans:
    """Inserting, replacing and removing.

    Each writes first what is to stand, and erases then what is not: one that is interrupted leaves records
    twice, and never loses one. Others who remove or insert at the same time may be in its way; others who
    append are not.
    """

    def __init__(self, lists: ListPlans, split: Split) -> None:
        self._lists = lists
        self._split = split

    def insert(
        self, key: bytes, index: int, values: Sequence[bytes], ttl_ms: int | None, deadline: Deadline
    ) -> Plan[int]:
        """Put `values` before the element at `index`, and return the new length.

        What stands before `index`, or behind it if that is less, is written anew around them, then erased.
        """
        length = yield from self._lists.length(key, deadline)
        place = slice(index, None).indices(length)[0]
        if place in (0, length):
            return (
                yield from self._push(key, values, deadline, ttl_ms=ttl_ms, front=place == 0 and length > 0)
            )
        self._require_slices("insert in the middle of a session")
        front = place <= length - place
        start, stop = (0, place) if front else (place, length)
        moved = yield from self._lists.read(key, start, stop, deadline)
        written = [*moved, *values] if front else [*values, *moved]
        grown = yield from self._push(key, written, deadline, ttl_ms=ttl_ms, front=front)
        erased = len(written) if front else place
        yield from self._lists.erase(key, erased, len(moved), deadline, first=moved[0], length=grown)
        return grown - len(moved)

    def replace(
        self, key: bytes, values: Sequence[bytes], ttl_ms: int | None, deadline: Deadline
    ) -> Plan[int]:
        """Make `values` all that the list holds, behind what it held until then, which is erased.

        Returns their number. Without slices, the list is deleted first.
        """
        if not self._lists.slices or not values:
            yield from self._lists.delete(key, deadline)
            if values:
                yield from self._push(key, values, deadline, ttl_ms=ttl_ms, refresh_ttl=True)
            return len(values)
        before, first = yield from self._lists.gather([ListLength(key), FetchList(key, 0, 1)], deadline)
        grown = yield from self._push(key, values, deadline, ttl_ms=ttl_ms, refresh_ttl=True)
        if first:
            yield from self._lists.erase(key, 0, before, deadline, first=first[0], length=grown)
        return len(values)

    def remove(self, key: bytes, index: int, record: str, deadline: Deadline) -> Plan[bool]:
        """Remove the element at `index` if it reads `record`, and return whether it did; not its twins."""
        if index < 0:
            index += yield from self._lists.length(key, deadline)
        if index < 0:
            return False
        if not self._lists.slices:
            return (yield from self._remove_unique(key, index, record, deadline))
        length, standing = yield from self._lists.gather(
            [ListLength(key), FetchList(key, index, index + 1)], deadline
        )
        if not standing or as_text(standing[0]) != record:
            return False
        yield from self._lists.erase(key, index, 1, deadline, first=standing[0], length=length)
        return True

    def _remove_unique(self, key: bytes, index: int, record: str, deadline: Deadline) -> Plan[bool]:
        """Remove by value, which would take every twin with it: only where there is none."""
        values = yield from self._lists.read(key, 0, None, deadline)
        if index >= len(values) or as_text(values[index]) != record:
            return False
        if values.count(values[index]) > 1:
            self._require_slices("remove one of several equal records")
        yield from self._lists.gather([RemoveValue(key, values[index])], deadline)
        return True

    def _push(
        self,
        key: bytes,
        values: Sequence[bytes],
        deadline: Deadline,
        *,
        ttl_ms: int | None,
        refresh_ttl: bool = False,
        front: bool = False,
    ) -> Plan[int]:
        length, _ = yield from self._lists.push(
            key, self._split(values), deadline, ttl_ms=ttl_ms, refresh_ttl=refresh_ttl, front=front
        )
        return length

    def _require_slices(self, what: str) -> None:
        if not self._lists.slices:
            raise MomentoError(f"this version of momento offers no way to {what}")
