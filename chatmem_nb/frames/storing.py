"""Sessions on their way into a store, and what becomes of those that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import pandas as pd

from ..errors import InvalidInputError
from ..stores.protocol import SessionStore, checked_session_id
from .schema import Kind, frame_of
from .sessions import utf8_size

Conflict: TypeAlias = Literal["error", "append", "replace", "skip"]
"""What happens where a session of this id is there already."""

REPORT_COLUMNS: dict[str, Kind] = {
    "session_id": "text",
    "action": "category",
    "n_messages": "Int64",
    "n_rebuilt": "Int64",
    "bytes": "Int64",
    "there_before": "Int64",
    "problem": "text",
}
ACTIONS = ("create", "append", "replace", "skip", "conflict", "failed")


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
    problem: str | None = None


@dataclass(slots=True)
class Storing:
    """Puts whole sessions into `store`; with `dry_run` it only says what would happen."""

    store: SessionStore
    on_conflict: Conflict
    dry_run: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.on_conflict not in get_args(Conflict):
            choices = ", ".join(get_args(Conflict))
            raise InvalidInputError(f"on_conflict must be one of {choices}, not {self.on_conflict!r}")

    def check(self, session_ids: Sequence[str]) -> None:
        """Look which of these sessions are there already.

        Raises: InvalidInputError, naming them, where that is an error; nothing was written.
        """
        new = [checked_session_id(name) for name in dict.fromkeys(session_ids) if name not in self.outcomes]
        for summary in self.store.summaries(new) if new else ():
            action = self._action(summary.length)
            self.outcomes[summary.session_id] = Outcome(summary.session_id, action, summary.length)
        conflicts = [outcome.session_id for outcome in self.outcomes.values() if outcome.action == "conflict"]
        if conflicts and not self.dry_run:
            names = ", ".join(map(repr, conflicts[:5])) + (", ..." if len(conflicts) > 5 else "")
            raise InvalidInputError(
                f"{len(conflicts)} sessions are there already ({names}); nothing was written. "
                'Choose on_conflict="append", "replace" or "skip", or see what they do with dry_run=True'
            )

    def _action(self, there: int) -> str:
        if not there:
            return "create"
        return "conflict" if self.on_conflict == "error" else self.on_conflict

    def add(self, session_id: str, records: Sequence[str], *, n_rebuilt: int = 0) -> None:
        """Store a whole session by one call of the store, so that an interruption leaves none cut off.

        A record that the service does not take fails its session, which the outcome says.
        Raises: StoreError and its kinds, for everything else.
        """
        if session_id not in self.outcomes:
            self.check([session_id])
        outcome = self.outcomes[session_id]
        if outcome.action in ("skip", "conflict", "failed") or not records:
            return
        if not self.dry_run:
            try:
                self._write(outcome, records)
            except InvalidInputError as exc:
                outcome.action, outcome.problem = "failed", str(exc)
                return
        outcome.n_messages += len(records)
        outcome.n_rebuilt += n_rebuilt
        outcome.bytes += sum(map(utf8_size, records))

    def _write(self, outcome: Outcome, records: Sequence[str]) -> None:
        if outcome.action == "replace":
            self.store.replace(outcome.session_id, records)
        else:
            self.store.append(outcome.session_id, records)

    def report(self) -> pd.DataFrame:
        """Return one row a session: what was done, or with `dry_run` would be."""
        rows = list(self.outcomes.values())
        columns = {name: [getattr(row, name) for row in rows] for name in REPORT_COLUMNS}
        return frame_of(REPORT_COLUMNS, columns, {"action": ACTIONS})
