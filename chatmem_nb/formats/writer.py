"""The protocol of writers: records are added session by session, and writing resumes from a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO, TypeAlias

from ..records import StoredMessage
from .private_files import open_private

JSONObject = dict[str, Any]


LeftOutSession: TypeAlias = tuple[str | None, int | None, str, int, bool]
"""A session that a format cannot hold, or not whole: its id, the record that is the reason, the reason, how
many records are not in the file, and whether these are all of the session."""


class SessionEvents(NamedTuple):
    """The labels of a session, as lines of their log."""

    session: list[JSONObject]
    """Of the session itself."""
    messages: dict[int, list[JSONObject]]
    """By the index of the message."""

    @property
    def number(self) -> int:
        return len(self.session) + sum(map(len, self.messages.values()))


class Writer(Protocol):
    """Writes one format to a file."""

    left_out: list[LeftOutSession]
    holds_labels: bool
    """Whether the format can hold labels."""

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        """Write a piece of a session. A long session has several consecutive ones."""
        ...

    def add_labels(self, session_id: str, events: SessionEvents) -> None:
        """Write the labels of the current session, before `end_session`; only if `holds_labels`."""
        ...

    def end_session(self) -> None:
        """Complete the current session."""
        ...

    def wants_checkpoint(self) -> bool:
        """Whether enough was written for another checkpoint; called between sessions."""
        ...

    def checkpoint(self) -> JSONObject:
        """Flush what was written to the disk, and return the state from which a writer resumes."""
        ...

    def finish(self) -> None:
        """Complete the output."""
        ...

    def close(self) -> None:
        """Close the files, finished or not."""
        ...


class TextWriter:
    """A text format, written from top to bottom. To resume, the file is truncated at the checkpoint."""

    holds_labels = False
    newline: str | None = "\n"
    checkpoint_bytes = 4_000_000

    def __init__(self, path: Path, state: JSONObject) -> None:
        self.left_out: list[LeftOutSession] = [(*entry,) for entry in state.get("left_out", [])]
        self._since = state.get("offset", 0)
        resumed = "offset" in state
        # Surrogates have no UTF-8; each format that could meet one escapes it in its own way first.
        flags = os.O_RDWR if resumed else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._file: TextIO = open_private(path, flags, self.newline)
        if resumed:
            self._file.truncate(self._since)
            self._file.seek(0, os.SEEK_END)
        else:
            self.begin()

    def begin(self) -> None:
        """Write what comes before the first session."""

    def write(self, text: str) -> None:
        self._file.write(text)

    def add(self, session_id: str | None, records: Sequence[StoredMessage]) -> None:
        raise NotImplementedError

    def add_labels(self, session_id: str, events: SessionEvents) -> None:
        raise NotImplementedError

    def end_session(self) -> None:
        """Write what comes after a session."""

    def end(self) -> None:
        """Write what comes after the last session."""

    def wants_checkpoint(self) -> bool:
        return bool(self._file.buffer.tell() - self._since > self.checkpoint_bytes)

    def checkpoint(self) -> JSONObject:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._since = self._file.buffer.tell()
        return {"offset": self._since, "left_out": self.left_out}

    def finish(self) -> None:
        self.end()
        self.checkpoint()
        self._file.close()

    def close(self) -> None:
        self._file.close()
