"""What an export has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..columns.schema import Kind, frame_of
from ..formats.writer import LeftOutSession
from ..plain_text import counted
from ..redaction import LeftOut
from .session_ends import Changes, SessionEnd

_LEFT_OUT: dict[str, Kind] = {"session_id": "text", "index": "Int64", "reason": "text"}


def left_out_frame(entries: Sequence[LeftOutSession]) -> pd.DataFrame:
    """Return a row for each entry."""
    columns = {name: [entry[place] for entry in entries] for place, name in enumerate(_LEFT_OUT)}
    return frame_of(_LEFT_OUT, columns)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What is in the file, and what it took.

    >>> print(export((store, ["short-hello"]), "hello.md", progress=False))
    hello.md: 2 messages of 1 session, ...
    """

    path: Path
    format: str
    sessions: int
    """Those written by this run; `resumed` ones come on top."""
    messages: int
    """Records written by this run, those that cannot be read among them."""
    unreadable: int
    resumed: int
    """Sessions that an interrupted run before had written already."""
    bytes: int
    """Of the file, or of all files in the folder."""
    commands: int
    """Billed commands (Upstash) or operations (Momento) that it took."""
    seconds: float
    left_out: pd.DataFrame = field(default_factory=lambda: left_out_frame([]), repr=False, compare=False)
    """A row for each session that the format cannot hold, or only in part: `session_id`, `index` of the
    record that is the reason, and the `reason`. What is not in the file counts neither in `sessions` nor in
    `messages`."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """Values replaced by this run, by kind."""
    unredactable: tuple[LeftOut, ...] = ()
    """Records left out by this run, as they could not be understood and so not be redacted."""
    store: str | None = None
    """Which store it was, without its keys; None for other sources."""
    ends: Mapping[str, SessionEnd] = field(default_factory=dict, repr=False, compare=False)
    """Where each session of the source ended, which the next `export(..., since=report)` goes by."""
    changes: Changes | None = None
    """What became of the sessions since the export before, with `since`."""

    labels: int = 0
    """Stars, tags and notes written by this run."""
    labels_left_out: int = 0
    """Those of exported sessions that are not in the file: it is of a format that cannot hold them, or their
    message is gone, filtered or left out."""

    def save(self, path: str | Path) -> None:
        """Write the report as JSON to `path`, for `export(..., since=path)` in another process.

        It holds session ids, counts and digests: no text of a message and no key. Raises: OSError.

        >>> export((store, ["short-hello"]), "hello.jsonl", progress=False).save("hello.report.json")
        >>> later = export((store, ["short-hello"]), "new.jsonl", since="hello.report.json", progress=False)
        >>> later.messages, later.changes.unchanged
        (0, 1)
        """
        from .saved_report import save_report

        save_report(self, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | Path) -> ExportReport:
        """Return the report that `save` wrote to `path`. Raises: OSError; InvalidInputError."""
        from .saved_report import load_report

        return load_report(Path(path).expanduser())

    def __str__(self) -> str:
        text = (
            f"{self.path}: {counted(self.messages, 'message')} of {counted(self.sessions, 'session')}, "
            f"{counted(self.bytes, 'byte')}, in {self.seconds:.1f} s and {counted(self.commands, 'command')}"
        )
        if self.resumed:
            text += f"; {self.resumed:,} more sessions were there from before"
        if self.unreadable:
            text += f"; {self.unreadable:,} records cannot be read"
        if len(self.left_out):
            text += f"; {len(self.left_out):,} sessions are left out, or a part of them: see `left_out`"
        if self.redacted:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.redacted.items()))
            text += f"; redacted: {counts}"
        if self.unredactable:
            text += f"; {len(self.unredactable):,} records could not be redacted, see `unredactable`"
        if self.labels:
            text += f"; {counted(self.labels, 'label')}"
        if self.labels_left_out:
            text += f"; {self.labels_left_out:,} labels are not in it"
            if self.format not in ("jsonl", "parquet"):
                text += f", as {self.format} cannot hold any: use JSONL or Parquet"
        if self.changes is not None:
            text += f"; {_said(self.changes)}"
        return text


def _said(changes: Changes) -> str:
    counts = {
        "new": changes.new,
        "grown": changes.grown,
        "unchanged": changes.unchanged,
        "changed": len(changes.changed),
        "shrunk": len(changes.shrank),
        "vanished": len(changes.vanished),
    }
    return "sessions since then: " + ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
