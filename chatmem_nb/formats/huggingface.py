"""Parquet of conversations as data sets of Hugging Face have them: a row each, with a list of `messages`.

As TRL documents it ("Dataset formats", conversational language modelling): `messages` is a list of objects
with `role` and `content`, and of `tool_calls` where there are any. `conversations` in ShareGPT's form is read
as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InvalidInputError
from ..json_text import json_text
from ..records import to_json
from .compression import MOST_GROWTH, SMALL

_LISTS: Final = ("messages", "conversations")
_IDS: Final = ("session_id", "conversation_id", "id")
_ROWS: Final = 100
_VALUE_BYTES: Final = 8
"""What a value takes at least, however often its text repeats."""


def holds_conversations(path: Path) -> bool:
    """Whether a Parquet file has a column of conversations; False for one that is not Parquet."""
    try:
        return _column(pq.read_schema(path)) is not None
    except (pa.ArrowException, OSError):
        return False


def _column(schema: Any) -> str | None:
    if {"raw", "type", "role"} & set(schema.names):
        return None  # a frame, whatever else is in it
    for name in _LISTS:
        if name in schema.names:
            kind = schema.field(name).type
            is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
            if is_list and pa.types.is_struct(kind.value_type):
                return name
    return None


def lines(path: Path) -> Iterator[str]:
    """Yield each conversation as a line of JSON Lines.

    Raises: InvalidInputError if the file holds none, or unpacks to far more than it holds.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            column = _column(schema)
            if column is None:
                raise InvalidInputError(
                    f"{path} has no column `messages` or `conversations` of lists of objects; "
                    f"its columns are {', '.join(map(repr, schema.names[:30]))}",
                    field="messages",
                )
            beside = [name for name in (*_IDS, "system") if name in schema.names]
            yield from _lines(path, file, column, beside)
    except pa.ArrowException as exc:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {exc}") from exc


def _lines(path: Path, file: Any, column: str, beside: list[str]) -> Iterator[str]:
    limit = MOST_GROWTH * path.stat().st_size + SMALL
    _check_values(path, file.metadata, limit)
    size = 0
    for batch in file.iter_batches(_ROWS, columns=[column, *beside]):
        size += batch.nbytes
        if size > limit:
            raise InvalidInputError(
                f"{path} unpacks to more than {limit:,} bytes, as texts repeat in it; export it as JSONL"
            )
        for row in batch.to_pylist():
            yield to_json(_line(column, row))


def _check_values(path: Path, metadata: Any, limit: int) -> None:
    """Raises: InvalidInputError if one row group has more values than memory should hold.

    They are counted, so that a list of a thousand million equal texts is refused before it is read.
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        values = sum(group.column(place).num_values for place in range(group.num_columns))
        if max(values * _VALUE_BYTES, group.total_byte_size) > limit:
            raise InvalidInputError(
                f"{path} unpacks to more than {limit:,} bytes; write it again with smaller row groups"
            )


def _line(column: str, row: dict[str, Any]) -> dict[str, Any]:
    name = next((row[key] for key in _IDS if row.get(key) not in (None, "")), None)
    line: dict[str, Any] = {} if name is None else {"session_id": str(name)}
    line[column] = [_message(message) for message in row[column] or ()]
    if isinstance(row.get("system"), str):
        line["system"] = row["system"]
    return line


def _message(message: Any) -> Any:
    found = _without_missing(message)
    if isinstance(found, dict) and "role" in found:
        found.setdefault("content", "")  # null beside calls
    return found


def _without_missing(value: Any) -> Any:
    """Return `value` without the keys that Arrow added to objects that lack them."""
    if isinstance(value, list):
        return [_without_missing(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_missing(item) for key, item in value.items() if item is not None}
    if isinstance(kept.get("arguments"), dict):  # of a call: an object, where OpenAI's form has JSON text
        kept["arguments"] = json_text(kept["arguments"])
    return kept
