"""Labels on messages and sessions, kept in a file beside the notebook."""

from __future__ import annotations

from .label import Label, Mark, MessageKey, keys_of
from .labels import Labels
from .matching import SessionLabels
from .stored import StoredLabels

__all__ = ["Label", "Labels", "Mark", "MessageKey", "SessionLabels", "StoredLabels", "keys_of"]
