"""Files that are read through a copy of them as JSON Lines: compressed ones, plain JSON, nested Parquet."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import huggingface
from .compression import chunks, found_compression, without_compression
from .json_file import entry_lines

JSON_FORMATS = ("json", "sharegpt")


class PlainCopy:
    """A copy in a temporary folder of this user's alone, which goes when this object does, and at exit.

    A process that is killed leaves it to whoever cleans the temporary folder.
    Raises: InvalidInputError for a file that cannot be read in its format, or that unpacks to far more than
    it holds; OSError.
    """

    def __init__(self, path: Path, parts: Iterable[bytes]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="chatmem_nb-"))  # mode 0700
        self._removal = weakref.finalize(self, _remove, folder, os.getpid())
        # Conversations without ids are named after their file.
        self.path = folder / f"{without_compression(path).stem}.jsonl"
        try:
            with self.path.open("wb") as file:
                for part in parts:
                    file.write(part)
        except BaseException:
            self._removal()
            raise


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child that ends leaves what its parent reads
        shutil.rmtree(folder, ignore_errors=True)


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
