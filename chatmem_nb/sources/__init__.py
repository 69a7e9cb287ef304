"""What users may pass where conversations are expected, and read-only sources of them."""

from .frames import FrameSource, is_frame
from .reading import (
    Checkpointer,
    MessageHolder,
    Session,
    Source,
    StoredSession,
    as_reader,
    dated,
    parsed_sessions,
    scope_ids,
    sessions,
    store_scope,
    stored_sessions,
)

__all__ = [
    "Checkpointer",
    "FrameSource",
    "MessageHolder",
    "Session",
    "Source",
    "StoredSession",
    "as_reader",
    "dated",
    "is_frame",
    "parsed_sessions",
    "scope_ids",
    "sessions",
    "store_scope",
    "stored_sessions",
]
