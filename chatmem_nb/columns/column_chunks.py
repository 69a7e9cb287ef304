"""The columns of each dtype, made chunk by chunk out of lists of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..plain_text import utf8_text
from ..records import timestamp
from .schema import TEXT, TIME, Kind, text_array

# The default pool returns memory to the system and asks for it again: a quarter of the time of a frame.
_POOL: Final = pa.system_memory_pool()
_STAMP_LENGTH: Final = len("2026-01-01T00:00:00.000000+00:00")


class Rows:
    """Which of a column's waiting values each row has."""

    def __init__(self, codes: Sequence[int]) -> None:
        self.codes = np.array(codes, np.int32)
        self.first_seen = list(dict.fromkeys(codes))
        """Each code once, in the order of the rows."""


class Column(Protocol):
    waiting: list[Any]

    def end_chunk(self, rows: Rows | None = None) -> None: ...

    def array(self) -> Any: ...


class _Chunks:
    """A column as chunks; `waiting` are the values of the one that grows."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self._chunks: list[Any] = []

    def end_chunk(self, rows: Rows | None = None) -> None:
        """Make a chunk of the waiting values: one a row, or those that `rows` refer to."""
        if self.waiting:
            self._chunks.append(self.chunk(self.waiting, rows))
            self.waiting = []

    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        raise NotImplementedError


class _Texts(_Chunks):
    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        try:
            texts = pa.array(values, pa.large_string(), memory_pool=_POOL)
        except UnicodeEncodeError:  # a lone surrogate, which becomes its JSON escape
            texts = pa.array([value and utf8_text(value) for value in values], pa.large_string())
        return texts if rows is None else pc.take(texts, pa.array(rows.codes), memory_pool=_POOL)

    def array(self) -> Any:
        chunks, self._chunks = self._chunks, []
        return _from_arrow(pa.chunked_array(chunks, pa.large_string()))


def _from_arrow(chunks: Any) -> Any:
    dtype: Any = TEXT  # the stubs of pandas do not know the method, which it asks of every dtype
    return dtype.__from_arrow__(chunks)


class _Codes(dict[str | None, int]):
    """The code of each category: -1 for None, which is given; new ones get the next number."""

    def __missing__(self, name: str) -> int:
        code = self[name] = len(self) - 1
        return code


class _Categories(_Chunks):
    def __init__(self, first: Iterable[str]) -> None:
        super().__init__()
        self._codes = _Codes({value: code for code, value in enumerate([None, *first], -1)})

    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        if rows is not None:  # new categories get their numbers in the order of the rows
            for place in rows.first_seen:
                _ = self._codes[values[place]]
        codes = np.fromiter(map(self._codes.__getitem__, values), np.int32, len(values))
        return codes if rows is None else codes[rows.codes]

    def array(self) -> Any:
        categories = pd.Index(text_array([name for name in self._codes if name is not None]))
        codes = _joined(self._chunks, np.int32)
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories))


class _WholeNumbers(_Chunks):
    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        array = pa.array(values, pa.int64())
        missing = array.is_null().to_numpy(zero_copy_only=False)
        numbers = array.fill_null(0).to_numpy()
        return (numbers, missing) if rows is None else (numbers[rows.codes], missing[rows.codes])

    def array(self) -> Any:
        numbers = _joined([numbers for numbers, _ in self._chunks], np.int64)
        missing = _joined([missing for _, missing in self._chunks], np.bool_)
        return pd.arrays.IntegerArray(numbers, missing)


class _Indexes(_Chunks):
    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        return np.array(values, np.int32)

    def array(self) -> Any:
        return _joined(self._chunks, np.int32)


class _Times(_Chunks):
    def chunk(self, values: list[Any], rows: Rows | None) -> Any:
        return arrow_times(values).to_numpy(zero_copy_only=False)

    def array(self) -> Any:
        return pd.array(_joined(self._chunks, np.dtype("M8[us]")), dtype=TIME)


def arrow_times(stamps: list[Any]) -> Any:
    """Return the times (UTC) that `stored_at` of records names, missing where it names none."""
    times = _cast_times(stamps)
    if times is None:
        found = [None if time is None else time.replace(tzinfo=None) for time in map(timestamp, stamps)]
        return pa.array(found, pa.timestamp("us"))
    return times.cast(pa.timestamp("us"))


def _cast_times(stamps: list[Any]) -> Any:
    """The stamps as Arrow's times if all are missing or of the form that this package writes; else None."""
    try:
        texts = pa.array(stamps, pa.string())
        odd = pc.or_(
            pc.not_equal(pc.utf8_length(texts), _STAMP_LENGTH), pc.invert(pc.ends_with(texts, "+00:00"))
        )
        if pc.any(pc.or_(odd, pc.starts_with(texts, "0000"))).as_py():  # Python has no year 0
            return None
        return texts.cast(pa.timestamp("us", "UTC"))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return None


def _joined(chunks: Sequence[Any], dtype: Any) -> Any:
    return np.concatenate([np.array([], dtype), *chunks])


_KINDS: Mapping[Kind, Callable[[], Column]] = {
    "text": _Texts,
    "int32": _Indexes,
    "Int64": _WholeNumbers,
    "time": _Times,
}


def column_of(kind: Kind, categories: Iterable[str]) -> Column:
    return _Categories(categories) if kind == "category" else _KINDS[kind]()
