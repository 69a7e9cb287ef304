"""Which items of two sequences belong side by side: difflib, over one kind of key after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
Key: TypeAlias = Callable[[T], Hashable]
Pair: TypeAlias = tuple[T | None, T | None]
Run: TypeAlias = tuple[int, int, int]
"""Place in the left sequence, place in the right one, length."""

WINDOW: Final = 2_000
"""How many items of each side difflib compares at once: its time may grow with their product, or faster."""
_STEPS: Final = 5_000
"""Pairs of equal items in a window; with more, which repeat much, the window is made smaller."""
_SMALLEST: Final = 100


def aligned(left: Sequence[T], right: Sequence[T], keys: Sequence[Key[T]]) -> list[Pair[T]]:
    """Return both sequences as pairs, in order; None where only one side has an item.

    What is equal by the first of `keys` is paired; between such pairs, what is equal by the next one.
    """
    if not left or not right or not keys:
        return [*((item, None) for item in left), *((None, item) for item in right)]
    pairs: list[Pair[T]] = []
    at, there = 0, 0
    key = keys[0]
    runs = matching_runs([key(item) for item in left], [key(item) for item in right])
    for start, begin, size in [*runs, (len(left), len(right), 0)]:
        between = aligned(left[at:start], right[there:begin], keys[1:])
        pairs += between
        at, there = start + size, begin + size
        pairs += zip(left[start:at], right[begin:there], strict=True)
    return pairs


def matching_runs(left: Sequence[Hashable], right: Sequence[Hashable]) -> Iterator[Run]:
    """Yield the runs that both sequences have, in order."""
    start = _common(left, right)
    if start:
        yield 0, 0, start
    end = _common(left[start:][::-1], right[start:][::-1])
    stop, halt = len(left) - end, len(right) - end
    yield from _inner_runs(left[start:stop], right[start:halt], start)
    if end:
        yield stop, halt, end


def _inner_runs(left: Sequence[Hashable], right: Sequence[Hashable], offset: int) -> Iterator[Run]:
    at, there = 0, 0
    while at < len(left) and there < len(right):
        size = WINDOW
        while size > _SMALLEST and _steps(left[at : at + size], right[there : there + size]) > _STEPS:
            size //= 2
        # Not autojunk: where every item comes often, it finds nothing.
        matcher = SequenceMatcher(None, left[at : at + size], right[there : there + size], autojunk=False)
        runs = [run for run in matcher.get_matching_blocks() if run.size]
        yield from ((at + run.a + offset, there + run.b + offset, run.size) for run in runs)
        if not runs or max(len(left) - at, len(right) - there) <= size:
            at, there = at + size, there + size
        else:  # what follows the last run may belong to what is beyond the window
            at, there = at + runs[-1].a + runs[-1].size, there + runs[-1].b + runs[-1].size


def _steps(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    counts = Counter(right)
    return sum(number * counts[key] for key, number in Counter(left).items())


def _common(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """The length of the beginning that both have."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(left), len(right)))
