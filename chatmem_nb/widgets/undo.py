"""What was removed, kept in the kernel to be restored: every record byte for byte, and the TTL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from ..errors import StoreConflictError, StoreError, StoreLimitError
from ..markdown import showable
from ..stores.protocol import SessionStore
from .reading import raise_unless_too_large, summaries
from .request_errors import RequestError

UNDO_LIMIT: Final = 50_000_000
"""Bytes of records that one change may keep for its undo."""
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class RemovedRecords:
    """Records that stood in one session from `index` on."""

    session_id: str
    index: int
    records: tuple[str, ...]
    ttl: timedelta | None
    """The TTL that was left when they were removed; None if there was none."""
    certain: bool = True
    """False if a response was lost: they may still be stored."""


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal or clearing."""

    label: str
    taken: tuple[RemovedRecords, ...]


class UndoStack:
    """The changes of one browser that can be undone, newest first."""

    def __init__(self) -> None:
        self._changes: list[Removal] = []

    @property
    def label(self) -> str | None:
        """The label of the change that the next undo reverts, or None."""
        return self._changes[-1].label if self._changes else None

    def shown(self) -> dict[str, object] | None:
        """Return the next undo as the page shows it."""
        return {"available": True, "label": self.label} if self._changes else None

    def keep(self, change: Removal) -> None:
        """Push `change`."""
        self._changes.append(change)

    def clear(self) -> None:
        """Drop all changes, since their store was disconnected."""
        self._changes.clear()

    async def restore(self, store: SessionStore) -> Removal:
        """Restore the records of the newest change, and return it. A failure keeps what is not restored.

        Raises: RequestError if there is nothing to undo; StoreError.
        """
        if not self._changes:
            raise RequestError("invalid", "There is nothing to undo.")
        change = self._changes[-1]
        for position, taken in enumerate(change.taken):
            try:
                if taken.certain or not await _is_there(store, taken):
                    await store.ainsert(taken.session_id, taken.index, taken.records, ttl=taken.ttl)
            except BaseException:  # a cancellation too: what is left can still be undone
                left = (replace(taken, certain=False), *change.taken[position + 1 :])
                self._changes[-1] = replace(change, taken=left)
                raise
        self._changes.pop()
        return change


async def _is_there(store: SessionStore, taken: RemovedRecords) -> bool:
    stop = taken.index + len(taken.records)
    return tuple(await store.aread(taken.session_id, taken.index, stop)) == taken.records


async def copy_sessions(store: SessionStore, session_ids: Sequence[str]) -> dict[str, RemovedRecords] | None:
    """Copy the sessions that exist, by their ids; None if they are above the limit together.

    Raises: StoreError; StoreConflictError if one keeps shrinking while it is copied.
    """
    copies: dict[str, RemovedRecords] = {}
    left = UNDO_LIMIT
    for session_id in session_ids:
        copy = await _copy(store, session_id, left)
        if copy is None:
            return None
        left -= size_of(copy.records)
        if copy.records:
            copies[session_id] = copy
    return copies


async def _copy(store: SessionStore, session_id: str, limit: int) -> RemovedRecords | None:
    for _ in range(_ATTEMPTS):
        records = await _read_up_to(store, session_id, limit)
        if records is None:
            return None
        [summary] = await summaries(store, [session_id])
        if summary.length >= len(records):  # what was appended since is not deleted, so it needs no copy
            return RemovedRecords(session_id, 0, tuple(records), summary.ttl)
    raise _keeps_changing(session_id)


async def delete_copied(
    store: SessionStore, copy: RemovedRecords, limit: int, keep: Callable[[RemovedRecords], None]
) -> None:
    """Delete exactly the records of `copy`, and `keep` them; what others append meanwhile is kept.

    If others changed the copied records meanwhile, copies again before it deletes. A copy whose deletion
    may or may not have happened is kept as uncertain.

    Raises: StoreError; StoreConflictError if the session changes at every attempt, with nothing deleted;
    RequestError if it has grown above `limit` bytes.
    """
    for _ in range(_ATTEMPTS):
        try:
            existed = await store.adelete(copy.session_id, count=len(copy.records), last=copy.records[-1])
        except StoreConflictError:
            again = await _copy(store, copy.session_id, limit)
            if again is None:
                raise RequestError(
                    "too_large",
                    f"{_name(copy.session_id)} has grown above 50 MB, so clearing it could not be undone. "
                    "It was not cleared.",
                ) from None
            if again.records:
                copy = again
                continue
            existed = False
        except StoreError:
            keep(replace(copy, certain=False))
            raise
        # It existed a moment ago. Either another client deleted it, or this store did, and found nothing left
        # when it retried because the response was lost.
        keep(copy if existed else replace(copy, certain=False))
        return
    raise _keeps_changing(copy.session_id)


def _keeps_changing(session_id: str) -> StoreConflictError:
    return StoreConflictError(
        f"{_name(session_id)} was changed meanwhile by another client, {_ATTEMPTS} times in a row; "
        "it was not cleared. Try again when nobody writes to it."
    )


def _name(session_id: str) -> str:
    return f"Session {showable(session_id[:100])!r}"


async def _read_up_to(store: SessionStore, session_id: str, limit: int) -> list[str] | None:
    records: list[str] = []
    async for _, piece in _pieces(store, [session_id]):
        if piece is None or (limit := limit - size_of(piece)) < 0:
            return None
        records += piece
    return records


async def measured(
    store: SessionStore, session_ids: Sequence[str], tell: Callable[[int], None] = lambda read: None
) -> int | None:
    """Return the bytes of the records of `session_ids`; None as soon as they are more than an undo may keep.

    `tell` is called with the number of records read so far.
    """
    size = read = 0
    async for _, records in _pieces(store, session_ids):
        if records is None or (size := size + size_of(records)) > UNDO_LIMIT:
            return None
        read += len(records)
        tell(read)
    return size


async def _pieces(
    store: SessionStore, session_ids: Sequence[str]
) -> AsyncIterator[tuple[str, list[str] | None]]:
    """Yield the records of sessions in parts, and None for a session that is too large for a response."""
    try:
        async for session_id, _, records in store.aread_many(session_ids):
            yield session_id, records
    except StoreLimitError as exc:
        await raise_unless_too_large(exc, store, session_ids[0])
        yield session_ids[0], None


def size_of(records: Sequence[str]) -> int:
    """Return the bytes of `records` as UTF-8."""
    return sum(
        len(record) if record.isascii() else len(record.encode("utf-8", "surrogatepass"))
        for record in records
    )
