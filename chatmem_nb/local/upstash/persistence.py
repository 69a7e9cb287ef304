"""An embedded engine that saves its data to a file."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.file_lock import locked
from chatmem_nb.local.upstash.command_allowlist import WRITES
from chatmem_nb.local.upstash.engine import EngineError
from chatmem_nb.local.upstash.replies import Command, ErrorReply, Reply, command_name
from chatmem_nb.local.upstash.snapshot import Entry, read_snapshot, write_snapshot
from chatmem_nb.local.upstash.snapshot_entries import read_contents, write_contents

if TYPE_CHECKING:
    from chatmem_nb.local.upstash.embedded_engine import EmbeddedEngine

_LOG = logging.getLogger(__name__)
_PAUSE_FACTOR = 10  # at most a tenth of the time is spent on saving
_CLOSE_ATTEMPTS = 3
_RETRY_PAUSE_S = 0.2


class SnapshotFile:
    """The file of a snapshot, locked by this process until it is closed."""

    def __init__(self, path: str | Path) -> None:
        """Lock and read the file. Raises: InvalidInputError if it is in use or not a snapshot; OSError."""
        self.path = Path(path).resolve()
        self._lock: int | None = _lock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self.entries: list[Entry] = read_snapshot(self.path)
        except BaseException:  # an interrupt too: the lock is let go
            self.close()
            raise

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class PersistentEngine:
    """`engine`, saved to `file` on close, and after changes at most once per `every`."""

    def __init__(self, engine: EmbeddedEngine, file: SnapshotFile, every: timedelta) -> None:
        self._engine, self._file, self._every_s = engine, file, every.total_seconds()
        write_contents(engine, file.entries)
        file.entries = []
        self._changed, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._save_changes, name="LocalUpstash save", daemon=True)
        self._thread.start()

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        try:
            return self._engine.run(commands)
        finally:
            self._note_writes(commands)

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | ErrorReply:
        try:
            return self._engine.transaction(commands)
        finally:
            self._note_writes(commands)

    def close(self) -> None:
        """Save all acknowledged changes, with retries. Raises: OSError if that fails."""
        self._closing.set()
        self._changed.set()  # wakes up `_save_changes`
        self._thread.join()
        try:
            self._save_on_close()
        finally:
            self._engine.close()
            self._file.close()

    def _note_writes(self, commands: Sequence[Command]) -> None:
        if any(command_name(command) in WRITES for command in commands):
            self._changed.set()

    def _save_changes(self) -> None:
        pause_s = self._every_s
        while self._changed.wait() and not self._closing.wait(pause_s):
            self._changed.clear()
            began = time.monotonic()
            try:
                self._save()
            except Exception as error:  # noqa: BLE001 - the next attempt may succeed, whatever the error is
                _LOG.error("cannot save %s; retrying: %s", self._file.path, _text(error))
                self._changed.set()
            pause_s = max(self._every_s, _PAUSE_FACTOR * (time.monotonic() - began))

    def _save_on_close(self) -> None:
        for attempts_left in reversed(range(_CLOSE_ATTEMPTS)):
            try:
                self._save()
                break
            except Exception as error:  # the next attempt may succeed, whatever the error is
                _LOG.error("cannot save %s: %s", self._file.path, _text(error))
                if not attempts_left:
                    raise OSError(
                        f"the last changes could not be saved to {self._file.path}: {error}"
                    ) from error
                time.sleep(_RETRY_PAUSE_S)

    def _save(self) -> None:
        """Write the file. Keys that cannot be read are left out, and then raise EngineError."""
        with self._engine.exclusive():
            entries, failures = read_contents(self._engine)
        write_snapshot(self._file.path, entries)
        if failures:
            raise EngineError("; ".join(map(str, failures)))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _lock(path: Path) -> int:
    """Return a descriptor that holds the lock of the file `path`. Raises: InvalidInputError; OSError."""
    descriptor = locked(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if descriptor is None:
        raise InvalidInputError(
            f"another LocalUpstash uses {path.name[1:-5]}; close it, or choose another path"
        )
    return descriptor
