"""Compares a history of operations with what stands in the end. Pure: no I/O.

`check` runs the invariants, which hold for histories of any length, and where a history is short enough the
exact search of `linear`. What neither can see: an operation on a session that is gone when the history ends
(only its results are checked), TTLs, and, beyond the exact search, which of two equal records was removed
and what a `read` in between returned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.consistency.history import History, Operation, Outcome
from tests.consistency.linear import explain
from tests.consistency.places import misplaced
from tests.consistency.timeline import WRITES, Timeline, takes_effect
from tests.consistency.violations import ATOMIC, Guarantees, Violation


def check(
    history: History,
    final: Mapping[str, Sequence[str]],
    guarantees: Guarantees = ATOMIC,
    *,
    initial: Mapping[str, Sequence[str]] | None = None,
    listed: Iterable[str] | None = None,
) -> list[Violation]:
    """Return what was not kept; `final` holds the records of each session, oldest first.

    `listed`: the sessions that a listing named in the end; None: not looked at.
    """
    names = {operation.session_id for operation in history.operations.values()} | final.keys()
    found: list[Violation] = []
    for name in sorted(names):
        before = (initial or {}).get(name, ())
        found += check_session(name, history.of(name), final.get(name, ()), guarantees, before)
    if listed is not None:
        missing = {name for name, records in final.items() if records} - set(listed)
        if not guarantees.edits_are_atomic:  # as MomentoSessionStore documents
            missing = {name for name in missing if not _may_be_unlisted(history.of(name))}
        found += [
            Violation("unlisted", name, f"{len(final[name])} records, and no listing names it")
            for name in sorted(missing)
        ]
    return found


def _may_be_unlisted(operations: Sequence[Operation]) -> bool:
    """Whether a delete was interrupted, or an append was in progress meanwhile and no write came after it."""
    deletes = [o for o in operations if o.verb in ("delete", "clear") and takes_effect(o)]
    last_write = max(
        (o.invoked for o in operations if o.verb in WRITES and o.outcome is Outcome.OK), default=0
    )
    return any(
        delete.outcome is Outcome.UNKNOWN
        or any(
            o.verb == "append"
            and o.invoked < delete.completed
            and max(delete.invoked, last_write) < o.completed
            for o in operations
        )
        for delete in deletes
    )


def check_session(
    session_id: str,
    operations: Sequence[Operation],
    final: Sequence[str],
    guarantees: Guarantees = ATOMIC,
    initial: Sequence[str] = (),
) -> list[Violation]:
    """Return what was not kept in one session."""
    timeline = Timeline(session_id, operations, initial)
    found = [
        *_counts(timeline, final, guarantees),
        *_partial(timeline, final, guarantees),
        *_results(timeline, guarantees),
        *misplaced(timeline, final, guarantees),
    ]
    if not found and explain(timeline, final, guarantees) is False:
        found.append(Violation("history", session_id, "no order of the operations explains it"))
    return found


def _counts(timeline: Timeline, final: Sequence[str], guarantees: Guarantees) -> Iterator[Violation]:
    """Each record as often as it was written and not removed."""
    there = Counter(final)
    removed = Counter(operation.record for operation in timeline.certain_removes)
    may_be_removed = Counter(operation.record for operation in timeline.removes)
    conditional = [o for o in timeline.wipes if o.count is not None and o.outcome is Outcome.OK]
    removed.update(o.record for o in conditional if not timeline.undone)
    copies = 0 if guarantees.edits_are_atomic else _left_twice(timeline)
    for record, writes in timeline.written.items():
        times = there.pop(record, 0)
        wiped = [timeline.wiped(write) for write, _, _ in writes]
        least = sum(sure for write, sure, _ in writes if not timeline.may_be_wiped(write))
        written = sum(most for _, _, most in writes)
        most = sum(most for (_, _, most), gone in zip(writes, wiped, strict=True) if not gone)
        if not any(wiped):
            most -= min(most, removed[record])
        session, number = timeline.session_id, writes[0][0].number
        excused = copies
        if not guarantees.edits_are_atomic:  # pushed again, as what was lost was removed before it was found
            excused += sum(timeline.under_removal(write) for write, _, _ in writes)
        if times < least - may_be_removed[record]:
            yield Violation("lost", session, f"{times} of {least} left of {record[-60:]}", number)
        elif times > written + excused:
            yield Violation("doubled", session, f"{times} instead of {most} of {record[-60:]}", number)
        elif times > most + excused:
            yield Violation("survived", session, f"{times} instead of {most} of {record[-60:]}", number)
    for record, times in there.items():
        yield Violation("invented", timeline.session_id, f"{times} times {record[-60:]}")


def _left_twice(timeline: Timeline) -> int:
    """How many copies of a record interrupted edits may have left."""
    return sum(o.outcome is Outcome.UNKNOWN for o in timeline.edits)


def _partial(timeline: Timeline, final: Sequence[str], guarantees: Guarantees) -> Iterator[Violation]:
    """What came to an unknown end is there whole or not at all, or in parts from its beginning."""
    there = set(final)
    touched = {o.record for o in timeline.removes}
    for write in timeline.writes:
        if write.outcome is not Outcome.UNKNOWN or len(set(write.records)) < len(write.records):
            continue
        if any(len(timeline.written[record]) > 1 for record in write.records):
            continue
        kept = [record in there for record in write.records if record not in touched]
        whole = all(kept) or not any(kept)
        from_one_end = kept == sorted(kept, reverse=True) or (write.verb == "insert" and kept == sorted(kept))
        in_parts = not guarantees.batches_are_atomic and write.parts > 1 and from_one_end
        if not (whole or in_parts or _cut_by_a_wipe(timeline, write)):
            text = f"{sum(kept)} of {len(kept)} records of an {write.verb} of unknown outcome"
            yield Violation("partial", timeline.session_id, text, write.number)


def _cut_by_a_wipe(timeline: Timeline, write: Operation) -> bool:
    """Whether a conditional delete may have taken the older part of what `write` wrote."""
    return timeline.may_be_wiped(write) and any(o.count is not None for o in timeline.wipes)


def _results(timeline: Timeline, guarantees: Guarantees) -> Iterator[Violation]:
    """What the verbs returned is possible."""
    removed = sorted(o.invoked for o in timeline.removes)
    known = set(timeline.written)
    for operation in timeline.all[1:]:
        if operation.outcome is not Outcome.OK:
            continue
        number, session = operation.number, timeline.session_id
        if operation.verb in ("append", "insert"):
            least, most = _lengths(timeline, operation, removed, guarantees)
            if not least <= operation.result <= most:
                text = f"{operation.verb} returned {operation.result}, not {least} to {most}"
                yield Violation("length", session, text, number)
        elif operation.verb == "replace" and operation.result != len(operation.records):
            yield Violation("result", session, f"replace returned {operation.result}", number)
        elif operation.verb == "read":
            yield from _reading(operation, known, guarantees)


def _lengths(
    timeline: Timeline, operation: Operation, removed: list[float], guarantees: Guarantees
) -> tuple[int, int]:
    own = len(operation.records)
    wiped = any(o.invoked < operation.completed for o in (*timeline.wipes, *(d for d, _ in timeline.undone)))
    gone = sum(at < operation.completed for at in removed) if removed else 0
    least = own if wiped else max(own, own + timeline.least_before(operation.invoked) - gone)
    if wiped and operation.parts > 1 and not guarantees.batches_are_atomic:
        least = 1  # its first parts may have been wiped before its last came
    most = timeline.most_before(operation.completed) - timeline.wiped_before(operation.invoked)
    if not guarantees.edits_are_atomic:  # what is moved stands twice for a moment
        others = any(o is not operation and o.invoked < operation.completed for o in timeline.edits)
        most += most if others else 0
    return least, most


def _reading(read: Operation, known: set[str], guarantees: Guarantees) -> Iterator[Violation]:
    if invented := [record for record in read.result if record not in known]:
        text = f"a read returned {len(invented)} records that nobody wrote, as {invented[0][-60:]}"
        yield Violation("invented", read.session_id, text, read.number)


def tally(history: History) -> Counter[tuple[str, str]]:
    """Return how many operations of each verb came to each end."""
    return Counter((operation.verb, operation.outcome.value) for operation in history.operations.values())


__all__ = ["check", "check_session", "takes_effect", "tally"]
