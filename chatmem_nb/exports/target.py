"""What an export writes, and where: a regular file or a folder, in one of the formats."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..columns.schema import checked_columns
from ..errors import InvalidInputError
from ..formats.compression import Compression, compress, compression_of
from ..formats.html_pages import split_pages
from ..formats.registry import CONVERSATIONS, TABLES, Format, checked_format, writer
from ..formats.writer import Writer
from .staging import Staging


@dataclass(frozen=True, slots=True)
class Target:
    """A file, or a folder of partitions, that an export may replace."""

    path: Path
    """As it was given, with `~` expanded: what the report names."""
    resolved: Path
    """Behind all symbolic links: what is replaced."""
    format: Format
    compression: Compression | None
    columns: list[str]
    """All of them in formats without columns."""
    partition_by: list[str]

    @property
    def is_session_per_line(self) -> bool:
        """Whether the format has one line or row for a session, so that it is written whole or not at all."""
        return self.format in CONVERSATIONS

    def writer(self, staging: Staging, *, with_labels: bool) -> Writer:
        """Return what writes the output in `staging`, from where an interrupted export left it."""
        return writer(
            self.format,
            staging.output,
            staging.state,
            self.columns,
            self.partition_by,
            with_labels=with_labels,
        )

    def complete(self, staging: Staging) -> int:
        """Compress the written output, or split it into pages, and return the size in bytes.

        The output itself stays as it is: an export that is interrupted here is resumed from it.
        """
        staging.result = staging.output
        shutil.rmtree(staging.pages, ignore_errors=True)  # of an attempt that was interrupted
        final = staging.directory / "final"
        if self.compression is not None:
            compress(staging.output, final, self.compression)
            staging.result = final
        if self.format == "html" and split_pages(staging.output, staging.pages, staging.pages_name, final):
            staging.result = final
        return _size(staging.result) + (_size(staging.pages) if staging.pages.is_dir() else 0)


def checked_target(
    path: str | Path, format: str | None, columns: Iterable[str] | None, partition_by: Iterable[str]
) -> Target:
    """Return what an export to `path` with these arguments writes.

    Raises: InvalidInputError for arguments that do not fit together, or a path that must not be replaced.
    """
    given = Path(path).expanduser()
    partitions = [partition_by] if isinstance(partition_by, str) else list(partition_by)
    is_folder = bool(partitions) and not given.suffix
    chosen = checked_format(given, "parquet" if format is None and is_folder else format)
    compression = compression_of(given)
    names = checked_columns(columns)
    if chosen != "parquet" and partitions:
        raise InvalidInputError("partition_by is for Parquet")
    if chosen not in TABLES and columns is not None:
        raise InvalidInputError(f"{chosen} has no columns to choose; columns are for Parquet and CSV")
    resolved = _resolved(given, is_folder=bool(partitions))
    return Target(given, resolved, chosen, compression, names, partitions)


def _resolved(path: Path, *, is_folder: bool) -> Path:
    """Return where an export to `path` goes: the file or folder itself, behind all symbolic links.

    Raises: InvalidInputError for a device, pipe or socket, for a folder where a file is to be written (or
    the other way round), and for a folder with files that are not Parquet, which would be lost.
    """
    if not path.name:
        raise InvalidInputError("the path names no file; give one, as in 'chats.jsonl'")
    mode = _mode(path)
    if mode is not None and is_folder:
        _check_folder(path, mode)
    elif mode is not None and not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise InvalidInputError(f"{path} is not a regular file but {kind}; choose another path")
    return Path(os.path.realpath(path))


def _mode(path: Path) -> int | None:
    """The mode of what `path` leads to, or None if that does not exist."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        if path.is_symlink():
            raise InvalidInputError(f"{path} is a loop of symbolic links; choose another path") from None
        raise


def _check_folder(path: Path, mode: int) -> None:
    if not stat.S_ISDIR(mode):
        raise InvalidInputError(f"{path} is a file, and partition_by makes a folder; choose another path")
    other = next((file for file in path.rglob("*") if not file.is_dir() and file.suffix != ".parquet"), None)
    if other is not None:
        raise InvalidInputError(
            f"{path} holds files that are not Parquet ({other.relative_to(path)}), and the export would "
            "replace the whole folder; choose another path"
        )


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
