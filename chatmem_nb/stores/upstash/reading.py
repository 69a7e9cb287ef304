"""Plans that read sessions: by pages, and stable while others append."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from .errors import UpstashTooLargeError
from .requests import Command, Plan, Request, as_list, as_number, as_texts, single

FIRST_PAGE = 12_000
"""Records in the first page, while nothing is known of their size: most sessions are read by one request.
Upstash refuses an answer over 10 MB, and then a smaller page is asked for."""
LONGEST_PAGE = 25_000
PAGE_BYTES = 6_000_000
"""What later pages aim at."""
SESSIONS_AT_ONCE = 25
MOST_SESSIONS_AT_ONCE = 250
BATCH_CHARACTERS = 2_000_000
"""What requests for several sessions aim at."""
SHORT_PAGE = 200
"""Records of each at the least, where several sessions are read in one request."""


def length(key: str) -> Plan[int]:
    """Return how many records there are."""
    return as_number((yield single("LLEN", key)))


def read(key: str, start: int, stop: int | None) -> Plan[list[str]]:
    """Return records `start` to `stop` as a slice would, oldest first."""
    if start < 0 and (stop is None or stop < 0):
        newest = 0 if stop is None else -stop
        return (yield from _newest(key, newest, -start))
    if start < 0 or (stop is not None and stop < 0):
        total = yield from length(key)
        start, stop, _ = slice(start, stop).indices(total)
    return (yield from _oldest(key, start, stop))


def _newest(key: str, skip: int, end: int) -> Plan[list[str]]:
    """The newest `end` records but for the newest `skip`."""
    if end <= skip:
        return []
    if end - skip <= FIRST_PAGE:
        try:
            records = as_texts((yield single("LRANGE", key, skip, end - 1)))
        except UpstashTooLargeError:
            if end - skip == 1:
                raise
        else:
            return records[::-1]
    # In pages, positions from the newest would move while others push; those from the oldest do not.
    total = yield from length(key)
    return (yield from _oldest(key, max(0, total - end), max(0, total - skip)))


def _oldest(key: str, start: int, stop: int | None) -> Plan[list[str]]:
    records: list[str] = []
    size = FIRST_PAGE
    while stop is None or start < stop:
        wanted = size if stop is None else min(size, stop - start)
        got, more = yield from page(key, start, wanted)
        records += got
        start += len(got)
        if not more:
            break
        size = next_size(got)
    return records


def page(key: str, start: int, count: int) -> Plan[tuple[list[str], bool]]:
    """Return up to `count` records from `start`, as many as an answer takes, and whether more may follow."""
    # The i-th oldest record is element -(i+1), and stays there while others push.
    while True:
        request = single("LRANGE", key, -(start + count), -(start + 1), renews=True)
        try:
            records = as_texts((yield request))
        except UpstashTooLargeError:
            if count == 1:
                raise
            count = max(1, count // 4)
        else:
            return records[::-1], len(records) == count


def next_size(records: list[str]) -> int:
    """Return how many records the next page takes, after these."""
    size = sum(len(record) if record.isascii() else len(record.encode()) for record in records)
    return max(1, min(LONGEST_PAGE, PAGE_BYTES * len(records) // max(1, size)))


def first_pages(keys: list[str]) -> Plan[list[tuple[list[str], bool]]]:
    """Return the first page of each session, and whether more may follow. One request for all."""
    count = max(SHORT_PAGE, FIRST_PAGE // max(1, len(keys)))
    commands: list[Command] = [["LRANGE", key, -count, -1] for key in keys]
    try:
        answers = yield Request(commands, "pipeline", renews=True)
    except UpstashTooLargeError:
        pages = []
        for key in keys:
            pages.append((yield from page(key, 0, count)))
        return pages
    return [(as_texts(answer)[::-1], len(answer) == count) for answer in as_list(answers, len(keys))]


class Batches:
    """Session ids in lists for one request each, asking for no more than the next.

    The first is short, while nothing is known of the sessions; short sessions then go by the hundred, since
    each request costs more than reading one of them.
    """

    def __init__(self, session_ids: Iterable[str]) -> None:
        self._names = iter(session_ids)
        self._size = SESSIONS_AT_ONCE

    def __iter__(self) -> Iterator[list[str]]:
        while batch := list(islice(self._names, self._size)):
            yield batch

    def came(self, pages: list[tuple[list[str], bool]]) -> None:
        """Note what the last batch was answered with."""
        characters = sum(len(record) for records, _ in pages for record in records)
        fitting = BATCH_CHARACTERS * len(pages) // max(1, characters)
        self._size = max(1, min(fitting, self._size * 4, MOST_SESSIONS_AT_ONCE))
