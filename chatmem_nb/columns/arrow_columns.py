"""Columns that grow in Arrow, some thousand rows at a time: no list holds the values of a whole frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..plain_text import utf8_text
from ..records import RecordFields, StoredMessage, timestamp
from .raw_values import HeaderValues, Texts, coded_values
from .schema import CATEGORIES, COLUMNS, TEXT, TIME, Kind, text_array
from .values import STAMPS, Fields, Values, column_values

TOGETHER: Final = 250
"""Records that are parsed at once: one by one, short sessions would cost more in calls than in work, and
thousands of parsed records cost three times as much in memory traffic and garbage collection."""
_CHUNK_ROWS: Final = 20_000
_CHUNK_CHARACTERS: Final = 32_000_000
# The default pool returns memory to the system and asks for it again: a quarter of the time of a frame.
_POOL: Final = pa.system_memory_pool()
_STAMP_LENGTH: Final = len("2026-01-01T00:00:00.000000+00:00")


class Columns:
    """The columns of a frame of messages; parsed records are let go as soon as their values are taken."""

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = {name: _column(COLUMNS[name], CATEGORIES.get(name, ())) for name in names}
        self._names = [STAMPS if name == "stored_at" else name for name in names]
        self._headers = HeaderValues(self._names)
        self._codes: list[int] = []
        self._session_ids: list[str | None] = []
        self._records: list[StoredMessage] = []
        self._indexes: list[int] = []
        self._raws: list[str] = []
        self._parsed = RecordFields([], [], [], [])
        self._rows = self._characters = 0

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        """Take the values of `records` of one session."""
        self._session_ids += [session_id] * len(records)
        self._records += records
        if len(self._records) >= TOGETHER:
            self._take()

    def add_raw(self, session_id: str, start: int, raws: Sequence[str]) -> None:
        """Take the values of the records of `raws`, from index `start` on; not to be mixed with `add`."""
        for first in range(0, len(raws), TOGETHER):
            piece = raws[first : first + TOGETHER]
            self._session_ids += [session_id] * len(piece)
            self._indexes += range(start + first, start + first + len(piece))
            self._raws += piece
            if len(self._raws) >= TOGETHER:
                self._take()

    def add_fields(self, session_id: str, start: int, fields: RecordFields) -> None:
        """Take the values of parsed records, whose texts no column needs; not to be mixed with the others."""
        count = len(fields.types)
        self._session_ids += [session_id] * count
        self._indexes += range(start, start + count)
        self._parsed.extend(fields)
        if len(self._indexes) >= TOGETHER:
            self._take()

    def _take(self) -> None:
        values: Mapping[str, Values]
        if fields := self._fields():
            values, raws = column_values(self._names, fields), fields.raws
            self._codes += self._headers.extend(values, len(fields.types))
        else:
            texts = Texts(self._session_ids, self._indexes, self._raws)
            raws, (values, codes) = texts.raws, coded_values(self._names, texts, self._headers)
            self._codes += codes
        for column, name in zip(self._columns.values(), self._names, strict=True):
            if name not in self._headers.columns:
                column.waiting += values[name]
        self._rows += len(self._indexes) or len(self._records)
        self._characters += sum(map(len, raws), self._parsed.size)
        if self._rows >= _CHUNK_ROWS or self._characters >= _CHUNK_CHARACTERS:
            self._end_chunk()
        self._session_ids, self._records, self._indexes, self._raws = [], [], [], []
        self._parsed = RecordFields([], [], [], [])

    def _fields(self) -> Fields | None:
        """The fields of records that were given parsed."""
        if self._records:
            return Fields.of(self._session_ids, self._records)
        if not (found := self._parsed).types:
            return None
        return Fields(
            self._session_ids, self._indexes, (), found.types, found.datas, found.errors, found.stamps
        )

    def _end_chunk(self) -> None:
        rows = _Rows(self._codes)
        for name, column in self._columns.items():
            if name in self._headers.columns:
                column.waiting = self._headers.columns[name]
                column.end_chunk(rows)
            else:
                column.end_chunk()
        self._headers, self._codes = HeaderValues(self._names), []
        self._rows = self._characters = 0

    def frame(self) -> pd.DataFrame:
        """Return the DataFrame of all that was taken, with the same dtypes however little that is."""
        self._take()
        self._end_chunk()
        arrays = {}
        for name, column in self._columns.items():
            arrays[name] = column.array()
        return pd.DataFrame(arrays, copy=False)


class _Rows:
    """Which of a column's waiting values each row has."""

    def __init__(self, codes: Sequence[int]) -> None:
        self.codes = np.array(codes, np.int32)
        self.first_seen = list(dict.fromkeys(codes))
        """Each code once, in the order of the rows."""


class _Column(Protocol):
    waiting: list[Any]

    def end_chunk(self, rows: _Rows | None = None) -> None: ...

    def array(self) -> Any: ...


class _Chunks:
    """A column as chunks; `waiting` are the values of the one that grows."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self._chunks: list[Any] = []

    def end_chunk(self, rows: _Rows | None = None) -> None:
        """Make a chunk of the waiting values: one a row, or those that `rows` refer to."""
        if self.waiting:
            self._chunks.append(self.chunk(self.waiting, rows))
            self.waiting = []

    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
        raise NotImplementedError


class _Texts(_Chunks):
    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
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

    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
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
    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
        array = pa.array(values, pa.int64())
        missing = array.is_null().to_numpy(zero_copy_only=False)
        numbers = array.fill_null(0).to_numpy()
        return (numbers, missing) if rows is None else (numbers[rows.codes], missing[rows.codes])

    def array(self) -> Any:
        numbers = _joined([numbers for numbers, _ in self._chunks], np.int64)
        missing = _joined([missing for _, missing in self._chunks], np.bool_)
        return pd.arrays.IntegerArray(numbers, missing)


class _Indexes(_Chunks):
    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
        return np.array(values, np.int32)

    def array(self) -> Any:
        return _joined(self._chunks, np.int32)


class _Times(_Chunks):
    def chunk(self, values: list[Any], rows: _Rows | None) -> Any:
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


_KINDS: Mapping[Kind, Callable[[], _Column]] = {
    "text": _Texts,
    "int32": _Indexes,
    "Int64": _WholeNumbers,
    "time": _Times,
}


def _column(kind: Kind, categories: Iterable[str]) -> _Column:
    return _Categories(categories) if kind == "category" else _KINDS[kind]()
