"""Changes in the middle of a session, for which Momento has no single request. Plans only; no I/O.

Each edit writes the new records, reads them back, and only then erases the old ones. A failure at any step
loses no record; between the write and the erasure some records are in the session twice, and the error says
so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import StoreError
from ..deadline import Backoff
from ..plans import Plan, Send, ask
from .commands import DeleteKey, FetchList, ListLength, Push, PushFront, RemoveValue
from .erasure import CONTEXT, Range, erase
from .errors import MomentoConflictError, MomentoError, add_sentence
from .limits import Limits
from .push import Before, Pushed, last_of, push_parts, settle
from .session_list import as_text, read_values

_TWICE = "Nothing is lost, but some records may be in the session twice: read it, and remove the duplicates."

_READS_BACK = 8
"""How many times to read back the new records, with backoff: reads are eventually consistent."""

MakePush = Callable[[Sequence[bytes]], Push]


class Edits:
    """The edits of a store. `slices`: whether a part of a list can be read and erased."""

    def __init__(self, limits: Limits, *, slices: bool) -> None:
        self._limits = limits
        self._slices = slices

    def insert(self, key: bytes, index: int, values: Sequence[bytes], ttl_ms: int | None) -> Plan[int]:
        """Insert `values` before the element at `index`, and return the new length.

        The elements before `index`, or those after it if they are fewer, are written again and then erased.
        """
        length = yield from ask(ListLength(key))
        place = slice(index, None).indices(length)[0]
        front = length > 0 and place <= length - place
        moved = slice(0, place) if front else slice(place, length)

        kind = PushFront if front else Push

        def push(part: Sequence[bytes]) -> Push:
            return kind(key, part, ttl_ms, refresh_ttl=False)

        if moved.start == moved.stop:
            head = (yield from read_values(key, 0, min(CONTEXT, len(values) + 1))) if front else []
            pushed, _ = yield from push_parts(self._parts(push, values), Before(length, head))
            return pushed[-1].length
        self._require_slices("insert in the middle of a session")
        before = yield from read_values(key, moved.start, moved.stop)
        written = [*before, *values] if front else [*values, *before]
        with_copy = yield from self._rewrite(push, written, before, moved, length)
        return with_copy - len(before)

    def replace(self, key: bytes, values: Sequence[bytes], ttl_ms: int | None) -> Plan[int]:
        """Replace the contents of the list by `values`, and return their number."""

        def push(part: Sequence[bytes]) -> Push:
            return Push(key, part, ttl_ms)

        if not self._slices:
            return (yield from self._replace_whole(key, values, ttl_ms))
        before = yield from read_values(key)
        self._limits.check_item(before, values)
        if not before:
            yield from push_parts(self._parts(push, values), Before(0))
        else:
            yield from self._rewrite(push, values, before, slice(0, len(before)), len(before))
        return len(values)

    def remove(self, key: bytes, index: int, record: str) -> Plan[bool]:
        """Remove the element at `index` if it is `record`, and return whether it was; equal records stay."""
        if index < 0:
            index += yield from ask(ListLength(key))
        if index < 0:
            return False
        if not self._slices:
            return (yield from self._remove_unique(key, index, record))
        length, around = yield Send([ListLength(key), FetchList(key, index, index + 2)])
        if not around or as_text(around[0]) != record:
            return False
        if len(around) == 2 and around[0] == around[1]:  # more context, to distinguish them afterwards
            around = yield from read_values(key, index, index + 1 + CONTEXT)
        yield from erase(Range(key, index, 1, around[0], around[1:], max(length, index + len(around))))
        return True

    def delete(self, key: bytes) -> Plan[bool]:
        """Delete the list, and return whether it existed."""
        if not (yield from ask(ListLength(key))):
            return False
        yield from ask(DeleteKey(key))
        return True

    def delete_oldest(self, key: bytes, count: int, last: str) -> Plan[bool]:
        """Delete the `count` oldest elements if the last of them is `last`; return whether there were any.

        Raises: MomentoConflictError.
        """
        self._require_slices("delete a part of a session")
        length, around = yield Send([ListLength(key), FetchList(key, count - 1, count + 1)])
        if not length:
            return False
        if not around or as_text(around[0]) != last:
            raise MomentoConflictError(
                f"another client changed the session meanwhile: record {count - 1} is not the one that was "
                "given; nothing was deleted. Read the session again"
            )
        if len(around) == 2 and around[0] == around[1]:
            around = yield from read_values(key, count - 1, count + CONTEXT)
        yield from erase(Range(key, 0, count, around[0], around[1:], max(length, count - 1 + len(around))))
        return True

    def _parts(self, push: MakePush, values: Sequence[bytes]) -> list[Push]:
        parts = [push(part) for part in self._limits.split(values)]
        return parts[::-1] if parts[0].front else parts

    def _rewrite(
        self, push: MakePush, written: Sequence[bytes], before: Sequence[bytes], place: slice, length: int
    ) -> Plan[int]:
        """Push `written`, read it back, erase `before` at `place`; return the length with both."""
        parts = self._parts(push, written)
        try:
            pushed, _ = yield from push_parts(parts, Before(length, before[:CONTEXT]))
            erased = yield from self._read_back(parts, pushed, before, place)
            yield from erase(erased)
        except MomentoError as error:
            if error.records_stored != 0 or error.maybe_applied:
                add_sentence(error, _TWICE)
                error.maybe_applied = True
            error.records_stored = None
            raise
        return pushed[-1].length

    def _read_back(
        self, parts: Sequence[Push], pushed: Sequence[Pushed], before: Sequence[bytes], place: slice
    ) -> Plan[Range]:
        """Return the range to erase, once a read shows both the new and the old records in place.

        Raises: MomentoConflictError if they are not.
        """
        key, front = parts[0].key, parts[0].front
        size = sum(len(part.values) for part in parts)
        start = place.start + size if front else place.start
        backoff = Backoff()
        for _ in range(_READS_BACK):
            if front:
                expected = [value for part in reversed(parts) for value in part.values]
                seen = yield from read_values(key, 0, start + len(before) + CONTEXT)
                there = seen[: size + len(before)] == [*expected, *before]
                rest = seen[size + len(before) :]
            else:
                seen = yield from read_values(key, start, pushed[-1].start + len(parts[-1].values))
                there = seen[: len(before)] == list(before) and all(
                    seen[one.start - start :][: len(part.values)] == list(part.values)
                    for one, part in zip(pushed, parts, strict=True)
                )
                rest = seen[len(before) :]
            if there:
                return Range(key, start, len(before), before[-1], rest[:CONTEXT], pushed[-1].length)
            # Reads are eventually consistent: the new records may show up a moment later.
            if not (yield settle(backoff)):
                break
        raise MomentoConflictError(
            "the new records could not be read back, or another client changed the session meanwhile; "
            "nothing was erased"
        )

    def _replace_whole(self, key: bytes, values: Sequence[bytes], ttl_ms: int | None) -> Plan[int]:
        """Push and truncate in one request, which drops records that others append meanwhile."""
        if len(self._limits.split(values)) > 1:
            self._require_slices("replace a session by more than fits into one request")
        push = Push(key, values, ttl_ms, truncate=True)
        try:
            yield from ask(push)
        except StoreError as lost:
            if not lost.maybe_applied:
                raise
            try:
                yield from ask(push)  # harmless twice: the second push replaces the first
            except StoreError as failed:
                raise last_of(lost, failed) from failed.__cause__
        return len(values)

    def _remove_unique(self, key: bytes, index: int, record: str) -> Plan[bool]:
        """Remove by value, which removes every equal record: only if there is no other one."""
        values = yield from read_values(key)
        if index >= len(values) or as_text(values[index]) != record:
            return False
        if values.count(values[index]) > 1:
            self._require_slices("remove one of several equal records")
        yield from ask(RemoveValue(key, values[index]))
        return True

    def _require_slices(self, what: str) -> None:
        if not self._slices:
            raise MomentoError(f"this version of momento offers no way to {what}")
