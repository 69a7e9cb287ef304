"""What an export has done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..columns.schema import Kind, frame_of
from ..formats.writer import LeftOutSession
from ..redaction import LeftOut

_LEFT_OUT: dict[str, Kind] = {"session_id": "text", "index": "Int64", "reason": "text"}


def left_out_frame(entries: Sequence[LeftOutSession]) -> pd.DataFrame:
    """Return a row for each entry."""
    columns = {name: [entry[place] for entry in entries] for place, name in enumerate(_LEFT_OUT)}
    return frame_of(_LEFT_OUT, columns)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What is in the file, and what it took.

    >>> print(export((store, ["short-hello"]), "hello.md", progress=False))
    hello.md: 2 messages of 1 sessions, ...
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
    """A row for each session that the format cannot hold: `session_id`, `index` of the record that is the
    reason, and the `reason`. They count neither in `sessions` nor in `messages`."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """Values replaced by this run, by kind."""
    unredactable: tuple[LeftOut, ...] = ()
    """Records left out by this run, as they could not be understood and so not be redacted."""

    def __str__(self) -> str:
        text = (
            f"{self.path}: {self.messages:,} messages of {self.sessions:,} sessions, {self.bytes:,} bytes, "
            f"in {self.seconds:.1f} s and {self.commands:,} commands"
        )
        if self.resumed:
            text += f"; {self.resumed:,} more sessions were there from before"
        if self.unreadable:
            text += f"; {self.unreadable:,} records cannot be read"
        if len(self.left_out):
            text += f"; {len(self.left_out):,} sessions are left out, see `left_out`"
        if self.redacted:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.redacted.items()))
            text += f"; redacted: {counts}"
        if self.unredactable:
            text += f"; {len(self.unredactable):,} records could not be redacted, see `unredactable`"
        return text
