"""What an export has done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    left_out: tuple[str, ...] = ()
    """Sessions that the format cannot hold, and why."""

    def __str__(self) -> str:
        text = (
            f"{self.path}: {self.messages:,} messages of {self.sessions:,} sessions, {self.bytes:,} bytes, "
            f"in {self.seconds:.1f} s and {self.commands:,} commands"
        )
        if self.resumed:
            text += f"; {self.resumed:,} more sessions were there from before"
        if self.unreadable:
            text += f"; {self.unreadable:,} records cannot be read"
        if self.left_out:
            text += f"; {len(self.left_out):,} sessions are left out, see `left_out`"
        return text
