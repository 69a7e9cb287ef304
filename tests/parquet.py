"""Parquet files compared with frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd


def read_like(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Read a file; with pandas 2, which reads texts as objects, convert its columns to those of `frame`."""
    found = pd.read_parquet(path)
    if pd.__version__.startswith("2."):
        found = found.astype(frame.dtypes.to_dict())
        found.columns = found.columns.astype(frame.columns.dtype)
    return found


def assert_holds(path: Path, frame: pd.DataFrame, **options: Any) -> None:
    """Assert that pandas reads `frame` from the file, dtypes included."""
    pd.testing.assert_frame_equal(read_like(frame, path), frame, **options)
