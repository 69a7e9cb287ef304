"""Personal data and credentials taken out of what leaves, or replaced by pseudonyms."""

from __future__ import annotations

from .redaction import LeftOut, Redaction, redaction_of
from .redactor import Redactor

__all__ = ["LeftOut", "Redaction", "Redactor", "redaction_of"]
