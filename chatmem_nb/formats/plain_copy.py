"""Files that are read through a copy of them as JSON Lines: compressed ones, plain JSON, nested Parquet."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ..file_lock import LockingUnavailableError, locked
from . import huggingface
from .compression import chunks, found_compression, without_compression
from .json_file import entry_lines
from .private_files import is_private

JSON_FORMATS = ("json", "sharegpt")
_PREFIX: Final = "chatmem_nb-copy-"
_ATTEMPTS: Final = 5


class PlainCopy:
    """A copy in a temporary folder that only this user may read; removed with this object, and at exit.

    A killed process leaves its folder, and the next process that makes a copy removes it (not on Windows).
    Raises: InvalidInputError for a file that cannot be read in its format, or that unpacks to far more than
    it holds; OSError.
    """

    def __init__(self, path: Path, parts: Iterable[bytes]) -> None:
        _remove_abandoned()
        folder, lock = _locked_folder()
        self._removal = weakref.finalize(self, _remove, folder, lock, os.getpid())
        # Conversations without ids are named after their file.
        self.path = folder / f"{without_compression(path).stem}.jsonl"
        try:
            with self.path.open("wb") as file:
                for part in parts:
                    file.write(part)
        except BaseException:  # an interrupt too: no plain text stays behind
            self._removal()
            raise


def _locked_folder() -> tuple[Path, int | None]:
    """Make a folder of mode 0700, locked until this process ends; one that nobody locks is abandoned."""
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            lock = _lock(folder)
        except LockingUnavailableError:  # if this process is killed, the folder stays
            return folder, None
        if sys.platform == "win32" or (lock is not None and folder.exists()):
            return folder, lock
        if lock is not None:  # another process considered it abandoned before it was locked
            os.close(lock)
    raise OSError(f"temporary folders in {tempfile.gettempdir()} disappear; set TMPDIR to another folder")


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of `folder`; None if it is locked, gone, or on Windows.

    Raises: OSError; LockingUnavailableError.
    """
    if sys.platform == "win32":  # which does not open folders
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    return locked(descriptor)


def _remove_abandoned() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = _lock(folder) if is_private(folder) else None
        except OSError:  # gone, not a folder, or on a file system without locks
            continue
        if lock is not None:
            _remove(folder, lock, os.getpid())


def _remove(folder: Path, lock: int | None, process: int) -> None:
    if os.getpid() != process:  # a forked child that ends leaves what its parent reads
        return
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def plain_copy(path: Path, format: str) -> PlainCopy | None:
    """Return a copy of `path` that is JSON Lines; None if the file is read as it lies.

    Raises: InvalidInputError; OSError.
    """
    if path.is_dir():
        return None
    if format in ("parquet", "huggingface"):
        if format == "huggingface" or huggingface.holds_conversations(path):
            return PlainCopy(path, _encoded(huggingface.lines(path)))
        return None
    if format in JSON_FORMATS:
        return PlainCopy(path, _encoded(entry_lines(path, chunks(path))))
    if format != "csv" and found_compression(path):
        return PlainCopy(path, chunks(path))
    return None


def _encoded(lines: Iterable[str]) -> Iterator[bytes]:
    for line in lines:
        yield line.encode() + b"\n"
