"""Rows of CSV by their offsets."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...columns.row_records import row_record
from ...errors import ChatMemError, InvalidInputError
from ...records import unreadable_text
from ..csv_file import row_values, unguarded
from .columns import check_messages, reason_of, whole_or_none
from .text_lines import LONGEST, first_offset, read_line, undecodable

_REPORT_BYTES: Final = 4_000_000


class CsvRows:
    """CSV with the columns of a frame. A row that is not valid takes one line, and hides no other."""

    unit = "B"

    def __init__(self, path: Path) -> None:
        # For the whole process; its default refuses a message of more than 128 kB.
        csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
        self._path = path
        self.unnamed: list[str] = []
        self.label_places = array("q")
        self.files = [path]
        self.size = self.end = path.stat().st_size
        with path.open("rb") as file:
            row = _Row(file, first_offset(file))
        if row.problem is not None:
            raise InvalidInputError(f"the header of {path} cannot be read: {row.problem}", line=1)
        self._names, self._begin = row.cells, row.end
        twice = next((name for name in self._names if self._names.count(name) > 1), None)
        if twice is not None:
            raise InvalidInputError(
                f"{path} has two columns {twice[:100]!r}; remove one", line=1, field=twice
            )
        check_messages(path, self._names)

    def rows(self, advance: Callable[[int], object]) -> Iterator[tuple[str | None, int | None, int]]:
        """Yield each row. The session of a damaged one is that of the row before it."""
        name: str | None = None
        places = {column: place for place, column in enumerate(self._names)}
        id_place, index_place = places.get("session_id", -1), places.get("index", -1)
        reported = 0
        with self._path.open("rb", buffering=2**20) as file:
            file.seek(self._begin)
            # What rows that came to nothing were read in vain: without a bound, it is the square of the size.
            spare = 4 * self.size + LONGEST
            offset = self._begin
            while offset < self.size:
                row = _Row(file, offset, len(self._names))
                if row.problem is None and row.cells:
                    name = _cell(row.cells, id_place)
                    yield name, whole_or_none(_cell(row.cells, index_place)), offset
                elif row.problem is not None:
                    yield name, None, offset
                    spare -= row.end - offset
                    if spare > 0 and row.end > row.first_end:  # the next line may be a row again
                        row.end = row.first_end
                        file.seek(row.end)
                if row.end == offset:
                    break
                offset = row.end
                if offset - reported >= _REPORT_BYTES:
                    advance(offset - reported)
                    reported = offset
        advance(offset - reported)

    def records(self, places: Sequence[int]) -> list[str]:
        """Return the record at each place."""
        found: dict[int, str] = {}
        with self._path.open("rb") as file:
            for place in sorted(set(places)):
                file.seek(place)
                found[place] = self._record(_Row(file, place, len(self._names)))
        return [found[place] for place in places]

    def labels(self, places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield nothing: CSV carries no labels."""
        return iter(())

    def _record(self, row: _Row) -> str:
        if row.problem is not None:
            return unreadable_text(row.problem)
        try:
            return row_record(row_values(self._names, row.cells, 0), 0)[0]
        except (ChatMemError, ValueError, TypeError, ArithmeticError, LookupError) as exc:
            return unreadable_text(reason_of(exc))


class _Row:
    """The row at `offset` of `file`: its cells or its problem, and where it and its first line end."""

    def __init__(self, file: BinaryIO, offset: int, width: int | None = None) -> None:
        self._file = file
        self.end = self.first_end = offset
        self.cells: list[str] = []
        self.problem: str | None = None
        try:
            self.cells = next(csv.reader(self._lines(), strict=True), [])
        except csv.Error as exc:
            self.problem = f"it is not valid CSV: {exc}"
        except UnicodeDecodeError as exc:
            self.problem = undecodable(offset, exc)
        if self.problem is None and width is not None and self.cells and len(self.cells) != width:
            self.problem = (
                f"it has {len(self.cells)} cells, and the header {width}; are texts with commas or "
                "line breaks quoted?"
            )

    def _lines(self) -> Iterator[str]:
        size = 0
        while True:
            line, length = read_line(self._file)
            if not line:
                return
            size += length
            first = self.first_end == self.end and size == length
            self.end += length
            if first:
                self.first_end = self.end
            if size > LONGEST:
                raise csv.Error(f"it is longer than {LONGEST:,} bytes")
            yield line.decode()


def _cell(cells: list[Any], place: int) -> str | None:
    """Return the text of a cell as `session_id` and `index` have it; None if it is empty."""
    return unguarded(cells[place]) or None if place >= 0 else None
