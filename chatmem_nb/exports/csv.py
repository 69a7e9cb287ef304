"""Comma-separated values, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ..frames.columns import Fields, column_values
from ..plain_text import utf8_text
from ..records import StoredMessage
from .writers import JSONObject, TextWriter

# A spreadsheet runs a cell that begins like this. One quote before it is taken off again on the way back.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class CsvWriter(TextWriter):
    """A row a message, the columns of a frame; missing values are empty."""

    newline = ""

    def __init__(self, path: Path, state: JSONObject, columns: Sequence[str]) -> None:
        self._columns = columns
        super().__init__(path, state)
        self._rows = csv.writer(self._file, lineterminator="\r\n")

    def begin(self) -> None:
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
