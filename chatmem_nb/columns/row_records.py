"""The rows of a frame of messages as records again: as they were, or rebuilt if columns were edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ..content import role_name
from ..errors import InvalidInputError, RecordError
from ..json_text import json_text, parse_json
from ..plain_text import utf8_text
from ..records import StoredMessage, parse
from .drafts import EDITABLE
from .edits import built, rebuilt
from .schema import COLUMNS
from .values import Fields, checksum, column_values

_JSON_COLUMNS = frozenset(
    {"content_json", "tool_calls", "additional_kwargs", "response_metadata", "usage_metadata", "artifact"}
)
_EDITABLE_COUNTS = frozenset(
    {"input_tokens", "output_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"}
)


def frame_records(frame: pd.DataFrame, session_id: str | None = None) -> Iterator[tuple[str, list[str], int]]:
    """Yield (session id, records, how many of them were rebuilt), a session at a time.

    Raises: InvalidInputError; RecordError, naming session and record.
    """
    yield from _records(_columns(frame), len(frame), session_id)


def frame_places(frame: pd.DataFrame) -> dict[str, list[int]]:
    """Return the rows of each session, in order. Raises: InvalidInputError, with the row and the column."""
    names = [str(name) for name in frame.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidInputError(f"the frame has two columns {twice[0]!r}; drop one", field=twice[0])
    _check_messages(names)
    kept = frame[[name for name in frame.columns if str(name) in ("session_id", "index")]]
    return places_of(_columns(kept), len(frame), None)


def frame_rows(frame: pd.DataFrame, rows: Sequence[int] | None) -> list[dict[str, Any]]:
    """Return the cells of these rows (None: of all), by column; None where one is missing."""
    columns = _columns(frame if rows is None else frame.take(list(rows)))
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): _values(frame[name]) for name in frame.columns}


def _check_messages(names: Collection[str]) -> None:
    if not {"raw", "type", "role"} & set(names):
        raise InvalidInputError(
            "the frame has neither `raw` nor `type` nor `role`: it holds no messages", field="raw"
        )
    unknown = [name for name in names if name not in COLUMNS]
    if unknown and "raw" in names and "content" not in names:
        raise InvalidInputError(
            f"the frame has `raw` but no `content`, and a column {unknown[0]!r}, which messages do not have: "
            f"`raw` would be written as it is. Rename {unknown[0]!r} to 'content', or drop it",
            field=unknown[0],
        )


def _records(
    columns: dict[str, list[Any]], n_rows: int, session_id: str | None
) -> Iterator[tuple[str, list[str], int]]:
    _check_messages(columns)
    for name, places in places_of(columns, n_rows, session_id).items():
        rows = [{column: values[place] for column, values in columns.items()} for place in places]
        yield name, *session_records(name, rows)


def rows_records(
    rows: Sequence[dict[str, Any]], session_id: str | None = None
) -> Iterator[tuple[str, list[str], int]]:
    """Yield what `frame_records` does of a frame of these rows, all with the same columns.

    Raises: InvalidInputError; RecordError, with session and record.
    """
    names = list(rows[0]) if rows else []
    yield from _records({name: [row[name] for row in rows] for name in names}, len(rows), session_id)


def places_of(columns: dict[str, list[Any]], n_rows: int, session_id: str | None) -> dict[str, list[int]]:
    """Return the rows of each session, in order. Raises: InvalidInputError, with the row and the column."""
    names = columns.get("session_id", [None] * n_rows)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        name = session_id if name is None else str(name)
        if not name:
            raise InvalidInputError(
                f"row {place} has no session_id; give one, as in session_id='chat-1'",
                position=place,
                field="session_id",
            )
        places.setdefault(name, []).append(place)
    if "index" in columns:
        known = [_order(place, value) for place, value in enumerate(columns["index"])]
        last = max((value for value in known if value is not None), default=0)
        order = [last + 1 if value is None else value for value in known]
        for rows in places.values():  # a stable sort: rows put in by hand follow their twin
            rows.sort(key=order.__getitem__)
    return places


def _order(place: int, value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError(
            f"row {place} has {value!r:.40} as its `index`, which is not a whole number",
            position=place,
            field="index",
        ) from None


def session_records(session_id: str, rows: Sequence[dict[str, Any] | str]) -> tuple[list[str], int]:
    """Return the records of the rows of one session, and how many were rebuilt; a text is a record itself.

    Raises: RecordError, with session and record.
    """
    records, n_rebuilt = [], 0
    for index, row in enumerate(rows):
        if isinstance(row, str):
            records.append(row)
            continue
        try:
            raw, was_rebuilt = row_record(row, index)
        except RecordError as exc:
            raise RecordError(exc.reason, session_id=session_id, index=index, field=exc.field) from None
        records.append(raw)
        n_rebuilt += was_rebuilt
    return records, n_rebuilt


def row_record(row: dict[str, Any], index: int) -> tuple[str, bool]:
    """Return the record of one row, and whether it was rebuilt.

    Raises: RecordError; ValueError or TypeError for cells of other types than the columns have.
    """
    raw = row.get("raw")
    if raw is None and _is_empty_record(row):
        return "", False  # a cell of CSV has no other way to say so
    if not isinstance(raw, str) or (not raw and not _is_empty_record(row)):
        return built(_all_given(row), index), True
    if _checksum(row) not in (None, checksum(raw)):
        return _edited_raw(raw, index), True
    record = parse(raw, index)
    edits = _edits(record, _all_given(row))
    return (rebuilt(record, edits), True) if edits else (raw, False)


def _is_empty_record(row: dict[str, Any]) -> bool:
    return bool(row.get("error")) and row.get("type") is None and row.get("role") is None


def _checksum(row: dict[str, Any]) -> int | None:
    try:
        return int(row["checksum"])
    except (KeyError, TypeError, ValueError, OverflowError):  # other tools drop it, or make text of it
        return None


def _edited_raw(raw: str, index: int) -> str:
    if (record := parse(raw, index)).error is not None:
        raise RecordError(f"its `raw` was edited, but {record.error}", index=index, field="raw")
    return raw


def _all_given(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _cell(name, row[name]) for name in EDITABLE if name in row}


def _cell(name: str, value: Any) -> Any:
    try:
        return _given(name, value)
    except (TypeError, ValueError, ArithmeticError) as exc:
        raise RecordError(f"its `{name}` has a value of a wrong type: {exc}", field=name) from None


def _edits(record: StoredMessage, given: dict[str, Any]) -> dict[str, Any]:
    """The columns that do not say what `raw` says."""
    expected = column_values(given, Fields.of([], [record]))
    edits = {name: value for name, value in given.items() if not _same(name, value, expected[name][0])}
    if type(edits.get("content")) is list and record.data and edits["content"] == record.data.get("content"):
        del edits["content"]  # the blocks as they are
    return edits


def _same(name: str, value: Any, expected: Any) -> bool:
    if name == "role" and isinstance(value, str) and role_name(value) == expected:
        return True
    if value == expected or (value in (None, "") and expected in (None, "")):
        return True
    if isinstance(expected, str) and value == utf8_text(expected):
        return True
    if name in _JSON_COLUMNS and isinstance(value, str) and isinstance(expected, str):
        try:
            return bool(parse_json(value) == parse_json(expected))
        except (ValueError, RecursionError):
            return False
    return False


def _given(name: str, value: Any) -> Any:
    """The value of a cell as the columns have it; files and other tools turn numbers and times about."""
    if isinstance(value, (list, dict)):
        return value if name == "content" else json_text(value)
    if value is None or name == "stored_at":
        return _time(value)
    if name in _EDITABLE_COUNTS:
        return int(value) if value == int(value) else value
    if isinstance(value, float) and value.is_integer():  # an id of digits, beside a missing one
        value = int(value)
    return value if isinstance(value, str) else str(value)


def _time(value: Any) -> Any:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def _values(column: pd.Series[Any]) -> list[Any]:
    """The cells as Python values, None where one is missing."""
    missing = column.isna().tolist()
    return [
        None if gone else value.tolist() if isinstance(value, np.ndarray) else value
        for gone, value in zip(missing, column.tolist(), strict=True)
    ]
