"""A frame of messages on its way back into a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ..errors import InvalidInputError, RecordError
from ..json_text import parse_json
from ..plain_text import utf8_text
from ..records import StoredMessage, parse
from ..stores.protocol import SessionStore
from .columns import Fields, column_values
from .edits import EDITABLE, built, rebuilt
from .storing import Conflict, Storing

_JSON_COLUMNS = frozenset(
    {"content_json", "tool_calls", "additional_kwargs", "response_metadata", "usage_metadata", "artifact"}
)
_COUNTS = frozenset({"input_tokens", "output_tokens", "total_tokens"})


def from_dataframe(
    frame: pd.DataFrame,
    store: SessionStore,
    *,
    session_id: str | None = None,
    on_conflict: Conflict = "error",
    dry_run: bool = False,
) -> pd.DataFrame:
    """Store the messages of `frame`, and return one row a session that says what was done.

    Rows go by session, ordered by `index` where that column is there. A row that was not edited is stored
    byte for byte as its `raw`; where columns differ from what `raw` says, the record is rebuilt with them,
    and all else in it stays. A row with no `raw` is built from its columns, of which `type` or `role` and
    `content` are needed. Where rows have no session id, `session_id` is theirs.

    `on_conflict` is for sessions that are there already: "error" (nothing is written at all), "append",
    "replace", "merge" (what is missing is added, as `copy_sessions` does), "skip". The last two report a
    session as `different` that cannot be aligned, or whose length or ends differ, and leave it alone. With
    `dry_run` nothing is written, and the report says what would be.

    Raises: InvalidInputError; RecordError, naming session and record, for a row that makes up no message,
    before anything is written; StoreError and its kinds.

    >>> frame = to_dataframe((store, ["short-hello"]))
    >>> frame.loc[0, "content"] = "Hello there!"
    >>> from_dataframe(frame, store, on_conflict="replace")["n_rebuilt"].tolist()
    [1]
    """
    storing = Storing(store, on_conflict, dry_run)
    found = list(frame_records(frame, session_id))
    storing.check([name for name, _, _ in found])
    for name, records, n_rebuilt in found:
        storing.add(name, records, n_rebuilt=n_rebuilt)
    return storing.report()


def frame_records(frame: pd.DataFrame, session_id: str | None = None) -> Iterator[tuple[str, list[str], int]]:
    """Yield (session id, records, how many of them were rebuilt), a session at a time.

    Raises: InvalidInputError; RecordError, naming session and record.
    """
    columns = {str(name): _values(frame[name]) for name in frame.columns}
    if not {"raw", "type", "role"} & set(columns):
        raise InvalidInputError("the frame has neither `raw` nor `type` nor `role`: it holds no messages")
    for name, places in _places(columns, len(frame), session_id).items():
        rows = [{column: values[place] for column, values in columns.items()} for place in places]
        yield name, *_session_records(name, rows)


def frame_of_texts(rows: Sequence[dict[str, str]]) -> pd.DataFrame:
    """Return a frame of cells that are all text, as CSV has them; an empty one is missing."""
    frame = pd.DataFrame([{name: text or None for name, text in row.items()} for row in rows], dtype=object)
    for name in ("index", *_COUNTS):
        if name in frame:
            frame[name] = pd.array([_whole(row.get(name)) for row in rows], dtype="Int64")
    return frame


def _whole(text: str | None) -> int | None:
    """Raises: ValueError, for what is no whole number."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError:  # 12.0: how pandas writes numbers beside missing ones
        return int(float(text))


def _places(columns: dict[str, list[Any]], n_rows: int, session_id: str | None) -> dict[str, list[int]]:
    """The rows of each session, in order."""
    names = columns.get("session_id", [None] * n_rows)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        name = session_id if name is None else str(name)
        if not name:
            raise InvalidInputError(f"row {place} has no session_id; give one, as in session_id='chat-1'")
        places.setdefault(name, []).append(place)
    if "index" in columns:
        order = columns["index"]
        last = max((value for value in order if value is not None), default=0)
        for rows in places.values():  # a stable sort: rows put in by hand follow their twin
            rows.sort(key=lambda place: last + 1 if order[place] is None else order[place])
    return places


def _session_records(session_id: str, rows: Sequence[dict[str, Any]]) -> tuple[list[str], int]:
    records, n_rebuilt = [], 0
    for index, row in enumerate(rows):
        try:
            raw, was_rebuilt = _record(row, index)
        except RecordError as exc:
            raise RecordError(exc.reason, session_id=session_id, index=exc.index) from None
        records.append(raw)
        n_rebuilt += was_rebuilt
    return records, n_rebuilt


def _record(row: dict[str, Any], index: int) -> tuple[str, bool]:
    raw = row.get("raw")
    given = {name: _given(name, row[name]) for name in EDITABLE if name in row}
    if not isinstance(raw, str) or not raw:
        return built(given, index), True
    record = parse(raw, index)
    edits = _edits(record, given)
    return (rebuilt(record, edits), True) if edits else (raw, False)


def _edits(record: StoredMessage, given: dict[str, Any]) -> dict[str, Any]:
    """The columns that do not say what `raw` says."""
    expected = column_values(given, Fields.of([], [record]))
    return {name: value for name, value in given.items() if not _same(name, value, expected[name][0])}


def _same(name: str, value: Any, expected: Any) -> bool:
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
    if value is None or name == "stored_at":
        return _time(value)
    if name in _COUNTS:
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
    return [None if gone else value for gone, value in zip(missing, column.tolist(), strict=True)]
