"""Batches of a Parquet file as records: rows that nobody edited are told by whole columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .arrow_columns import TOGETHER
from .column_chunks import arrow_times
from .drafts import EDITABLE
from .raw_values import Texts, raw_values
from .row_records import frame_rows, places_of, session_records
from .values import STAMPS, checksums


def batch_records(batch: Any, session_id: str | None) -> Iterator[tuple[str, list[str], int]]:
    """Yield (session id, records, how many of them were rebuilt) of a batch that has the column `raw`.

    What every column would be is computed from `raw` and compared with what the file has; only rows that
    differ are looked at one by one, as `frame_records` does.

    Raises: InvalidInputError; RecordError, naming session and record.
    """
    batch = batch.rename_columns(list(map(str, batch.schema.names)))
    names = batch.schema.names
    raws: list[Any] = _cells(batch.column("raw"))
    edited = _edited_rows(batch, raws)
    ids_and_indexes = {name: _cells(batch.column(name)) for name in ("session_id", "index") if name in names}
    cells: dict[int, dict[str, Any]] = {}
    if edited:
        rows = sorted(edited)
        frame = batch.take(pa.array(rows, pa.int64())).to_pandas()
        cells = dict(zip(rows, frame_rows(frame, None), strict=True))
    for name, places in places_of(ids_and_indexes, batch.num_rows, session_id).items():
        if edited.isdisjoint(places):
            yield name, [raws[place] for place in places], 0
        else:
            yield name, *session_records(name, [cells.get(place, raws[place]) for place in places])


def _edited_rows(batch: Any, raws: list[Any]) -> set[int]:
    """The rows whose columns do not say, letter for letter, what `raw` says."""
    known = [raw if type(raw) is str else "" for raw in raws]
    edited = {row for row, raw in enumerate(known) if not raw}
    names = [name for name in EDITABLE if name in batch.schema.names and name != "stored_at"]
    cells = {name: _cells(batch.column(name)) for name in names}
    stamps: list[object] = []
    for start in range(0, len(known), TOGETHER):
        values = raw_values([*names, STAMPS], Texts((), (), known[start : start + TOGETHER]))
        stamps += values.pop(STAMPS)
        for name, expected in values.items():
            given = cells[name][start : start + TOGETHER]
            if given != list(expected):
                pairs = enumerate(zip(given, expected, strict=True), start)
                edited.update(row for row, (cell, value) in pairs if cell != value)
    if "checksum" in batch.schema.names:
        given, expected = _cells(batch.column("checksum")), checksums(known)
        if given != expected:
            pairs = enumerate(zip(given, expected, strict=True))
            edited.update(row for row, (cell, value) in pairs if cell not in (None, value))
    if "stored_at" in batch.schema.names:
        edited.update(_rows_of_other_times(batch.column("stored_at"), stamps))
    return edited


def _rows_of_other_times(column: Any, stamps: list[object]) -> list[int]:
    expected = arrow_times(stamps)
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        return list(range(len(column)))
    try:
        given = column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # finer than a record keeps it
        return list(range(len(column)))
    both_missing = pc.and_(given.is_null(), expected.is_null())
    same = pc.or_(both_missing, pc.fill_null(pc.equal(given, expected), False))
    found: list[int] = pc.indices_nonzero(pc.invert(same)).to_pylist()
    return found


def _cells(column: Any) -> list[Any]:
    """The cells as Python values, None where one is missing; texts that repeat stay references to one."""
    if pa.types.is_dictionary(column.type):
        values = [*column.dictionary.to_pylist(), None]
        return [values[code] for code in column.indices.fill_null(-1).to_pylist()]
    if pa.types.is_floating(column.type):  # what other tools make of whole numbers, where some are missing
        return [None if cell != cell else cell for cell in column.to_pylist()]
    cells: list[Any] = column.to_pylist()
    return cells
