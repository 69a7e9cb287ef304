"""What a Parquet file is checked for before it is read: the size it unpacks to, the types of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..columns.schema import COLUMNS
from ..errors import InvalidInputError
from .compression import MOST_GROWTH, SMALL

LABELS = "labels"
"""The column of a message's labels, with those of its session in the first row of that: JSON text."""
_ROW_BYTES = 100
"""What a row takes at least, however little is in it."""


def checked_sizes(files: Iterable[str | Path]) -> int:
    """Return the bytes that these files may unpack to, in all.

    Raises: InvalidInputError for a file that says that it is many times as large.
    """
    limit = 0
    for file in files:
        metadata = pq.read_metadata(file)
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        allowed = MOST_GROWTH * Path(file).stat().st_size + SMALL
        if size > allowed:
            raise InvalidInputError(f"{file} unpacks to {size:,} bytes; write it again without compression")
        limit += allowed
    return limit


def bounded(path: Path, batches: Iterable[Any], limit: int) -> Iterator[Any]:
    """Yield `batches` as long as what stands in their rows is within `limit` bytes."""
    size = 0
    for batch in batches:
        size += len(batch) * _ROW_BYTES + sum(map(cell_bytes, batch.columns))
        if size > limit:
            raise InvalidInputError(
                f"{path} unpacks to more than {limit:,} bytes, as texts repeat in it; export it as JSONL"
            )
        yield batch


def cell_bytes(column: Any) -> int:
    """Return the bytes of the cells of a column, each counted where it stands."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not is_text(column.type.value_type):
        return int(column.indices.nbytes)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    return int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)


_FITTING = {
    "int32": (pa.types.is_integer, pa.types.is_floating),
    "Int64": (pa.types.is_integer, pa.types.is_floating),
    "time": (pa.types.is_timestamp, pa.types.is_string, pa.types.is_large_string, pa.types.is_date),
}
_WANTED = {
    "text": "text",
    "category": "text",
    "int32": "whole numbers",
    "Int64": "whole numbers",
    "time": "times",
}
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
)


def checked_types(path: Path, schema: Any) -> list[str]:
    """Return the columns of a frame that a file has.

    Raises: InvalidInputError for one whose type is not what that column holds.
    """
    names = [name for name in schema.names if name in COLUMNS]
    if LABELS in schema.names and is_text(schema.field(LABELS).type):
        names.append(LABELS)
    for name in names:
        found = schema.field(name).type
        value = found.value_type if pa.types.is_dictionary(found) else found
        if name == LABELS:
            continue
        fitting = _FITTING.get(COLUMNS[name], _TEXTS)
        if not pa.types.is_null(value) and not any(fits(value) for fits in fitting):
            wanted = _WANTED[COLUMNS[name]]
            raise InvalidInputError(
                f"{path}: the column `{name}` is {value}, and must be {wanted}; convert it", field=name
            )
    return names


def is_text(kind: Any) -> bool:
    """Whether this type of Arrow is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
