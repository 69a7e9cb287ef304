"""Parquet: the frame itself, on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ..columns.arrow_columns import Columns
from ..columns.batch_records import batch_records
from ..columns.row_records import frame_records
from ..columns.schema import COLUMNS, TEXT, frame_of
from ..errors import InvalidInputError
from ..json_text import parse_json
from ..records import StoredMessage, to_json
from .piece import RECORDS, Piece, is_in_order
from .writer import JSONObject, LeftOutSession, SessionEvents

ROWS = 20_000
"""Rows of a row group, at most."""
LABELS = "labels"
"""The column of a message's labels, with those of its session in the first row of that: JSON text."""
MISSING = "missing"
"""The key of rows that have no value in a column that a folder is parted by."""
_OPTIONS: dict[str, Any] = {"compression": "zstd"}
CHARACTERS = 32_000_000
"""Of stored text in a row group, about; a record larger than that has one of its own."""
_MOST_GROWTH = 100
"""How many times as large as it is a file may become by being unpacked; chats grow tenfold."""
SMALL = 256_000_000
"""Bytes that any file may unpack to."""
_ROW_BYTES = 100
"""What a row takes at least, however little is in it."""


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
            raise InvalidInputError(f"cannot part by {unfit}; choose from {', '.join(fit)}")
        self.left_out: list[LeftOutSession] = []
        self._path, self._columns, self._partition_by = path, list(columns), list(partition_by)
        self._parts_folder = path.with_name("parts")
        self._parts_folder.mkdir(exist_ok=True)
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
            table = pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
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
        batches = _bounded(path, data.to_batches(batch_size=RECORDS, columns=names), limit)
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


def checked_sizes(files: Iterable[str | Path]) -> int:
    """Return the bytes that these files may unpack to, in all.

    Raises: InvalidInputError for a file that says that it is many times as large.
    """
    limit = 0
    for file in files:
        metadata = pq.read_metadata(file)
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        allowed = _MOST_GROWTH * Path(file).stat().st_size + SMALL
        if size > allowed:
            raise InvalidInputError(f"{file} unpacks to {size:,} bytes; write it again without compression")
        limit += allowed
    return limit


def _bounded(path: Path, batches: Iterable[Any], limit: int) -> Iterator[Any]:
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
