"""Columns that grow in Arrow, some thousand rows at a time: no list holds the values of a whole frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from ..records import RecordFields, StoredMessage
from .column_chunks import Rows, column_of
from .raw_values import HeaderValues, Texts, coded_values
from .schema import CATEGORIES, COLUMNS
from .values import STAMPS, Fields, Values, column_values

TOGETHER: Final = 250
"""Records that are parsed at once: one by one, short sessions would cost more in calls than in work, and
thousands of parsed records cost three times as much in memory traffic and garbage collection."""
_CHUNK_ROWS: Final = 20_000
_CHUNK_CHARACTERS: Final = 32_000_000


class Columns:
    """The columns of a frame of messages; parsed records are let go as soon as their values are taken."""

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = {name: column_of(COLUMNS[name], CATEGORIES.get(name, ())) for name in names}
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
        rows = Rows(self._codes)
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
        return pd.DataFrame({name: column.array() for name, column in self._columns.items()}, copy=False)
