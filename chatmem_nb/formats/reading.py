"""Files of conversations, read piece by piece."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from ..errors import ChatMemError, InvalidInputError
from . import csv_file, jsonl_file, parquet_file
from .piece import Piece
from .plain_copy import plain_copy
from .registry import ReadFormat, checked_read_format

# What the readers of JSON, CSV and Parquet raise for a file that is damaged, or made to harm.
_DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, csv.Error)
_READERS: dict[str, Callable[[Path, str | None], Iterator[Piece]]] = {
    "jsonl": jsonl_file.read,
    "openai": jsonl_file.read,
    "parquet": parquet_file.read,
    "csv": csv_file.read,
}


def checked_file(path: Path, format: str | None) -> tuple[Path, ReadFormat]:
    """Return `path` with the home folder in place of `~`, and the format that it is read in.

    Raises: FileNotFoundError; InvalidInputError.
    """
    path = path.expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if not path.is_file() and not path.is_dir():
        raise InvalidInputError(f"{path} is neither a file nor a folder; save what it yields to a file")
    name = checked_read_format(path, format)
    if path.is_dir() and name != "parquet":
        raise InvalidInputError(f"{path} is a folder; name one of its files, or read it as Parquet")
    return path, name


class FileReader:
    """Reads a file of conversations, any number of times.

    If `format` is None, it is inferred from the suffix; what the lines of JSONL are, and whether Parquet is a
    frame or a data set of conversations, is told by the content. Compressed files, plain JSON and data sets
    are unpacked to the temporary folder.
    `session_id` is the default for messages without one.

    Raises: OSError; InvalidInputError.
    """

    def __init__(self, path: Path, format: str | None = None, session_id: str | None = None) -> None:
        self.path, name = checked_file(path, format)
        self._session_id = session_id
        self._copy = plain_copy(self.path, name)
        self._read = _READERS[name] if self._copy is None else _read_entries

    def pieces(self) -> Iterator[Piece]:
        """Yield the conversations, a long one in several pieces.

        Raises: OSError; InvalidInputError and RecordError, with the line or the record.
        """
        path = self.path if self._copy is None else self._copy.path
        try:
            yield from self._read(path, self._session_id)
        except ChatMemError:
            raise
        except UnicodeDecodeError as exc:
            raise _not_utf8(path, self.path) from exc
        except (*_DAMAGED, pa.ArrowException) as exc:
            kind = type(exc).__name__
            raise InvalidInputError(f"{self.path} is damaged, or not of its format ({kind})") from exc


def _read_entries(path: Path, session_id: str | None) -> Iterator[Piece]:
    return jsonl_file.read(path, session_id, "entry")


def _not_utf8(path: Path, shown: Path) -> InvalidInputError:
    """The error for `path`, whose text is that of the file `shown`."""
    if path.is_dir() or path.suffix in (".parquet", ".pq"):
        return InvalidInputError(f"{shown} has text that is not UTF-8; export it again")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                return InvalidInputError(f"{shown} is UTF-16; convert it to UTF-8", line=1)
            try:
                line.decode()
            except UnicodeDecodeError as exc:
                place = f"line {number}, byte {exc.start + 1}"
                return InvalidInputError(f"{shown} is not UTF-8 ({place}); convert it", line=number)
    return InvalidInputError(f"{shown} was changed while it was read; wait until it is whole")
