"""A file as rows that each have a place, from which their records can be read again."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ...errors import InvalidInputError
from ..plain_copy import PlainCopy, plain_copy
from ..registry import ReadFormat
from .csv_rows import CsvRows
from .jsonl_rows import JsonlRows
from .parquet_rows import ParquetRows

Row: TypeAlias = tuple[str | None, int | None, int]
"""The session of a row (None: the file's own), its index (None: where it stands), and its place."""


class RowFile(Protocol):
    """One file, or a folder of Parquet files."""

    size: int
    """How much `rows` reads, in `unit`."""
    unit: str
    end: int
    """All places are below it."""
    files: list[Path]
    label_places: array[int]
    """Where `rows` found labels, if they are on lines of their own."""
    unnamed: list[str]
    """Sessions that were given an id for the number of their line, up to two."""

    def rows(self, advance: Callable[[int], object]) -> Iterator[Row]:
        """Yield each row in the order of the file, and report what was read to `advance`.

        Raises: InvalidInputError, where the file holds no messages; OSError.
        """
        ...

    def records(self, places: Sequence[int]) -> list[str]:
        """Return the record at each place; where it cannot be read, one that says why. Raises: OSError."""
        ...

    def labels(self, places: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the labels that the file carries, as lines of a log; `places` are `label_places`.

        Raises: OSError.
        """
        ...


class CopiedRows(JsonlRows):
    """The rows of a file that is read through a copy of it, which lives as long as they do."""

    def __init__(self, path: Path, copy: PlainCopy) -> None:
        super().__init__(copy.path)
        self.files = [path]
        self._copy = copy


def opened(path: Path, format: ReadFormat) -> RowFile:
    """Return the rows of `path`. Raises: InvalidInputError; OSError."""
    if not path.is_dir() and path.stat().st_size == 0:
        raise InvalidInputError(f"{path} is empty: it holds no conversations; export them again")
    copy = plain_copy(path, format)
    if copy is not None:
        return CopiedRows(path, copy)
    if format == "parquet":
        return ParquetRows(path)
    return CsvRows(path) if format == "csv" else JsonlRows(path)
