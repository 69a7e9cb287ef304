"""Which record a row of the page means: an index says where it was, and a digest of its text what it was."""

from __future__ import annotations

import base64
from hashlib import blake2b

from ..errors import StoreConflictError
from ..records import StoredMessage
from ._state import BrowserState


def identity_of(record: StoredMessage | str) -> str:
    """Return a digest of a record as it is stored: 22 characters.

    Not its `record_id`: an edited record keeps that, a copied one repeats it, and records of other clients
    have none.
    """
    raw = record if isinstance(record, str) else record.raw
    digest = blake2b(raw.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def changed(state: BrowserState, session_id: str) -> StoreConflictError:
    """Return the error for a record that is no longer where the page saw it, and let the views reload."""
    state.count(session_id, await state.store.alength(session_id), changed=True)
    return StoreConflictError(
        "This message was changed or moved meanwhile by another client, so nothing was done. "
        "The session is loaded again: look for the message in it, and try again."
    )
