"""Values in the order of their scores, as a sorted set holds them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import itemgetter

Element = tuple[float, bytes]
"""A score and its value: tuples sort as the service does, by score, then by the value's bytes."""

_score = itemgetter(0)


class SortedSet:
    """Unique values, each with a score. Ranks count from 0, lowest score first."""

    def __init__(self) -> None:
        self._scores: dict[bytes, float] = {}
        self._ordered: list[Element] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def put(self, value: bytes, score: float) -> None:
        self.remove(value)
        self._scores[value] = score
        insort(self._ordered, (score, value))

    def remove(self, value: bytes) -> None:
        score = self._scores.pop(value, None)
        if score is not None:
            del self._ordered[bisect_left(self._ordered, (score, value))]

    def score(self, value: bytes) -> float | None:
        return self._scores.get(value)

    def rank(self, value: bytes) -> int | None:
        score = self._scores.get(value)
        return None if score is None else bisect_left(self._ordered, (score, value))

    def below(self, score: float, *, inclusive: bool) -> int:
        """Return how many values have a score under `score`, or `inclusive` of it."""
        bisect = bisect_right if inclusive else bisect_left
        return bisect(self._ordered, score, key=_score)

    def between(self, start: int, stop: int, *, descending: bool = False) -> list[Element]:
        """Return the elements of ranks `start` to `stop`, highest first if `descending`."""
        elements = self._ordered[start:stop]
        return elements[::-1] if descending else elements
