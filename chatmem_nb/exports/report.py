"""The report of an export: what is in the file, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """What is in the exported file, and what it cost.

    >>> print(export((store, ["short-hello"]), "hello.md", progress=False))
    hello.md: 2 messages of 1 session, ...
    """

    path: Path
    format: str
    sessions: int
    """Sessions written by this run; `resumed` ones are not among them."""
    messages: int
    """Records written by this run, including unreadable ones."""
    unreadable: int
    resumed: int
    """Sessions that an earlier, interrupted run had written."""
    bytes: int
    """Size of the file, or of all files in the folder."""
    commands: int
    """Billed commands (Upstash) or operations (Momento)."""
    seconds: float
    left_out: pd.DataFrame = field(default_factory=lambda: left_out_frame([]), repr=False, compare=False)
    """A row for each session that the format cannot hold, or only in part: `session_id`, `index` of the
    record that is the reason, and the `reason`. `sessions` and `messages` do not count what is left out."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """Values replaced by this run, by kind."""
    unredactable: tuple[LeftOut, ...] = ()
    """Records left out by this run, because they could not be parsed and so not be redacted."""
    store: str | None = None
    """The store, without its keys; None for other sources."""
    ends: Mapping[str, SessionEnd] = field(default_factory=dict, repr=False, compare=False)
    """Where each session of the source ended, for the next `export(..., since=report)`."""
    changes: Changes | None = None
    """What happened to the sessions since the earlier export; None without `since`."""

    labels: int = 0
    """Stars, tags and notes written by this run."""
    labels_left_out: int = 0
    """Labels of exported sessions that are not in the file: the format cannot hold them, or their message was
    removed, filtered or left out."""

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
        first = (
            f"{self.path}: {counted(self.messages, 'message')} of {counted(self.sessions, 'session')}, "
            f"{counted(self.bytes, 'byte')}, in {self.seconds:.1f} s and {counted(self.commands, 'command')}"
        )
        return "; ".join([first, *_remarks(self)])


def _remarks(report: ExportReport) -> Iterator[str]:
    """Yield what is to be said about an export that not every export has."""
    if report.resumed:
        yield f"{counted(report.resumed, 'session')} kept from an interrupted export"
    if report.unreadable:
        yield counted(report.unreadable, "unreadable record")
    if len(report.left_out):
        yield f"{counted(len(report.left_out), 'session')} left out completely or in part, see `left_out`"
    if report.redacted:
        yield "redacted: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(report.redacted.items()))
    if report.unredactable:
        left_out = counted(len(report.unredactable), "record")
        yield f"{left_out} left out that could not be redacted, see `unredactable`"
    if report.labels:
        yield counted(report.labels, "label")
    if report.labels_left_out:
        reason = f" because {report.format} cannot hold labels: use JSONL or Parquet"
        left_out = f"{counted(report.labels_left_out, 'label')} left out"
        yield left_out + ("" if report.format in ("jsonl", "parquet") else reason)
    if report.changes is not None:
        yield _changes_text(report.changes)


def _changes_text(changes: Changes) -> str:
    counts = {
        "new": changes.new,
        "grown": changes.grown,
        "unchanged": changes.unchanged,
        "changed": len(changes.changed),
        "shrunk": len(changes.shrank),
        "vanished": len(changes.vanished),
    }
    return "sessions since the earlier export: " + ", ".join(
        f"{count:,} {change}" for change, count in counts.items() if count
    )
