"""Files that are this user's alone until they are published, in folders where others may plant theirs."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO, cast


def open_private(path: Path, flags: int, newline: str | None = None) -> TextIO:
    """Open `path` as UTF-8 text with the `os.open` flags given: mode 0600 if it is new, and never a link.

    Raises: OSError, if `path` is a link.
    """
    # Windows has neither O_NOFOLLOW nor these modes.
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    mode = "r+" if flags & os.O_RDWR else "a" if flags & os.O_APPEND else "w"
    return cast(TextIO, open(descriptor, mode, encoding="utf-8", newline=newline))


def is_private(path: Path) -> bool:
    """Return whether `path` is a folder or file of this user, no link, that nobody else may write."""
    if os.name != "posix":
        return not path.is_symlink()
    status = path.lstat()
    is_plain = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
    return is_plain and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def make_private_folder(path: Path) -> None:
    """Make an empty folder of mode 0700 in the place of whatever is there; of a link, the link itself goes.

    Raises: OSError.
    """
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
    path.mkdir(mode=0o700)


def make_private_file(path: Path) -> None:
    """Make an empty file of mode 0600, in the place of one that is there. Raises: OSError."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def write_whole(path: Path, text: str, *, is_private: bool) -> None:
    """Write `text` to the file `path` as `write_parts` does. Raises: OSError."""
    write_parts(path, [text.encode()], is_private=is_private)


def write_parts(path: Path, parts: Iterable[bytes], *, is_private: bool) -> None:
    """Write `parts` to the file `path` in one step: a crash leaves the old file, or none.

    A private file has mode 0600; another has the mode that the user's umask leaves. Raises: OSError.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    written = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if not is_private:
            publish_modes(written)
        written.replace(path)
    except BaseException:  # an interrupt too: no half of a file stays
        written.unlink(missing_ok=True)
        raise


def publish_modes(path: Path) -> None:
    """Give a file, or a folder and all in it, the modes that the user's umask leaves."""
    umask = os.umask(0o077)
    os.umask(umask)
    for found in (path, *(path.rglob("*") if path.is_dir() else ())):
        found.chmod((0o777 if found.is_dir() else 0o666) & ~umask)
