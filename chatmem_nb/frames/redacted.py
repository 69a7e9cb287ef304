"""Redaction on the way into a frame."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ..redaction import Redaction
from ..sources import Session


def redacted(found: Iterable[Session], redaction: Redaction | None) -> Iterable[Session]:
    """Return the sessions `found`, redacted if that was asked for."""
    return found if redaction is None else redaction.sessions(found)


def noted(frame: pd.DataFrame, redaction: Redaction | None) -> pd.DataFrame:
    """Return `frame` with what was replaced and left out in its attributes."""
    if redaction is not None:
        frame.attrs["redaction"] = redaction.summary()
    return frame
