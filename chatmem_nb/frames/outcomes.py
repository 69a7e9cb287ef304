"""What happened to each session that was to be written, as a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from ..columns.schema import Kind, frame_of
from ..plain_text import utf8_size

REPORT_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "action": "category",
    "n_messages": "Int64",
    "n_rebuilt": "Int64",
    "bytes": "Int64",
    "there_before": "Int64",
    "problem": "text",
}
ACTIONS = ("create", "append", "replace", "merge", "update", "skip", "different", "conflict", "failed")


@dataclass(slots=True)
class Outcome:
    """What happened to one session, or would."""

    session_id: str
    action: str
    """One of ACTIONS."""
    there_before: int
    """Records that the store had of it."""
    n_messages: int = 0
    n_rebuilt: int = 0
    bytes: int = 0
    problem: str = ""
    """Empty if there is none: NaN would be true."""

    def count(self, records: Sequence[str], n_rebuilt: int) -> None:
        """Count `records` as written, `n_rebuilt` of them made of edited rows."""
        self.n_messages += len(records)
        self.n_rebuilt += min(n_rebuilt, len(records))
        self.bytes += sum(map(utf8_size, records))


def outcomes_frame(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Return one row a session."""
    rows = list(outcomes)
    columns = {name: [getattr(row, name) for row in rows] for name in REPORT_COLUMNS}
    return frame_of(REPORT_COLUMNS, columns, {"action": ACTIONS})
