"""How many sessions and records go in one request of a bulk read, and so how many requests it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from ..paging import next_size
from .session_list import SessionList

FIRST_BATCH: Final = 25
_BATCH_CHARACTERS: Final = 2_000_000
"""What a request for several sessions aims at."""
MOST_SESSIONS: Final = 250
SHORT_PAGE: Final = 200
"""Records of each session at least, if several are read by one request."""


def first_records(sessions: int) -> int:
    """Return how many records of each are asked for at first, of so many sessions together."""
    return max(SHORT_PAGE, SessionList.first_page // sessions)


def batch_after(size: int, characters: int) -> int:
    """Return how many sessions to read next, after `size` whose first records had so many characters."""
    # Short sessions go by the hundred: a request costs more time than reading one of them.
    fitting = _BATCH_CHARACTERS * size // max(1, characters)
    return max(1, min(fitting, size * 4, MOST_SESSIONS))


def read_commands(sessions: Iterable[tuple[int, float]]) -> int:
    """Return the billed commands of reading sessions, given by their lengths and mean bytes of a record.

    In the order in which they are read, since that decides which share a request.
    """
    waiting = iter(sessions)
    size, commands = FIRST_BATCH, 0
    while batch := list(islice(waiting, size)):
        count = first_records(len(batch))
        commands += sum(len(list(_pages(length, mean, count))) for length, mean in batch)
        size = batch_after(len(batch), round(sum(min(length, count) * mean for length, mean in batch)))
    return commands


def _pages(length: int, mean: float, count: int) -> Iterator[int]:
    """Yield how many records each page of a session asks for."""
    read = 0
    while True:
        yield count
        if length - read < count:
            return
        read += count
        count = next_size(count, max(1, round(mean)))
