"""Frames that are gathered row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .schema import Kind, frame_of


class Rows:
    """Rows of a frame with these columns; a value that is not given is missing."""

    def __init__(self, kinds: dict[str, Kind], categories: Mapping[str, Sequence[str]]) -> None:
        self._kinds, self._categories = kinds, categories
        self._rows: list[dict[str, Any]] = []

    def add(self, **values: Any) -> dict[str, Any]:
        """Add a row and return it, to be filled in later."""
        self._rows.append(values)
        return values

    def frame(self) -> pd.DataFrame:
        """Return the DataFrame of all rows, with the same dtypes however many there are."""
        columns = {name: [row.get(name) for row in self._rows] for name in self._kinds}
        return frame_of(self._kinds, columns, self._categories)
