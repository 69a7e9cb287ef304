"""Where an export is written until it is complete: a private folder beside its path, with a journal."""

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
from ..plain_text import counted
from .path_lock import PathLock
from .session_ends import SessionEnd, read_ends

JSONObject = dict[str, Any]


class Staging:
    """The folder `.NAME.partial`, from which an interrupted export is resumed.

    `task` identifies the export: only an export with an equal task is resumed; None: it is never resumed. The
    journal has a line per checkpoint, written after the data that it refers to, so that it never lists a
    session that is not in the output. That data stays until the result is published.

    Only this user may access the folder (mode 0700), so that others cannot place files in it. A folder that
    is a link, belongs to another user, or contains anything that others may write is replaced, and nothing
    is written through it.

    The path is locked while the context is entered. It must be resolved: a link at `path` would be replaced.
    """

    def __init__(self, path: Path, task: JSONObject | None) -> None:
        self.path = path
        self.directory = path.with_name(f".{path.name}.partial")
        self.output = self.directory / "output"
        self.result = self.output
        """What is published: the output, or what was made of it."""
        self.parts = self.directory / "parts"
        """Of a Parquet export: what it is resumed from, in the place of the output."""
        self.pages = self.directory / "pages"
        """The pages of an HTML export whose output is their index; published beside it, as `pages_name`."""
        self.pages_name = f"{path.name}.pages-{secrets.token_hex(4)}"
        self.done: set[str] = set()
        """Sessions that are complete in the output."""
        self.ends: dict[str, SessionEnd] = {}
        """The ends of those sessions, if known."""
        self.state: JSONObject = {}
        """The state of the writer at the last checkpoint; empty at the start."""
        self.stalled_at: int | None = None
        """The budget of the last run, if it completed no session."""
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
        except BaseException:  # an interrupt too: others may export here then
            self._lock.release()
            raise
        return self

    def _resumed(self) -> bool:
        """Load the journal of an interrupted export; return False if it is of another task or not private."""
        try:
            if not all(map(is_private, (self.directory, *self.directory.rglob("*")))):
                return False
            lines = self._journal.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return False
        entries = [entry for line in lines if (entry := _entry(line)) is not None]
        if not entries or entries[0].get("task") != json.loads(json.dumps(self._task)):
            return False
        if not self.output.exists() and not self.parts.is_dir():  # it was published
            return False
        for entry in entries[1:]:
            self._apply(entry)
        return True

    def _apply(self, entry: JSONObject) -> None:
        self.stalled_at = entry.get("stalled_at")
        if self.stalled_at is not None:
            return
        self.done.update(entry["sessions"])
        self.ends.update(read_ends(entry["ends"]))
        self.state = entry["state"]

    def checkpoint(
        self, sessions: Iterable[str], state: JSONObject, ends: Mapping[str, SessionEnd] | None = None
    ) -> None:
        """Record that `sessions` are complete, with their ends, and the state to resume the writer from."""
        names = list(sessions)
        known = {name: ends[name] for name in names if name in ends} if ends else {}
        self.done.update(names)
        self.ends.update(known)
        self.state = state
        self.stalled_at = None
        self._write({"sessions": names, "state": state, "ends": known})

    def stall(self, budget: int) -> None:
        """Record that a run with this budget completed no session."""
        self.stalled_at = budget
        self._write({"stalled_at": budget})

    def _write(self, entry: JSONObject) -> None:
        with open_private(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as journal:
            journal.write(json.dumps(entry) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def publish(self) -> None:
        """Replace `path` by the output, with the mode that a new file would have. Atomic for a file."""
        publish_modes(self.result)
        if self.path.is_dir() and self.result.is_dir():
            # No portable system call replaces a folder that is not empty: the old one is moved away first.
            os.replace(self.path, self.directory / "replaced")
        old_pages = self._page_folders()
        if self.pages.is_dir():  # first, under a new name: no index is ever without its pages
            publish_modes(self.pages)
            os.replace(self.pages, self.path.with_name(self.pages_name))
        os.replace(self.result, self.path)
        self._journal.unlink(missing_ok=True)  # first: what else is left of this export is not resumed
        for folder in (*old_pages, self.directory):
            shutil.rmtree(folder, ignore_errors=True)

    def _page_folders(self) -> list[Path]:
        """Return the folders with the pages of earlier exports to this path."""
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
                    f"{counted(len(self.done), 'session')} kept in {self.directory}; "
                    "repeat the export with the same arguments to resume"
                )
            elif error is not None and (self.stalled_at is None or self._task is None):
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            self._lock.release()


def _entry(line: str) -> JSONObject | None:
    """Return the entry in a line of the journal; None if the line was truncated."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _check_writable(path: Path) -> None:
    """Raises: FileNotFoundError, PermissionError, InvalidInputError."""
    if not path.name:
        raise InvalidInputError("the path names no file; give one, as in 'chats.jsonl'")
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "The folder to export to does not exist", str(path.parent))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "The folder to export to is not writable", str(path.parent))
