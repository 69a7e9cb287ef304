"""Where an export grows until it is whole: a private folder beside its path, with a journal."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import InvalidInputError
from ..formats.private_files import is_private, make_private_folder, open_private, publish_modes
from .path_lock import PathLock
from .session_ends import SessionEnd, read_ends

JSONObject = dict[str, Any]


class Staging:
    """The folder `.NAME.partial`; an interrupted export is resumed from what it left there.

    `task` says which export this is: only one of the same task is resumed. None: never. The journal has a
    line per checkpoint, written after the data that it speaks of, so it never promises too much.

    The folder is this user's alone (0700), so that nothing can be planted in it. One that is a link, belongs
    to someone else, or has a part that others may write is replaced, and nothing is written through it.

    The path is locked from entering to leaving. `path` is a resolved one: a link there would be replaced.
    """

    def __init__(self, path: Path, task: JSONObject | None) -> None:
        self.path = path
        self.directory = path.with_name(f".{path.name}.partial")
        self.output = self.directory / "output"
        self.pages = self.directory / "pages"
        """Pages of an output that became an index of them; published beside it, as `pages_name`."""
        self.pages_name = f"{path.name}.pages-{secrets.token_hex(4)}"
        self.done: set[str] = set()
        """Sessions that are in the output already."""
        self.ends: dict[str, SessionEnd] = {}
        """Where those sessions ended, as far as that is known."""
        self.state: JSONObject = {}
        """What the writer said at the last checkpoint; empty at the start."""
        self.stalled_at: int | None = None
        """The budget of the last run if it completed no session."""
        self._task = task
        self._journal = self.directory / "journal.jsonl"
        self._lock = PathLock(path)

    def __enter__(self) -> Self:
        _check_writable(self.path)
        self._lock.acquire()
        try:
            if self._task is None or not self._resumed():
                make_private_folder(self.directory)
                self._write({"task": self._task})
        except BaseException:
            self._lock.release()
            raise
        return self

    def _resumed(self) -> bool:
        """Resume from what is there, if it is of this task and nobody else can have written it."""
        try:
            if not all(map(is_private, (self.directory, *self.directory.rglob("*")))):
                return False
            lines = self._journal.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return False
        entries = [entry for line in lines if (entry := _entry(line)) is not None]
        if not entries or entries[0].get("task") != json.loads(json.dumps(self._task)):
            return False
        for entry in entries[1:]:
            self.stalled_at = entry.get("stalled_at")
            if self.stalled_at is not None:
                continue
            self.done.update(entry["sessions"])
            self.ends.update(read_ends(entry["ends"]))
            self.state = entry["state"]
        return True

    def checkpoint(
        self, sessions: Iterable[str], state: JSONObject, ends: Mapping[str, SessionEnd] | None = None
    ) -> None:
        """Note that these sessions are done, where they end, and what the writer needs to go on."""
        names = list(sessions)
        known = {name: ends[name] for name in names if name in ends} if ends else {}
        self.done.update(names)
        self.ends.update(known)
        self.state = state
        self.stalled_at = None
        self._write({"sessions": names, "state": state, "ends": known})

    def stall(self, budget: int) -> None:
        """Note that a run with this budget completed no session."""
        self.stalled_at = budget
        self._write({"stalled_at": budget})

    def _write(self, entry: JSONObject) -> None:
        with open_private(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as journal:
            journal.write(json.dumps(entry) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def publish(self) -> None:
        """Put the output in the place of `path`, at once, with the modes of any new file."""
        publish_modes(self.output)
        if self.path.is_dir() and self.output.is_dir():
            # No system call swaps a folder that has files in it: the old one steps aside first.
            os.replace(self.path, self.directory / "replaced")
        before = self._page_folders()
        if self.pages.is_dir():  # they come first, under a name of their own: no index lacks its pages
            publish_modes(self.pages)
            os.replace(self.pages, self.path.with_name(self.pages_name))
        os.replace(self.output, self.path)
        for folder in (*before, self.directory):
            shutil.rmtree(folder, ignore_errors=True)

    def _page_folders(self) -> list[Path]:
        """The folders that earlier exports to this path put their pages in."""
        named = re.compile(re.escape(f"{self.path.name}.pages-") + "[0-9a-f]{8}")
        return [
            found
            for found in self.path.parent.iterdir()
            if named.fullmatch(found.name) and found.is_dir() and not found.is_symlink()
        ]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None and self.done:
                error.add_note(
                    f"{len(self.done)} sessions are kept in {self.directory}: "
                    "the same export goes on from there"
                )
            elif error is not None and (self.stalled_at is None or self._task is None):
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            self._lock.release()


def _entry(line: str) -> JSONObject | None:
    """One line of the journal; None for one that was cut."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _check_writable(path: Path) -> None:
    """Raises: FileNotFoundError, InvalidInputError, PermissionError: before anything is read."""
    if not path.name:
        raise InvalidInputError("the path names no file")
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to export to", str(path.parent))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "This folder cannot be written to", str(path.parent))
