"""The columns of a frame of messages, in order, and their dtypes: the same for every frame, empty or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..content import ROLES
from ..errors import InvalidInputError
from ..plain_text import utf8_text
from ..records import MESSAGE_CLASSES

Kind = Literal["text", "category", "int32", "Int64", "bool", "time", "duration"]
"""`bool` and `duration` are for frames of sessions and tool calls alone, `int32` for the column `index`: see
`column_chunks.py` before a column of messages gets one."""

COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "index": "int32",
    "type": "category",
    "role": "category",
    "content": "text",
    "content_json": "text",
    "name": "text",
    "id": "text",
    "tool_calls": "text",
    "tool_call_id": "text",
    "status": "category",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "total_tokens": "Int64",
    "cached_tokens": "Int64",
    "reasoning_tokens": "Int64",
    "model": "text",
    "finish_reason": "text",
    "additional_kwargs": "text",
    "response_metadata": "text",
    "usage_metadata": "text",
    "artifact": "text",
    "stored_at": "time",
    "raw": "text",
    "checksum": "Int64",
    "error": "text",
}
"""Nested values are JSON text: Arrow invents keys and changes numbers in nested columns.
`checksum` is of `raw`: it tells whether `raw` or another column of a row was edited."""

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
_NO_TEXT = pd.array([], dtype=TEXT)
TIME = pd.DatetimeTZDtype("us", "UTC")

# Categories that are always there, so that frames of the usual messages have equal dtypes.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "type": tuple(MESSAGE_CLASSES),
    "role": tuple(dict.fromkeys(["system", "developer", *ROLES.values()])),
    "status": ("success", "error"),
}


class Rows:
    """Rows of a frame that are gathered one by one; a value that is not given is missing."""

    def __init__(self, kinds: dict[str, Kind], categories: Mapping[str, Sequence[str]]) -> None:
        self._kinds, self._categories = kinds, categories
        self._rows: list[dict[str, Any]] = []

    def add(self, **values: Any) -> dict[str, Any]:
        """Add a row and return it, to be completed later."""
        self._rows.append(values)
        return values

    def frame(self) -> pd.DataFrame:
        """Return the DataFrame of all rows, with the same dtypes however many there are."""
        columns = {name: [row.get(name) for row in self._rows] for name in self._kinds}
        return frame_of(self._kinds, columns, self._categories)


def checked_columns(columns: Iterable[str] | None) -> list[str]:
    """Return the names in `columns`, each once, in that order; all of them for None.

    Raises: InvalidInputError for an unknown name, with the known ones.
    """
    if columns is None:
        return list(COLUMNS)
    if isinstance(columns, str):
        raise InvalidInputError(f"columns must be a list of names, as in [{columns!r}]")
    names = list(dict.fromkeys(columns))
    if unknown := [name for name in names if name not in COLUMNS]:
        raise InvalidInputError(f"unknown columns {unknown}; choose from {', '.join(COLUMNS)}")
    return names


def array(kind: Kind, values: Sequence[Any], categories: Iterable[str] = ()) -> Any:
    """Return `values` (None for a missing one) as a pandas array of the dtype of `kind`.

    Times are datetimes in UTC. `categories` come first, and then others in order of appearance.
    """
    if kind == "text":
        return text_array(values)
    if kind == "category":
        return _category_array(values, categories)
    if kind == "time":
        return pd.array(values, dtype=TIME)
    if kind == "duration":
        return pd.array(values, dtype="timedelta64[us]")
    if kind in ("int32", "bool"):
        return np.array(values, dtype=kind)
    return _whole_numbers(values)


def text_array(values: Sequence[str | None]) -> Any:
    """Return `values` as pandas' `str`, which is UTF-8: a lone surrogate becomes its JSON escape."""
    if not any(values) and "" not in values:  # columns of tool messages in chats without tools, and the like
        return _NO_TEXT.take(np.full(len(values), -1), allow_fill=True)
    try:
        return pd.array(values, dtype=TEXT)
    except UnicodeEncodeError:
        return pd.array([value and utf8_text(value) for value in values], dtype=TEXT)


def _whole_numbers(values: Sequence[int | None]) -> Any:
    missing = np.array([value is None for value in values], dtype=bool)
    numbers = np.array([0 if value is None else value for value in values], dtype="int64")
    return pd.arrays.IntegerArray(numbers, missing)


def frame_of(
    kinds: Mapping[str, Kind],
    columns: Mapping[str, Sequence[Any]],
    categories: Mapping[str, Iterable[str]] = CATEGORIES,
) -> pd.DataFrame:
    """Return a DataFrame of `columns`, each with the dtype that `kinds` has for it."""
    arrays = {name: array(kinds[name], values, categories.get(name, ())) for name, values in columns.items()}
    return pd.DataFrame(arrays, copy=False)


def unknown_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an empty frame with the dtypes of `frame` for Dask: each partition has categories of its own."""
    meta = frame.iloc[:0].copy()
    for name in meta.columns:
        if isinstance(meta[name].dtype, pd.CategoricalDtype):
            meta[name] = meta[name].cat.set_categories(text_array(["__UNKNOWN_CATEGORIES__"]))
    return meta


def _category_array(values: Sequence[str | None], first: Iterable[str]) -> Any:
    positions = {value: position for position, value in enumerate(first)}
    codes = [-1 if value is None else positions.setdefault(value, len(positions)) for value in values]
    categories = pd.Index(text_array(list(positions)))
    return pd.Categorical.from_codes(np.array(codes, dtype=np.int32), dtype=pd.CategoricalDtype(categories))
