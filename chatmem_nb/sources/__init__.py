"""What users may pass where conversations are expected, and read-only sources of them."""

from .reading import (
    MessageHolder,
    Session,
    Source,
    StoredSession,
    scope_ids,
    sessions,
    store_scope,
    stored_sessions,
)

__all__ = [
    "MessageHolder",
    "Session",
    "Source",
    "StoredSession",
    "scope_ids",
    "sessions",
    "store_scope",
    "stored_sessions",
]
