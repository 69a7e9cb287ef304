"""Reads that get past a record too large for a response, and which record a row of the page means."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, cast

from ..errors import StoreConflictError, StoreLimitError, StoreThrottledError
from ..records import StoredMessage, is_system, parse_all
from ..sources import dated
from ..stores.protocol import SessionStore, SessionSummary
from .state import BrowserState


def identity_of(record: StoredMessage | str) -> str:
    """Return a digest of a record as it is stored: 22 characters.

    Not its `record_id`: an edited record keeps that, a copied one repeats it, and records of other clients
    have none.
    """
    raw = record if isinstance(record, str) else record.raw
    digest = blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def changed(state: BrowserState, session_id: str) -> StoreConflictError:
    """Return the error for a record that is not where the page saw it; the views load again."""
    state.count(session_id, await state.store.alength(session_id), changed=True)
    return StoreConflictError(
        "This message was changed or moved meanwhile by another client, so nothing was done. "
        "The session is loaded again: look for the message in it, and try again."
    )


TOO_LARGE: Final = "larger than the service sends in one response"
_PIECE: Final = 500
_WORTH_A_THREAD: Final = 100_000


async def summaries(store: SessionStore, session_ids: Sequence[str]) -> list[SessionSummary]:
    """Return a summary of each session; of one whose lines are too large only its length."""
    try:
        return await store.asummaries(session_ids)
    except StoreLimitError as exc:
        await raise_unless_too_large(exc, store, session_ids[0])
    if len(session_ids) == 1:
        return [SessionSummary(session_ids[0], await store.alength(session_ids[0]))]
    middle = len(session_ids) // 2
    return [
        *await summaries(store, session_ids[:middle]),
        *await summaries(store, session_ids[middle:]),
    ]


async def previews(store: SessionStore, session_ids: Sequence[str]) -> list[SessionSummary]:
    """Return a summary of each session for the list, `first` being what follows a system message.

    Of a reader without `previews` whole records are taken, the second one only behind a system message.
    """
    get = getattr(store, "apreviews", None)
    if get is None:
        return [await _behind_system(store, one) for one in await summaries(store, session_ids)]
    try:
        found: list[SessionSummary] = await get(session_ids)
    except StoreLimitError:  # two records that are too large together; `summaries` splits what it asks for
        return await summaries(store, session_ids)
    return found


async def _behind_system(store: SessionStore, summary: SessionSummary) -> SessionSummary:
    if summary.first is None or summary.length < 2 or not is_system(summary.first):
        return summary
    second = await store.aread(summary.session_id, 1, 2)
    return replace(summary, first=second[0]) if second else summary


async def records(store: SessionStore, session_id: str, start: int, stop: int) -> list[StoredMessage]:
    """Return the records `start` to `stop` that exist; neither may be negative."""
    try:
        return await _with_times(
            store, session_id, await parsed(await store.aread(session_id, start, stop), start)
        )
    except StoreLimitError as exc:
        await raise_unless_too_large(exc, store, session_id)
    if stop - start <= 1:
        return [StoredMessage(start, "", None, None, TOO_LARGE)]
    middle = (start + stop) // 2
    return [
        *await records(store, session_id, start, middle),
        *await records(store, session_id, middle, stop),
    ]


async def all_records(
    store: SessionStore, session_ids: Sequence[str], *, times: bool = False
) -> AsyncIterator[tuple[str, list[StoredMessage]]]:
    """Yield (session id, records) for whole sessions in order, in parts; with `times`, with their times."""
    store = cast(SessionStore, dated(store)) if times else store
    ids = list(dict.fromkeys(session_ids))
    at = index = 0
    while at < len(ids):
        try:
            async for session_id, start, raws in store.aread_many(ids[at:]):
                at, index = ids.index(session_id, at), start + len(raws)
                yield session_id, await parsed(raws, start)
            return
        except StoreLimitError as exc:
            await raise_unless_too_large(exc, store, ids[at])
        async for piece in _by_pieces(store, ids[at], index):
            yield ids[at], piece
        at, index = at + 1, 0


async def _by_pieces(store: SessionStore, session_id: str, start: int) -> AsyncIterator[list[StoredMessage]]:
    length = await store.alength(session_id)
    for first in range(start, length, _PIECE):
        yield await records(store, session_id, first, min(length, first + _PIECE))


async def _with_times(
    store: SessionStore, session_id: str, records: list[StoredMessage]
) -> list[StoredMessage]:
    """Return `records` with times that their store keeps apart from their text, which stays the same."""
    reader = dated(store)
    if reader is store or not records:
        return records
    found = await parsed(await reader.aread(session_id, records[0].index, records[-1].index + 1), 0)
    times = [record.stored_at for record in found] + [None] * len(records)
    return [replace(record, stored_at=time) for record, time in zip(records, times, strict=False)]


async def parsed(raws: Sequence[str], start: int) -> list[StoredMessage]:
    """Return the records of `raws`; in a thread if that takes long, so that the loop stays free."""
    if sum(map(len, raws)) > _WORTH_A_THREAD:
        return await asyncio.to_thread(parse_all, raws, start)
    return parse_all(raws, start)


async def raise_unless_too_large(exc: StoreLimitError, store: SessionStore, session_id: str) -> None:
    """Raise `exc` if it is about the account: then the smallest request fails as well."""
    if isinstance(exc, StoreThrottledError):
        raise exc
    await store.alength(session_id)
