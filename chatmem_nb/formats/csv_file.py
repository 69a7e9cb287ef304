"""Comma-separated values, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from ..columns.row_records import rows_records
from ..columns.schema import COLUMNS
from ..columns.values import Fields, column_values
from ..errors import InvalidInputError
from ..plain_text import utf8_text
from ..records import StoredMessage
from .piece import RECORDS, Piece, is_in_order
from .writer import JSONObject, TextWriter

# A spreadsheet runs a cell that begins like this, after spaces and line breaks too. The quote that keeps it
# from that is taken off on the way back. The last four are full-width: some programs read them as the first.
_FORMULA = re.compile(r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
_WHOLE = {name for name, kind in COLUMNS.items() if kind in ("int32", "Int64")}


class CsvWriter(TextWriter):
    """A row a message, the columns of a frame; missing values are empty.

    What changes: a cell that a spreadsheet would run as a formula gets a quote, which the import takes off,
    and a lone surrogate becomes its escape. With the column `raw` records come back byte for byte, unless a
    spreadsheet that saved the file changed its numbers, times or line breaks.
    """

    newline = ""

    def __init__(self, path: Path, state: JSONObject, columns: Sequence[str]) -> None:
        self._columns = columns
        super().__init__(path, state)
        self._rows = csv.writer(self._file, lineterminator="\r\n")

    def begin(self) -> None:
        self.write("\ufeff")  # Excel takes a file without it for one in the local encoding
        csv.writer(self._file, lineterminator="\r\n").writerow(self._columns)

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        values = column_values(self._columns, Fields.of([session_id] * len(records), records))
        for row in zip(*values.values(), strict=True):
            self._rows.writerow([cell(value) for value in row])


def cell(value: Any) -> Any:
    """Return `value` as it stands in a cell: a formula is guarded, a lone surrogate is escaped."""
    if type(value) is str:
        text = value if value.isascii() else utf8_text(value)
        return f"'{text}" if _FORMULA.match(text) else text
    return value.isoformat() if isinstance(value, datetime) else value


def unguarded(text: str) -> str:
    """Return the text that `cell` made this of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def read(path: Path, session_id: str | None) -> Iterator[Piece]:
    """Yield the conversations of a file.

    Raises: InvalidInputError, with the line; RecordError.
    """
    # For the whole process; its default refuses a message of more than 128 kB.
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    places = ((row.get("session_id"), row["index"]) for row in _rows(path) if row.get("index") is not None)
    most = RECORDS if is_in_order(places) else None
    rows = _rows(path)
    while page := list(islice(rows, most)):
        for found in rows_records(page, session_id):
            yield Piece(*found)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = _next(rows) or []
        if len(set(names)) < len(names):
            name = next(name for name in names if names.count(name) > 1)
            raise InvalidInputError(f"{path} has two columns {name[:100]!r}; remove one", line=1, field=name)
        while (cells := _next(rows)) is not None:
            if cells:
                yield row_values(names, cells, rows.line_num)


def _next(rows: Any) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as exc:
        line = rows.line_num
        raise InvalidInputError(f"line {line} is not valid CSV: {exc}", line=line) from None


def row_values(names: list[str], cells: list[str], line: int) -> dict[str, Any]:
    """Return the values of one row. Raises: InvalidInputError."""
    if len(cells) != len(names):
        counts = f"has {len(cells)} cells, and the header {len(names)}"
        reason = f"{counts}; are texts with commas or line breaks quoted?"
        raise InvalidInputError(f"line {line} {reason}", reason=f"it {reason}", line=line)
    row: dict[str, Any] = {name: unguarded(text) or None for name, text in zip(names, cells, strict=True)}
    for name in _WHOLE & row.keys():
        row[name] = _whole(row[name], name, line)
    return row


def _whole(text: str | None, name: str, line: int) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:  # 12.0: how pandas writes numbers beside missing ones
        number = _float(text)
    if number is None or not number.is_integer():
        reason = f"has {text[:20]!r} as its `{name}`, which is not a whole number"
        raise InvalidInputError(f"line {line} {reason}", reason=f"it {reason}", line=line, field=name)
    return int(number)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
