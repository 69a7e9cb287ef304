"""Rows of Parquet by their numbers, read a row group at a time."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from ...columns.row_records import row_record
from ...columns.schema import COLUMNS
from ...errors import ChatMemError, InvalidInputError
from ...json_text import parse_json
from ...plain_text import utf8_text
from ...records import unreadable_text
from ..parquet_checks import LABELS, cell_bytes, checked_sizes, checked_types, is_text
from .columns import check_messages, reason_of, whole_or_none

_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError)
_ROWS: Final = 1_000
"""Rows that are decoded at a time."""
_BATCHES: Final = 4
_BATCH_BYTES: Final = 64_000_000
"""Of batches that are kept, in all, beside the one that is read."""
_SMALL_COLUMN: Final = 8_000_000
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


class _Group(NamedTuple):
    """A row group: its file, its number there, its first row among all."""

    file: int
    number: int
    first: int


class ParquetRows:
    """A Parquet file, or a folder of them in Hive's layout."""

    unit = " rows"

    def __init__(self, path: Path) -> None:
        self.files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        self._path = path
        self.unnamed: list[str] = []
        self.label_places = array("q")
        self._problems: list[str] = []
        self._metadata: list[Any] = []
        self._keys: list[dict[str, str | None]] = []
        self._groups: list[_Group] = []
        self.size = 0
        for number, file in enumerate(self.files):
            self._keys.append(_keys(file.relative_to(path)) if path.is_dir() else {})
            self._metadata.append(self._read_metadata(file))
            self._add_groups(number)
        self.end = self.size
        good = [file for file, metadata in zip(self.files, self._metadata, strict=True) if metadata]
        if not good:
            raise InvalidInputError(f"{path} has no Parquet files in it; name the folder that has")
        self._limit = checked_sizes(good)
        self._names = [self._columns(number) for number in range(len(self.files))]
        self._firsts = [group.first for group in self._groups]
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._open: tuple[int, int, Iterator[Any]] = (-1, 0, iter(()))

    def _read_metadata(self, file: Path) -> Any:
        try:
            if file.stat().st_size == 0:
                raise InvalidInputError(f"{file} is empty: it holds no conversations; export them again")
            return pq.read_metadata(file)
        except (InvalidInputError, *_UNREADABLE) as exc:
            if len(self.files) > 1:  # the others are not hidden by it
                self._problems.append(f"{file.name} cannot be read as Parquet; export it again")
                return None
            if isinstance(exc, InvalidInputError):
                raise
            raise InvalidInputError(
                f"{file} cannot be read as Parquet ({_first_line(exc)}); was it copied or downloaded whole?"
            ) from exc

    def _add_groups(self, number: int) -> None:
        metadata = self._metadata[number]
        for group in range(metadata.num_row_groups if metadata else 0):
            self._groups.append(_Group(number, group, self.size))
            self.size += metadata.row_group(group).num_rows

    def _columns(self, number: int) -> list[str]:
        """Return the columns of a frame that a file has, those of its folder's name too."""
        if self._metadata[number] is None:
            return []
        keys = self._keys[number]
        schema = self._metadata[number].schema.to_arrow_schema()
        check_messages(self._path, [*schema.names, *keys])
        names = [name for name in checked_types(self._path, schema) if name in COLUMNS]
        # Other keys say nothing that the records do not.
        kept = [key for key in keys if key not in names and (key == "session_id" or "raw" not in names)]
        return [*names, *kept]

    def rows(self, advance: Callable[[int], object]) -> Iterator[tuple[str | None, int | None, int]]:
        """Yield each row, and a row for what is damaged, in the session of the file's own name."""
        for number in range(len(self._problems)):
            yield None, None, -1 - number
        good = not self._groups
        for place, group in enumerate(self._groups):
            row = group.first
            try:
                for batch in self._batches(place, ["session_id", "index"]):
                    names = self._values(batch, "session_id", group.file)
                    indexes = self._values(batch, "index", group.file)
                    for name, index in zip(names, indexes, strict=True):
                        yield _session_id(name), whole_or_none(index), row
                        row += 1
                    advance(len(batch))
                good = True
            except _UNREADABLE as exc:
                self._problems.append(f"row group {group.number}: {_first_line(exc)}")
                yield None, None, -len(self._problems)
        if not good:
            raise InvalidInputError(f"{self._path} is damaged: {self._problems[-1]}; export it again")

    def records(self, places: Sequence[int]) -> list[str]:
        """Return the record at each place."""
        found: dict[int, str] = {}
        wanted: dict[tuple[int, int], list[int]] = {}
        for place in sorted(set(places)):
            if place < 0:
                found[place] = unreadable_text(self._problems[-1 - place])
                continue
            group = bisect_right(self._firsts, place) - 1
            wanted.setdefault((group, (place - self._firsts[group]) // _ROWS), []).append(place)
        size = 0
        for (group, number), rows in wanted.items():
            try:
                batch = self._batch(group, number)
            except _UNREADABLE as exc:
                reason = f"row group {self._groups[group].number} cannot be read: {_first_line(exc)}"
                found |= dict.fromkeys(rows, unreadable_text(reason))
                continue
            start = self._firsts[group] + number * _ROWS
            taken = batch.take(pa.array([row - start for row in rows]))
            size += sum(map(cell_bytes, taken.columns))
            if size > self._limit:
                raise InvalidInputError(
                    f"{self._path} unpacks to more than {self._limit:,} bytes, as texts repeat in it; export "
                    "it as JSONL"
                )
            keys = self._keys[self._groups[group].file]
            found |= zip(rows, map(_record, self._rows(taken, keys, group)), strict=True)
        return [found[place] for place in places]

    def labels(self, places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the labels in the column for them; a row group that cannot be read has none."""
        for place, group in enumerate(self._groups):
            if LABELS not in self._metadata[group.file].schema.to_arrow_schema().names:
                continue
            try:
                for batch in self._batches(place, ["session_id", LABELS]):
                    names = self._values(batch, "session_id", group.file)
                    for name, text in zip(names, batch[LABELS].to_pylist(), strict=True):
                        yield from _labels(name, text)
            except _UNREADABLE:
                continue

    def _rows(self, batch: Any, keys: dict[str, str | None], group: int) -> list[dict[str, Any]]:
        names = self._names[self._groups[group].file]
        beside = {name: value for name, value in keys.items() if name in names}
        return [{**row, **beside} for row in batch.to_pylist()]

    def _values(self, batch: Any, name: str, file: int) -> list[Any]:
        if name in self._keys[file]:
            return [self._keys[file][name]] * len(batch)
        return batch[name].to_pylist() if name in batch.schema.names else [None] * len(batch)

    def _batches(self, group: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield a row group, _ROWS rows at a time."""
        of = self._groups[group]
        schema = self._metadata[of.file].schema.to_arrow_schema()
        kept = [name for name in columns or self._names[of.file] if name in schema.names]
        texts = [
            name for name in self._small_columns(group) if name in kept and is_text(schema.field(name).type)
        ]
        path = self.files[of.file]
        kept = kept or schema.names[:1]  # for the number of rows
        with pq.ParquetFile(path, metadata=self._metadata[of.file], read_dictionary=texts) as file:
            yield from file.iter_batches(_ROWS, row_groups=[of.number], columns=kept)

    def _small_columns(self, group: int) -> Iterator[str]:
        """Yield the columns whose dictionaries stay dictionaries: a text of 1 MB in a million rows is 1 MB.

        Arrow keeps the dictionary of a whole row group, so that larger ones would fill the memory instead.
        """
        of = self._groups[group]
        columns = self._metadata[of.file].row_group(of.number)
        for number in range(columns.num_columns):
            column = columns.column(number)
            if column.total_uncompressed_size <= _SMALL_COLUMN:
                yield column.path_in_schema

    def _batch(self, group: int, number: int) -> Any:
        with self._lock:
            kept = self._kept.pop((group, number), None)
            if kept is None:
                kept = self._read_batch(group, number)
            self._kept[group, number] = kept
            while len(self._kept) > _BATCHES or (
                len(self._kept) > 1 and sum(batch.nbytes for batch in self._kept.values()) > _BATCH_BYTES
            ):
                self._kept.popitem(last=False)
            return kept

    def _read_batch(self, group: int, number: int) -> Any:
        """Return a batch: the next one where reading goes on, else from the start of its row group."""
        opened, following, batches = self._open
        if opened != group or following > number:
            following, batches = 0, self._batches(group)
        self._open = (-1, 0, iter(()))
        for place in range(following, number + 1):
            batch = next(batches, None)
            if batch is None:
                raise OSError(f"it has fewer than {place * _ROWS:,} rows")
        self._open = (group, number + 1, batches)
        return batch


def _record(row: dict[str, Any]) -> str:
    try:
        return row_record(row, 0)[0]
    except (ChatMemError, ValueError, TypeError, ArithmeticError, LookupError) as exc:
        return unreadable_text(reason_of(exc))


def _labels(session_id: object, text: object) -> Iterator[dict[str, Any]]:
    try:
        events = parse_json(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            yield {**event, "session_id": session_id}


def _keys(place: Path) -> dict[str, str | None]:
    """Return what the folders of a file say of its rows."""
    parts = [part.partition("=") for part in place.parts[:-1]]
    return {
        name: None if value == _NO_VALUE else unquote(value)
        for name, equals, value in parts
        if equals and name in COLUMNS
    }


def _session_id(value: object) -> str | None:
    return None if value is None or value == "" else utf8_text(str(value))


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:200] or type(exc).__name__
