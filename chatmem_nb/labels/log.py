"""An append-only file of JSON lines that several processes may write to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..errors import InvalidInputError
from ..file_lock import LockingUnavailableError, lock, unlock
from ..json_text import parse_json
from ..records import to_json

LINE_LIMIT: Final = 1_000_000
"""Maximum length of a line in bytes. Longer lines are skipped without being loaded into memory."""
_CHUNK: Final = 64_000
_BEGIN: Final = b'{"v":'


class Log:
    """Reads the lines that were added to a file since the last read, and appends lines.

    Lines are written by one call, under a lock if the file system has locks, and are on the disk when
    `append` returns. A line that a crash cut off is skipped; the next one begins on a line of its own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped_lines = 0
        """Number of lines that are not JSON objects, or too long."""
        self._offset = 0
        self._file_id: tuple[int, int] | None = None
        self._is_skipping = False

    def restarted(self) -> bool:
        """Return whether the file was replaced or truncated: then it is read from the start again."""
        try:
            status = self.path.stat()
            found, size = (status.st_dev, status.st_ino), status.st_size
        except FileNotFoundError:
            found, size = None, 0
        is_other = self._file_id is not None and (self._file_id != found or size < self._offset)
        if is_other:
            self._offset, self.skipped_lines, self._is_skipping = 0, 0, False
        self._file_id = found
        return is_other

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield the objects in all complete lines since the last read.

        Raises: InvalidInputError if the path is not a regular file; OSError.
        """
        try:
            descriptor = self._open(os.O_RDONLY)
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "rb") as file:
            file.seek(self._offset)
            while line := file.readline(LINE_LIMIT):
                if not line.endswith(b"\n"):
                    if len(line) < LINE_LIMIT:
                        return  # incomplete: read again the next time
                    self._is_skipping = True
                self._offset += len(line)
                value = None if self._is_skipping else _parse(line)
                if line.endswith(b"\n"):
                    self.skipped_lines += value is None and (self._is_skipping or line.strip() != b"")
                    self._is_skipping = False
                if value is not None:
                    yield value

    def append(self, values: list[dict[str, Any]]) -> None:
        """Append a line for each of `values`, in one write.

        Raises: InvalidInputError if a value is not JSON, or the path is not a regular file; OSError.
        """
        encoded = [to_json(value).encode() + b"\n" for value in values]
        if any(len(line) > LINE_LIMIT for line in encoded):
            raise InvalidInputError(f"a label takes at most {LINE_LIMIT:,} bytes; shorten its tags or ids")
        lines = b"".join(encoded)
        descriptor = self._open(os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            with _locked(descriptor):
                self._check_is_log(descriptor)
                if _ends_within_a_line(descriptor):
                    lines = b"\n" + lines
                _write(descriptor, lines)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _check_is_log(self, descriptor: int) -> None:
        """Raises: InvalidInputError, if the file holds something else, such as an export or a diary."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        begin = os.read(descriptor, _CHUNK)
        values = list(filter(None, map(_parse, begin.splitlines()[:3])))  # a crash may have cut off the first
        if begin.strip() and not begin.startswith(_BEGIN) and not any("v" in value for value in values):
            raise InvalidInputError(
                f"{self.path} holds something other than labels; give a file of their own, as 'labels.jsonl'"
            )

    def _open(self, flags: int) -> int:
        flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            # Notes on conversations are private. An existing file keeps its mode.
            descriptor = os.open(self.path, flags, 0o600)
        except IsADirectoryError:
            raise InvalidInputError(
                f"{self.path} is a directory; name a file, as in 'labels.jsonl'"
            ) from None
        except OSError as exc:
            if isinstance(exc, FileNotFoundError) and not flags & os.O_CREAT:
                raise
            raise type(exc)(exc.errno, f"cannot open the labels: {exc.strerror}", str(self.path)) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InvalidInputError(f"{self.path} is not a regular file; name one, as in 'labels.jsonl'")
        return descriptor


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = parse_json(line.decode())
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict else None


def _ends_within_a_line(descriptor: int) -> bool:
    """Whether the file does not end with a newline."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size == 0:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    try:
        lock(descriptor)
    except LockingUnavailableError:
        # Without a lock, lines are still appended by one write; at worst, one follows an incomplete line.
        is_locked = False
    else:
        is_locked = True
    try:
        yield
    finally:
        if is_locked:
            unlock(descriptor)
