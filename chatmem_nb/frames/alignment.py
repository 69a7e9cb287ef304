"""Two versions of a session as sequences of records: what one of them lacks, and where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from ..records import is_same_message, parse_all, stable_ids

Missing: TypeAlias = list[tuple[int, range]]
"""Places in the target, ascending, and the indexes of the source's records that belong before each."""
ORDER_CONFLICT: Final = (
    "cannot merge: shared records are in a different order, or each version has others at the same position"
)
"""The problem of two versions for which `missing_records` returns None."""


def record_keys(records: Sequence[str]) -> list[str]:
    """Return what identifies each record: its `record_id`, or its text if it has none."""
    parsed = parse_all(list(records))
    return [
        f"text {record.raw}" if record.record_id is None else f"id {record.record_id}" for record in parsed
    ]


def keys_in(target: Sequence[str], target_keys: Sequence[str], source_keys: Sequence[str]) -> list[str]:
    """Return `source_keys`, where a record that went from `target` to a LangGraph thread has its key there.

    As a message of a thread it has the id of `stable_ids`, and that is its `record_id` when it comes back.
    """
    known = set(target_keys)
    if known.issuperset(source_keys):
        return list(source_keys)
    ids = zip(stable_ids(parse_all(list(target))), target_keys, strict=True)
    key_of = {f"id {name}": key for name, key in ids}
    taken = known & set(source_keys)
    return [
        key_of[key] if key not in known and key in key_of and key_of[key] not in taken else key
        for key in source_keys
    ]


def edited_record(
    source: Sequence[str], source_keys: Sequence[str], target: Sequence[str], target_keys: Sequence[str]
) -> int | None:
    """Return the index of the first record of `source` that is another message in `target`, or None."""
    texts: dict[str, set[str]] = {}
    for key, record in zip(target_keys, target, strict=True):
        texts.setdefault(key, set()).add(record)
    for index, (key, record) in enumerate(zip(source_keys, source, strict=True)):
        there = texts.get(key, {record})
        if record not in there and not any(is_same_message(record, other) for other in there):
            return index
    return None


def changed_records(records: Sequence[str], target: Sequence[str]) -> list[tuple[int, str | None]] | None:
    """Return the places in `target` of records that have another text in `records`, and that text.

    The text is None for an old version that an interrupted update left beside the new one. Returns None if
    the target does not have the id of a record, or has it several times in other texts.
    """
    places: dict[str, list[int]] = {}
    for place, key in enumerate(record_keys(target)):
        places.setdefault(key, []).append(place)
    changes: list[tuple[int, str | None]] = []
    for key, record in zip(record_keys(records), records, strict=True):
        found = places.get(key, [])
        old = [place for place in found if target[place] != record]
        if not found or (len(old) > 1 and len(old) == len(found)):
            return None
        changes += [(place, record if len(old) == len(found) else None) for place in old]
    return sorted(changes, key=lambda change: change[0])


def missing_records(source: Sequence[str], target: Sequence[str]) -> Missing | None:
    """Return what of `source` is missing in `target`, both as keys; None if that is ambiguous.

    Keys that both have exactly once must be in the same order. Between two of them, one side must be a part
    of the other in order: where each has records that the other lacks, nothing says which come first. If
    the target is a part of the source in order, completing it yields the source. Takes linear time.
    """
    anchors = _anchors(source, target)
    if any(before[1] > after[1] for before, after in pairwise(anchors)):
        return None
    missing: Missing = []
    start, place = 0, 0
    for source_end, target_end in [*anchors, (len(source), len(target))]:
        inner = _missing_between(source, range(start, source_end), target, range(place, target_end))
        if inner is None:
            return None
        missing += inner
        start, place = source_end + 1, target_end + 1
    return missing


def _anchors(source: Sequence[str], target: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the keys that both have exactly once, in the order of the source."""
    places = {key: place for place, key in enumerate(target)}
    counts, counts_there = Counter(source), Counter(target)
    return [(index, places[key]) for index, key in enumerate(source) if counts[key] == 1 == counts_there[key]]


def _missing_between(
    source: Sequence[str], wanted: range, target: Sequence[str], there: range
) -> Missing | None:
    if _is_part(source, wanted, target, there):
        return []
    missing: Missing = []
    start = wanted.start
    for place in there:
        index = next((index for index in range(start, wanted.stop) if source[index] == target[place]), None)
        if index is None:
            return None
        if index > start:
            missing.append((place, range(start, index)))
        start = index + 1
    if start < wanted.stop:
        missing.append((there.stop, range(start, wanted.stop)))
    return missing


def _is_part(part: Sequence[str], within: range, whole: Sequence[str], places: range) -> bool:
    left = iter(places)
    return all(any(whole[place] == part[index] for place in left) for index in within)
