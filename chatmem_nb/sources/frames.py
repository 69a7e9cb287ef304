"""The messages of a DataFrame as sessions."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from ..columns.row_records import frame_places, frame_rows, row_record
from ..errors import InvalidInputError, RecordError
from ..plain_text import counted
from ..records import StoredMessage, parse
from ..stores.arguments import checked_index, checked_session_id, checked_session_ids
from ..stores.protocol import SessionSummary
from ..stores.redis_glob import compile_glob

if TYPE_CHECKING:
    import pandas as pd

_PIECE: Final = 2_000
"""Rows that are converted to records at once."""
_Part = tuple[str, int, list[int]]
_Row = tuple[int, dict[str, Any]]


def is_frame(source: object) -> TypeGuard[pd.DataFrame]:
    """Whether `source` is a pandas DataFrame; does not import pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


class FrameSource:
    """The messages of a frame of `to_dataframe`, filtered or edited, read-only.

    The record of a row is its `raw`, byte for byte; if the row was edited or has no `raw`, the record is
    rebuilt as by `from_dataframe`. Rows of a session are sorted by `index`.

    Raises: InvalidInputError if the frame does not contain messages, and if a row that is read is not a valid
    record: `field` is its column, `position` its row.
    """

    service = "DataFrame"
    target = "DataFrame"

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame.copy(deep=False)
        self._places = frame_places(frame)

    def session_ids(self, match: str | None = None) -> Iterator[str]:
        """Yield the id of each session, or those that match the glob `match`, in the order of the rows."""
        pattern = None if match is None else compile_glob(match)
        return iter([name for name in self._places if pattern is None or pattern.fullmatch(name)])

    async def asession_ids(self, match: str | None = None) -> AsyncIterator[str]:
        """Yield the id of each session, or those that match the glob `match`, in the order of the rows."""
        for name in self.session_ids(match):
            yield name

    def summaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order."""
        found = []
        for name in checked_session_ids(session_ids):
            rows = self._places.get(name, [])
            ends = self._records(name, [*rows[:1], *rows[-1:]])
            first, last = (ends[0], ends[-1]) if ends else (None, None)
            found.append(SessionSummary(name, len(rows), first=first, last=last))
        return found

    async def asummaries(self, session_ids: Iterable[str]) -> list[SessionSummary]:
        """Return a summary of each id, in order."""
        return self.summaries(session_ids)

    def length(self, session_id: str) -> int:
        """Return the number of rows of the session; 0 if there are none."""
        return len(self._places.get(checked_session_id(session_id), ()))

    async def alength(self, session_id: str) -> int:
        """Return the number of rows of the session; 0 if there are none."""
        return self.length(session_id)

    def read(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first."""
        selected = slice(checked_index(start, "start"), stop if stop is None else checked_index(stop, "stop"))
        return self._records(session_id, self._places.get(checked_session_id(session_id), [])[selected])

    async def aread(self, session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
        """Return the records of the slice `start:stop`, oldest first."""
        return self.read(session_id, start, stop)

    def read_many(self, session_ids: Iterable[str]) -> Iterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        for name, start, rows in self._pieces(checked_session_ids(session_ids)):
            yield name, start, [_record(name, row) for row in rows]

    async def aread_many(self, session_ids: Iterable[str]) -> AsyncIterator[tuple[str, int, list[str]]]:
        """Yield (session_id, start, records) for whole sessions, in order; long ones in several parts."""
        for piece in self.read_many(session_ids):
            yield piece

    def sessions(self) -> Iterator[tuple[str, list[StoredMessage]]]:
        """Yield (session_id, records) of all sessions, the records with the `index` of their rows."""
        for name, start, rows in self._pieces(self._places):
            yield name, [_message(name, row, start + number) for number, row in enumerate(rows)]

    def _records(self, session_id: str, rows: Sequence[int]) -> list[str]:
        return [_record(session_id, row) for row in zip(rows, frame_rows(self._frame, rows), strict=True)]

    def _pieces(self, names: Iterable[str]) -> Iterator[tuple[str, int, list[_Row]]]:
        # Short sessions are selected from the frame together: selecting each costs more than all the rest.
        waiting: list[_Part] = []
        size = 0
        for name in names:
            places = self._places.get(name, [])
            for start in range(0, len(places), _PIECE):
                waiting.append((name, start, places[start : start + _PIECE]))
                size += len(waiting[-1][2])
                if size >= _PIECE:
                    yield from self._rows_of(waiting)
                    waiting, size = [], 0
        yield from self._rows_of(waiting)

    def _rows_of(self, parts: Sequence[_Part]) -> Iterator[tuple[str, int, list[_Row]]]:
        cells = iter(frame_rows(self._frame, [row for _, _, rows in parts for row in rows]))
        for name, start, rows in parts:
            yield name, start, [(row, next(cells)) for row in rows]

    def __repr__(self) -> str:
        return f"FrameSource({counted(len(self._frame), 'row')})"


def _record(session_id: str, row: _Row) -> str:
    place, cells = row
    try:
        return row_record(cells, place)[0]
    except RecordError as exc:
        raise InvalidInputError(
            f"row {place} of the frame (`frame.iloc[{place}]`, session {session_id!r:.80}): {exc.reason}",
            reason=exc.reason,
            field=exc.field,
            position=place,
        ) from None


def _message(session_id: str, row: _Row, position: int) -> StoredMessage:
    index = row[1].get("index")
    return parse(_record(session_id, row), position if index is None else int(index))
