"""A lock on a path, which ends with the process that holds it."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

from ..errors import InvalidInputError
from ..file_lock import try_lock, unlock

_ATTEMPTS = 200
_PAUSE_S = 0.01


class PathLock:
    """A lock file `.NAME.lock` beside `path`, locked by the operating system and removed on release.

    A killed process leaves the file but not the lock; the next process to lock the path removes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.with_name(f".{path.name}.lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the path.

        Raises: InvalidInputError, with the process id, if another export holds the lock; OSError, also if the
        file system has no locks.
        """
        for _ in range(_ATTEMPTS):
            descriptor = _open_own(self._file)
            holder = "another process"
            try:
                if try_lock(descriptor):
                    if _is_at(descriptor, self._file):
                        _write_pid(descriptor)
                        self._descriptor, descriptor = descriptor, -1
                        return
                    continue  # its holder removed the file after this one opened it
                holder = _read_pid(descriptor)
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            if holder:
                break
            time.sleep(_PAUSE_S)  # its holder has not written its process id yet
        raise InvalidInputError(
            f"{holder or 'another process'} is exporting to {self.path}; wait until it is done, "
            "or choose another path"
        )

    def release(self) -> None:
        """Release the lock, and remove its file. Idempotent."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if sys.platform == "win32":
            os.close(descriptor)  # Windows does not remove an open file
            try:
                self._file.unlink(missing_ok=True)
            except PermissionError:
                return  # the next export has opened the file, and will remove it
        else:
            self._file.unlink(missing_ok=True)
            unlock(descriptor)  # closing is not enough if a forked child has the descriptor too
            os.close(descriptor)


def _open_own(file: Path) -> int:
    """Open `file` of this user, or create it; a link, or anything but a regular file, is removed first."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        status = None
    if status is not None and (not stat.S_ISREG(status.st_mode) or status.st_nlink > 1):
        file.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(file, flags, 0o600)
    found = os.fstat(descriptor)
    if os.name == "posix" and (found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode)):
        os.close(descriptor)
        raise InvalidInputError(f"{file} belongs to another user, who may be exporting; choose another path")
    return descriptor


def _is_at(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.lstat())
    except FileNotFoundError:
        return False


def _write_pid(descriptor: int) -> None:
    # Padded to a fixed width, so that it overwrites the whole of an earlier one.
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b"%20d\n" % os.getpid())


def _read_pid(descriptor: int) -> str:
    """Return "process N", or "" if it was not written yet."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    pid = os.read(descriptor, 21).decode("ascii", "replace").strip()
    return f"process {pid}" if pid.isdigit() else ""
