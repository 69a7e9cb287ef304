"""Writes whole sessions to a store, and resolves conflicts with those that exist already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import pandas as pd

from ..errors import InvalidInputError, StoreError
from ..plain_text import utf8_size
from ..stores.arguments import checked_for_javascript, checked_session_id
from ..stores.protocol import SessionStore, SessionSummary, append_many, lengths
from .alignment import (
    ORDER_CONFLICT,
    Missing,
    changed_records,
    edited_record,
    keys_in,
    missing_records,
    record_keys,
)
from .outcomes import Outcome, outcomes_frame

Conflict: TypeAlias = Literal["error", "append", "replace", "skip", "merge"]
"""What to do with a session that exists already."""
FrameConflict: TypeAlias = Literal[Conflict, "update"]
"""`update`: records are replaced by those with the same `record_id`."""

_APPENDED = frozenset({"create", "append"})
_MAX_QUEUED_SESSIONS = 250
"""Sessions that are stored together."""
_MAX_QUEUED_CHARACTERS = 2_000_000
_NOT_WRITTEN = frozenset({"skip", "different", "conflict", "failed"})


def _is_appended(outcome: Outcome, missing: Missing) -> bool:
    if outcome.action == "merge":
        return all(place >= outcome.there_before for place, _ in missing)
    return outcome.action in _APPENDED


@dataclass(slots=True)
class SessionWriter:
    """Writes whole sessions to `store`; with `dry_run` it only reports what it would do."""

    store: SessionStore
    on_conflict: FrameConflict
    dry_run: bool = False
    choices: tuple[str, ...] = get_args(Conflict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _existing: dict[str, SessionSummary] = field(default_factory=dict)
    """The store's summaries of sessions that are to be skipped."""
    _queue: list[tuple[Outcome, Sequence[str], int]] = field(default_factory=list)
    """Sessions to append to, each with its records and the number of those that were rebuilt."""
    _queued_characters: int = 0

    def __post_init__(self) -> None:
        if not (hasattr(self.store, "append") and hasattr(self.store, "session_ids")):
            kind = type(self.store).__name__
            raise InvalidInputError(f"expected a store to write to, got {kind}; to write a file, use export")
        if self.on_conflict not in self.choices:
            choices = ", ".join(self.choices)
            raise InvalidInputError(
                f"on_conflict must be one of {choices}, not {self.on_conflict!r}", field="on_conflict"
            )

    def check(self, session_ids: Sequence[str]) -> None:
        """Find out which of these sessions exist already.

        Raises: InvalidInputError, which names them, if that is a conflict; nothing was written.
        """
        new = [checked_session_id(name) for name in dict.fromkeys(session_ids) if name not in self.outcomes]
        for session_id, length in self._lengths(new) if new else ():
            self.outcomes[session_id] = Outcome(session_id, self._action(length), length)
        conflicts = [outcome.session_id for outcome in self.outcomes.values() if outcome.action == "conflict"]
        if conflicts and not self.dry_run:
            names = ", ".join(map(repr, conflicts[:5])) + (", ..." if len(conflicts) > 5 else "")
            raise InvalidInputError(
                f"{len(conflicts)} sessions exist already ({names}); nothing was written. "
                'Choose on_conflict="merge", "append", "replace" or "skip", '
                "or see what they do with dry_run=True"
            )

    def _lengths(self, session_ids: Sequence[str]) -> Iterator[tuple[str, int]]:
        if self.on_conflict != "skip":
            yield from zip(session_ids, lengths(self.store, session_ids), strict=True)
            return
        for summary in self.store.summaries(session_ids):
            if summary.length:
                self._existing[summary.session_id] = summary
            yield summary.session_id, summary.length

    def _action(self, there: int) -> str:
        if self.on_conflict == "update":
            return "update"
        if not there:
            return "create"
        return "conflict" if self.on_conflict == "error" else self.on_conflict

    def add(self, session_id: str, records: Sequence[str], *, n_rebuilt: int = 0) -> None:
        """Store a whole session at once, so that an interruption leaves none incomplete.

        Appends are queued, to share requests, until `flush`. If the service rejects a record, the outcome of
        its session is "failed". Raises: StoreError for all other errors.
        """
        if session_id not in self.outcomes:
            self.check([session_id])
        outcome = self.outcomes[session_id]
        if outcome.action == "skip" and session_id in self._existing and records:
            self.compare(SessionSummary(session_id, len(records), first=records[0], last=records[-1]))
        if outcome.action in _NOT_WRITTEN or not records:
            return
        if outcome.action == "update":
            self._update(outcome, records)
            return
        missing = self._missing(outcome, records) if outcome.action == "merge" else [(0, range(len(records)))]
        if not missing:
            return
        written = [records[index] for _, indexes in missing for index in indexes]
        try:
            self._check(written)
            if _is_appended(outcome, missing) and not self.dry_run:
                self._enqueue(outcome, written, n_rebuilt)
                return
            if not self.dry_run:
                self._write(outcome, records, missing)
        except InvalidInputError as exc:
            self.fail(session_id, str(exc))
            return
        outcome.count(written, n_rebuilt)

    def _enqueue(self, outcome: Outcome, records: Sequence[str], n_rebuilt: int) -> None:
        if self._is_queued(outcome):
            self.flush()  # the first part must be stored before this one
        self._queue.append((outcome, records, n_rebuilt))
        self._queued_characters += sum(map(len, records))
        if len(self._queue) >= _MAX_QUEUED_SESSIONS or self._queued_characters >= _MAX_QUEUED_CHARACTERS:
            self.flush()

    def _is_queued(self, outcome: Outcome) -> bool:
        return any(queued is outcome for queued, _, _ in self._queue)

    def flush(self) -> None:
        """Store the queued sessions, which completes their outcomes.

        Raises: the first StoreError; sessions that were stored are counted nevertheless.
        """
        queue, self._queue, self._queued_characters = self._queue, [], 0
        sessions = [(outcome.session_id, records) for outcome, records, _ in queue]
        failure: StoreError | None = None
        for (outcome, records, n_rebuilt), result in zip(
            queue, append_many(self.store, sessions), strict=True
        ):
            if isinstance(result, InvalidInputError):
                self.fail(outcome.session_id, str(result))
            elif isinstance(result, StoreError):
                failure = failure or result
            else:
                outcome.count(records, n_rebuilt)
        if failure is not None:
            raise failure

    def _check(self, records: Sequence[str]) -> None:
        if self.store.javascript:
            checked_for_javascript(records)

    def fail(self, session_id: str, problem: str) -> None:
        """Report a session that its source cannot read, or that the store rejects."""
        outcome = self.outcomes[session_id]
        outcome.action, outcome.problem = "failed", problem

    def compare(self, summary: SessionSummary) -> None:
        """Report a session that is to be skipped as different, if its length, first or last record is."""
        there = self._existing.pop(summary.session_id)
        if there.length != summary.length:
            difference = f"the store has {there.length:,} records of it instead of {summary.length:,}"
        elif (there.first, there.last) != (summary.first, summary.last):
            difference = "its first or last record differs in the store"
        else:
            return
        outcome = self.outcomes[summary.session_id]
        outcome.action = "different"
        outcome.problem = f'{difference}; on_conflict="merge" adds what is missing'

    def _missing(self, outcome: Outcome, records: Sequence[str]) -> Missing:
        """Return which `records` the store lacks; none if it has all of them, or they cannot be aligned."""
        if self._is_queued(outcome):
            self.flush()  # what was queued before counts as stored
        there = self.store.read(outcome.session_id)
        outcome.there_before = len(there)  # others may have written since the summary
        keys_there = record_keys(there)
        keys = keys_in(there, keys_there, record_keys(records))
        edited = edited_record(records, keys, there, keys_there)
        missing = missing_records(keys, keys_there)
        if edited is not None:
            outcome.action, outcome.problem = "different", f"record {edited} has another text in the store"
        elif missing is None:
            outcome.action, outcome.problem = "different", ORDER_CONFLICT
        elif not missing:
            outcome.action = "skip"
            if len(there) > len(records):
                outcome.problem = f"the store has {len(there) - len(records):,} records more"
        return [] if outcome.action != "merge" or missing is None else missing

    def _update(self, outcome: Outcome, records: Sequence[str]) -> None:
        """Replace stored records by those of `records` with the same `record_id` and another text."""
        there = self.store.read(outcome.session_id)
        outcome.there_before = len(there)
        changes = changed_records(records, there)
        if changes is None:
            outcome.action = "different"
            outcome.problem = "it has no record, or several, with the record_id of some rows"
            return
        if not changes:
            outcome.action = "skip"
        try:
            self._check([record for _, record in changes if record is not None])
        except InvalidInputError as exc:
            self.fail(outcome.session_id, str(exc))
            return
        # From the end, so that earlier positions do not change. The new text is inserted before the old one
        # is removed; if this is interrupted in between, the next update completes it.
        for place, record in reversed(changes):
            if not self.dry_run and not self._change(outcome.session_id, place, there[place], record):
                outcome.problem = f"record {place} was changed meanwhile, and both versions are kept"
            outcome.n_messages += 1
            outcome.n_rebuilt += 1
            outcome.bytes += utf8_size(record or "")

    def _change(self, session_id: str, place: int, old: str, new: str | None) -> bool:
        """Replace `old` by `new`; return whether `old` was still there."""
        if new is not None:
            self.store.insert(session_id, place, [new])
            place += 1
        return self.store.remove(session_id, place, old)

    def _write(self, outcome: Outcome, records: Sequence[str], missing: Missing) -> None:
        if outcome.action == "replace":
            self.store.replace(outcome.session_id, records)
        else:
            self._fill(outcome, records, missing)

    def _fill(self, outcome: Outcome, records: Sequence[str], missing: Missing) -> None:
        # From the end, so that earlier positions do not change; if this is interrupted, the next merge
        # completes it. Records at the end are appended: what others appended meanwhile stays.
        for place, indexes in reversed(missing):
            part = records[indexes.start : indexes.stop]
            if place >= outcome.there_before:
                self.store.append(outcome.session_id, part)
            else:
                self.store.insert(outcome.session_id, place, part)

    def report(self) -> pd.DataFrame:
        """Return a row per session: what was done, or with `dry_run` would be."""
        return outcomes_frame(self.outcomes.values())
