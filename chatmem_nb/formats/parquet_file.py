"""Parquet: the frame itself, on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..columns.arrow_columns import Columns
from ..columns.batch_records import batch_records
from ..columns.row_records import frame_records
from ..columns.schema import COLUMNS, TEXT, frame_of
from ..errors import InvalidInputError
from ..json_text import parse_json
from ..records import StoredMessage, to_json
from .parquet_checks import LABELS, bounded, checked_sizes, checked_types, is_text
from .piece import RECORDS, Piece, is_in_order
from .private_files import make_private_file, make_private_folder
from .writer import JSONObject, LeftOutSession, SessionEvents

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
        self,
        path: Path,
        state: JSONObject,
        columns: Sequence[str],
        partition_by: Sequence[str] = (),
        *,
        with_labels: bool = False,
    ) -> None:
        fit = [name for name in columns if COLUMNS[name] in ("text", "category")]
        if unfit := [name for name in partition_by if name not in fit]:
            raise InvalidInputError(f"cannot partition by {unfit}; choose from {', '.join(fit)}")
        self.left_out: list[LeftOutSession] = []
        self._path, self._columns, self._partition_by = path, list(columns), list(partition_by)
        self._parts_folder = path.with_name("parts")
        self._parts_folder.mkdir(mode=0o700, exist_ok=True)
        self._parts: int = state.get("parts", 0)
        for part in self._parts_folder.iterdir():
            if int(part.stem) >= self._parts:
                part.unlink()
        self.holds_labels = with_labels
        self._schema = schema(self._columns)
        if with_labels:
            self._schema = self._schema.append(pa.field(LABELS, pa.large_string()))
        self._labels: list[str | None] = []
        self._session_rows: list[int] = []
        self._waiting, self._rows, self._characters = Columns(self._columns), 0, 0

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        for record in records:
            self._characters += len(record.raw)
        self._rows += len(records)
        self._waiting.add(session_id, records)
        if self.holds_labels:  # they come at the end of the session, so its rows stay together
            self._session_rows += [record.index for record in records]
        elif self.wants_checkpoint():
            self._write_part()

    def add_labels(self, session_id: str, events: SessionEvents) -> None:
        for place, index in enumerate(self._session_rows):
            said = [*(events.session if place == 0 else ()), *events.messages.get(index, ())]
            self._labels.append(to_json(said) if said else None)
        self._session_rows = []

    def end_session(self) -> None:
        """Nothing marks the end of a session."""

    def wants_checkpoint(self) -> bool:
        return self._rows >= ROWS or self._characters >= CHARACTERS

    def checkpoint(self) -> JSONObject:
        self._write_part()
        return {"parts": self._parts}

    def _write_part(self) -> None:
        if self._rows:
            frame = self._waiting.frame()
            if self.holds_labels:
                frame[LABELS] = pd.array(self._labels, dtype=TEXT)
                self._labels = []
            self._keep_part(pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False))
        self._waiting, self._rows, self._characters = Columns(self._columns), 0, 0

    def _keep_part(self, table: Any) -> None:
        part = self._parts_folder / f"{self._parts:06}.parquet"
        make_private_file(part)  # with the mode of a umask of 002, it would not be resumed from
        pq.write_table(table, part, compression="zstd")
        self._parts += 1

    def finish(self) -> None:
        """Make the output of the parts, which stay: an interruption until it is published costs none."""
        self._write_part()
        if self._partition_by:
            self._write_folder()
            return
        make_private_file(self._path)
        if self._parts == 1:
            shutil.copyfile(self._parts_folder / f"{0:06}.parquet", self._path)
        else:
            with pq.ParquetWriter(self._path, self._schema, compression="zstd") as whole:
                for table in self._tables():
                    whole.write_table(table)

    def _tables(self) -> Iterator[Any]:
        for part in sorted(self._parts_folder.iterdir()):
            file = pq.ParquetFile(part)
            with file:
                yield file.read()

    def _write_folder(self) -> None:
        make_private_folder(self._path)  # in the place of that of an attempt that was interrupted
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


def read(path: Path, session_id: str | None) -> Iterator[Piece]:
    """Yield the conversations of a file, or of a folder in Hive's layout.

    The memory is bounded by the size on disk: texts that repeat stay references to one, and a file that
    unpacks to far more than it holds is refused before the rest is read.

    Raises: InvalidInputError, with the column; RecordError.
    """
    try:
        # As text: Hive's folders would otherwise make numbers of ids like "007".
        keys = pa.schema([(name, pa.string()) for name in partition_keys(path)])
        plain = ds.dataset(path, format="parquet", partitioning=ds.HivePartitioning(keys))
        limit = checked_sizes(plain.files)
        names = checked_types(path, plain.schema)
        if "raw" in names:  # other keys say nothing that the records do not
            names = [name for name in names if name == "session_id" or name not in keys.names]
        # Dictionaries stay dictionaries: a text of 1 MB that stands in a million rows is 1 MB.
        texts = [name for name in names if name not in keys.names and is_text(plain.schema.field(name).type)]
        form = ds.ParquetFileFormat(read_options=ds.ParquetReadOptions(dictionary_columns=texts))
        data = ds.dataset(path, format=form, partitioning=ds.HivePartitioning(keys))
        batches = bounded(path, data.to_batches(batch_size=RECORDS, columns=names), limit)
        if is_in_order(_places(data, names)):
            for batch in batches:
                yield from _batch_pieces(batch, session_id)
        else:  # parted by something else than sessions, or sorted by hand: it takes the whole to put it right
            whole = pa.Table.from_batches(list(batches)).unify_dictionaries()
            yield from _pieces(whole.to_pandas(), session_id)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {exc}") from exc


def _batch_pieces(batch: Any, session_id: str | None) -> Iterator[Piece]:
    if "raw" not in batch.schema.names or LABELS in batch.schema.names:
        yield from _pieces(batch.to_pandas(), session_id)
        return
    for found in batch_records(batch, session_id):
        yield Piece(*found)


def _pieces(frame: pd.DataFrame, session_id: str | None) -> Iterator[Piece]:
    for found in frame_records(frame, session_id):
        yield Piece(*found)
    if LABELS in frame:
        for name, text in frame.loc[frame[LABELS].notna(), ["session_id", LABELS]].itertuples(index=False):
            events = parse_json(text)
            yield Piece(str(name), [], labels=[event for event in events if isinstance(event, dict)])


def _places(data: Any, names: list[str]) -> Iterator[tuple[Any, Any]]:
    """The session and the index of each row."""
    if "index" in names:
        kept = [name for name in ("session_id", "index") if name in names]
        for batch in data.to_batches(columns=kept):
            rows = batch.to_pydict()
            yield from zip(rows.get("session_id", [None] * len(batch)), rows["index"], strict=True)


def partition_keys(path: Path) -> list[str]:
    """Return the columns that the folders below `path` are parted by."""
    file = next(path.rglob("*.parquet"), None) if path.is_dir() else None
    folders = file.relative_to(path).parts[:-1] if file else ()
    return [name for name in (folder.partition("=")[0] for folder in folders) if name in COLUMNS]
