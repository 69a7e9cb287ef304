"""Glob patterns as Redis has them."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([*?\[\]\\^-])")


def escaped(text: str) -> str:
    """Return the pattern that matches `text` and nothing else."""
    return _SPECIAL.sub(r"\\\1", text)
