"""Aligns two sequences: difflib, by one key function after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
Key: TypeAlias = Callable[[T], Hashable]
Pair: TypeAlias = tuple[T | None, T | None]
Run: TypeAlias = tuple[int, int, int]
"""Start in the left sequence, start in the right one, length."""

WINDOW: Final = 2_000
"""Items of each side that difflib compares at once, since its time grows with their product, or faster."""
_MAX_EQUAL_PAIRS: Final = 5_000
"""Pairs of equal items in a window; with more, from items that repeat often, the window is halved."""
_MIN_WINDOW: Final = 100


def align(left: Sequence[T], right: Sequence[T], keys: Sequence[Key[T]]) -> list[Pair[T]]:
    """Return the items of both sequences as pairs, in order; None where only one side has an item.

    Items with equal first keys are paired; between them, those with equal second keys, and so on.
    """
    if not left or not right or not keys:
        return [*((item, None) for item in left), *((None, item) for item in right)]
    pairs: list[Pair[T]] = []
    left_end, right_end = 0, 0  # of the run before
    key = keys[0]
    runs = matching_runs([key(item) for item in left], [key(item) for item in right])
    for left_start, right_start, size in [*runs, (len(left), len(right), 0)]:
        between = align(left[left_end:left_start], right[right_end:right_start], keys[1:])
        pairs += between
        left_end, right_end = left_start + size, right_start + size
        pairs += zip(left[left_start:left_end], right[right_start:right_end], strict=True)
    return pairs


def matching_runs(left: Sequence[Hashable], right: Sequence[Hashable]) -> Iterator[Run]:
    """Yield the runs of equal items, in order."""
    prefix = _common_prefix(left, right)
    if prefix:
        yield 0, 0, prefix
    suffix = _common_prefix(left[prefix:][::-1], right[prefix:][::-1])
    left_stop, right_stop = len(left) - suffix, len(right) - suffix
    yield from _inner_runs(left[prefix:left_stop], right[prefix:right_stop], prefix)
    if suffix:
        yield left_stop, right_stop, suffix


def _inner_runs(left: Sequence[Hashable], right: Sequence[Hashable], offset: int) -> Iterator[Run]:
    left_at, right_at = 0, 0
    while left_at < len(left) and right_at < len(right):
        size = _window_size(left[left_at : left_at + WINDOW], right[right_at : right_at + WINDOW])
        # autojunk ignores items that occur often, which may be all of them.
        matcher = SequenceMatcher(
            None, left[left_at : left_at + size], right[right_at : right_at + size], autojunk=False
        )
        runs = [run for run in matcher.get_matching_blocks() if run.size]
        yield from ((left_at + run.a + offset, right_at + run.b + offset, run.size) for run in runs)
        if not runs or max(len(left) - left_at, len(right) - right_at) <= size:
            left_at, right_at = left_at + size, right_at + size
        else:  # items after the last run may match items beyond the window
            left_at, right_at = left_at + runs[-1].a + runs[-1].size, right_at + runs[-1].b + runs[-1].size


def _window_size(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    size = WINDOW
    while size > _MIN_WINDOW and _equal_pairs(left[:size], right[:size]) > _MAX_EQUAL_PAIRS:
        size //= 2
    return size


def _equal_pairs(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    counts = Counter(right)
    return sum(number * counts[key] for key, number in Counter(left).items())


def _common_prefix(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Return the length of the prefix that both have."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))
