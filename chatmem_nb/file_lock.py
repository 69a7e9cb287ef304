"""Exclusive advisory locks on open files, which end with their process: `flock`, on Windows `msvcrt.locking`.

Some network file systems support no locks. Every function here raises LockingUnavailableError there: who must
be alone lets the error through, and who would rather not wait for ever goes on without a lock.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Windows locks bytes, which others cannot read then: this one is beyond the end of any file that is locked.
_LOCKED_BYTE: Final = 1 << 40
_POLL_INTERVAL_S: Final = 0.01


class LockingUnavailableError(OSError):
    """The file system does not support locks, or has no more of them."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file without waiting; return False if it is already locked.

    The lock is released by `unlock`, or when the descriptor is closed here and in every forked child.

    Raises: LockingUnavailableError.
    """
    with _locking_errors():
        try:
            if sys.platform == "win32":
                os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # Windows raises the latter
            return False
    return True


def locked(descriptor: int) -> int | None:
    """Lock an open file, and return its descriptor; close it and return None if it is already locked.

    Raises: LockingUnavailableError; the file is closed then too.
    """
    is_locked = False
    try:
        is_locked = try_lock(descriptor)
    finally:
        if not is_locked:
            os.close(descriptor)
    return descriptor if is_locked else None


def lock(descriptor: int) -> None:
    """Lock an open file; wait while it is locked by another process. Raises: LockingUnavailableError."""
    if sys.platform == "win32":
        while not try_lock(descriptor):  # msvcrt.LK_LOCK gives up after ten seconds
            time.sleep(_POLL_INTERVAL_S)
    else:
        with _locking_errors():
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def unlock(descriptor: int) -> None:
    """Release the lock of an open file, also if a forked child has the descriptor too."""
    if sys.platform == "win32":
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def _locking_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise LockingUnavailableError(
            exc.errno or errno.ENOLCK,
            f"cannot lock a file here ({exc.strerror}); use a folder on a local disk, or one that has locks",
        ) from exc
