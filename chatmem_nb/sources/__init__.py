"""What users may pass where conversations are expected, and read-only sources of them."""

from .reading import (
    Checkpointer,
    MessageHolder,
    Session,
    Source,
    StoredSession,
    as_reader,
    dated,
    scope_ids,
    sessions,
    store_scope,
    stored_sessions,
)

__all__ = [
    "Checkpointer",
    "MessageHolder",
    "Session",
    "Source",
    "StoredSession",
    "as_reader",
    "dated",
    "scope_ids",
    "sessions",
    "store_scope",
    "stored_sessions",
]
