"""The place that a path names: a regular file or a folder that an export may replace."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InvalidInputError


def resolved_target(path: Path, *, is_folder: bool) -> Path:
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
