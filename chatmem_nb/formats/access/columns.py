"""What the files with columns have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...errors import InvalidInputError, RecordError

_NEEDED: Final = ("raw", "type", "role")


def check_messages(path: Path, names: Sequence[str]) -> None:
    """Raises: InvalidInputError, where columns of these names hold no messages."""
    if set(_NEEDED) & set(names):
        return
    shown = ", ".join(repr(name[:60]) for name in names[:30]) or "none"
    raise InvalidInputError(
        f"{path} holds no messages: its columns are {shown}; missing is `raw`, or `type` or `role` with "
        "`content`; rename its columns, or export it again",
        field="raw",
    )


def whole_or_none(value: object) -> int | None:
    """Return the integer value of a cell, or None if it is not a number."""
    try:
        return int(float(value)) if isinstance(value, (str, int, float)) else None
    except (ValueError, OverflowError):
        return None


def reason_of(exc: Exception) -> str:
    """Return why a row is no record."""
    if isinstance(exc, RecordError | InvalidInputError):
        return exc.reason
    return f"a cell of it has no value that its column may have ({type(exc).__name__})"
