"""Parquet: the frame itself, on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..errors import InvalidInputError
from ..frames.columns import Columns
from ..frames.schema import COLUMNS, frame_of
from ..records import StoredMessage
from .writers import JSONObject

ROWS = 20_000
"""Rows of a row group, at most."""
MISSING = "missing"
"""The key of rows that have no value in a column that a folder is parted by."""
_OPTIONS: dict[str, Any] = {"compression": "zstd"}
CHARACTERS = 32_000_000
"""Of stored text in a row group, about; a record larger than that has one of its own."""


class ParquetWriter:
    """One file, or with `partition_by` a folder of them in Hive's layout: `role=user/`, `role=missing/`.

    Grows as parts, each a whole file: so it can be taken up again, and an interruption costs one part.
    """

    def __init__(
        self, path: Path, state: JSONObject, columns: Sequence[str], partition_by: Sequence[str] = ()
    ) -> None:
        fit = [name for name in columns if COLUMNS[name] in ("text", "category")]
        if unfit := [name for name in partition_by if name not in fit]:
            raise InvalidInputError(f"cannot part by {unfit}; choose from {', '.join(fit)}")
        self.left_out: list[str] = []
        self._path, self._columns, self._partition_by = path, list(columns), list(partition_by)
        self._parts_folder = path.with_name("parts")
        self._parts_folder.mkdir(exist_ok=True)
        self._parts: int = state.get("parts", 0)
        for part in self._parts_folder.iterdir():
            if int(part.stem) >= self._parts:
                part.unlink()
        self._schema = schema(self._columns)
        self._waiting, self._rows, self._characters = Columns(self._columns), 0, 0

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        for record in records:
            self._characters += len(record.raw)
        self._rows += len(records)
        self._waiting.add(session_id, records)
        if self.wants_checkpoint():
            self._write_part()

    def end_session(self) -> None:
        """Nothing marks the end of a session."""

    def wants_checkpoint(self) -> bool:
        return self._rows >= ROWS or self._characters >= CHARACTERS

    def checkpoint(self) -> JSONObject:
        self._write_part()
        return {"parts": self._parts}

    def _write_part(self) -> None:
        if self._rows:
            table = pa.Table.from_pandas(
                frame_of(COLUMNS, self._waiting.values), schema=self._schema, preserve_index=False
            )
            pq.write_table(table, self._parts_folder / f"{self._parts:06}.parquet", compression="zstd")
            self._parts += 1
        self._waiting, self._rows, self._characters = Columns(self._columns), 0, 0

    def finish(self) -> None:
        self._write_part()
        if self._partition_by:
            self._write_folder()
        elif self._parts == 1:
            (self._parts_folder / f"{0:06}.parquet").replace(self._path)
        else:
            with pq.ParquetWriter(self._path, self._schema, compression="zstd") as whole:
                for table in self._tables():
                    whole.write_table(table)
        shutil.rmtree(self._parts_folder)

    def _tables(self) -> Iterator[Any]:
        for part in sorted(self._parts_folder.iterdir()):
            file = pq.ParquetFile(part)
            with file:
                yield file.read()

    def _write_folder(self) -> None:
        self._path.mkdir(exist_ok=True)
        keys = pa.schema([(name, pa.string()) for name in self._partition_by])
        partitioning = ds.partitioning(keys, flavor="hive")
        for number, table in enumerate(self._tables()):
            for name in self._partition_by:  # neither Arrow nor pandas reads back keys that are missing
                values = table[name].cast(pa.string()).fill_null(MISSING)
                table = table.set_column(table.column_names.index(name), name, values)
            ds.write_dataset(
                table,
                self._path,
                format="parquet",
                partitioning=partitioning,
                basename_template=f"part-{number:06}-{{i}}.parquet",
                existing_data_behavior="overwrite_or_ignore",
                max_partitions=max(1_024, len(table)),
                file_options=ds.ParquetFileFormat().make_write_options(**_OPTIONS),
            )

    def close(self) -> None:
        """Parts are closed as they are written."""


def schema(columns: Sequence[str]) -> Any:
    """Return Arrow's schema of a frame of these columns, with what pandas needs to read it back alike."""
    plain = pa.Schema.from_pandas(frame_of(COLUMNS, {name: [] for name in columns}), preserve_index=False)
    metadata: Any = plain.metadata
    fields = []
    for field in plain:
        if COLUMNS[field.name] == "category":  # the index type would otherwise follow the first categories
            field = pa.field(field.name, pa.dictionary(pa.int32(), pa.string()))
        fields.append(field)
    return pa.schema(fields, metadata=metadata)
