"""Where records stand: within their batch, beside others, and after those that were there before."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.consistency.history import Operation, Outcome
from tests.consistency.timeline import BEFORE, Timeline
from tests.consistency.violations import Guarantees, Violation


def misplaced(timeline: Timeline, final: Sequence[str], guarantees: Guarantees) -> Iterator[Violation]:
    """Yield what stands where it cannot stand. Records that were written or stand twice are passed over."""
    there = Counter(final)
    restored = {done.record for done, _ in timeline.undone if done.verb == "remove"}
    owners = {
        record: writes[0][0]
        for record, writes in timeline.written.items()
        if len(writes) == 1 and writes[0][2] == 1 and there[record] == 1
    }
    places = {record: place for place, record in enumerate(final) if record in owners}
    settled = {
        record: owner
        for record, owner in owners.items()
        if record not in restored and (guarantees.edits_are_atomic or not timeline.in_an_edit(owner))
    }
    yield from _real_time(timeline, final, settled)
    for write in timeline.writes:
        own = [record for record in write.records if record in places]
        if write.number != BEFORE and own:
            yield from _batch(timeline, final, places, settled, write, own, guarantees)
    if not timeline.wipes and not timeline.undone:
        yield from _inserts(timeline, places, guarantees)


def _real_time(
    timeline: Timeline, final: Sequence[str], settled: dict[str, Operation]
) -> Iterator[Violation]:
    """An append that was completed before another was invoked stands before it."""
    latest: Operation | None = None
    told: set[int] = set()
    for record in final:
        owner = settled.get(record)
        if owner is None or owner.verb == "insert":
            continue
        if latest is not None and owner.completed < latest.invoked and owner.number not in told:
            told.add(owner.number)
            text = f"it was completed before operation {latest.number} was invoked, and stands behind it"
            yield Violation("real time", timeline.session_id, text, owner.number)
        if latest is None or owner.invoked > latest.invoked:
            latest = owner


def _batch(
    timeline: Timeline,
    final: Sequence[str],
    places: dict[str, int],
    settled: dict[str, Operation],
    write: Operation,
    own: list[str],
    guarantees: Guarantees,
) -> Iterator[Violation]:
    """Records of one operation stand in their order, and only what was inserted may stand between."""
    at = [places[record] for record in own if record in settled or guarantees.edits_are_atomic]
    if at != sorted(at):
        yield Violation("order", timeline.session_id, f"its records stand at {at[:10]}", write.number)
        return
    if not at or not (guarantees.batches_are_atomic or write.parts == 1):
        return
    mine = set(own)
    for record in final[at[0] : at[-1]]:
        intruder = settled.get(record)
        if record not in mine and intruder is not None and intruder.verb != "insert":
            text = f"a record of operation {intruder.number} stands in the middle of it"
            yield Violation("torn", timeline.session_id, text, write.number)
            return


def _inserts(timeline: Timeline, places: dict[str, int], guarantees: Guarantees) -> Iterator[Violation]:
    """An insert stands at its index, give or take what others inserted and removed."""
    inserts = [o for o in timeline.writes if o.verb == "insert"]
    removed = len(timeline.removes)
    inserted = sum(len(o.possible) for o in inserts)
    moved = 0 if guarantees.edits_are_atomic else sum(o.outcome is Outcome.UNKNOWN for o in timeline.edits)
    for insert in inserts:
        place = places.get(insert.records[0])
        if insert.outcome is not Outcome.OK or place is None or insert.index < 0:
            continue
        least = min(insert.index, timeline.least_before(insert.invoked) - removed) - removed
        most = insert.index + inserted - len(insert.records) if not moved else math.inf
        if (
            not guarantees.edits_are_atomic
        ):  # what is moved behind it goes behind what others append meanwhile
            most += sum(
                len(o.possible)
                for o in timeline.writes
                if o.verb == "append" and o.invoked < insert.completed and insert.invoked < o.completed
            )
        if not least <= place <= most:
            text = f"inserted at {insert.index}, and stands at {place}, not {least} to {most}"
            yield Violation("place", timeline.session_id, text, insert.number)
