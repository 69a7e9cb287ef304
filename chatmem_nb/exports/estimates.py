"""What reading sessions will cost, before it does."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from ..plain_text import utf8_size
from ..sources import Source, scope_ids, sessions, store_scope
from ..stores.protocol import SessionSummary, commands_of, service_of

# Price lists of August 2026: https://upstash.com/pricing, https://docs.momentohq.com/cache/manage/operations
UPSTASH_FREE_COMMANDS = 500_000
"""Of each month, on the free plan; pay as you go is another plan and bills every command."""
UPSTASH_USD_PER_100_000 = 0.20
MOMENTO_OPERATIONS_PER_S = 100

_SAMPLE = 200
# Records that stores read of each session at first, and the bytes of the pages that follow.
_FIRST_RECORDS = 200
_PAGE_BYTES = 2_500_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it takes to read sessions once. Messages and bytes are estimated from a sample of 200 sessions.

    >>> print(estimate((store, ["short-hello"])))
    1 sessions, about 2 messages and ... bytes: about 1 commands, ...
    """

    service: str | None
    """None where nothing is read from a service."""
    sessions: int
    messages: int
    bytes: int
    """UTF-8 bytes of the records."""
    commands: int
    """Billed commands (Upstash) or operations (Momento), with those that list the sessions."""
    usd: float | None
    """Upstash, pay as you go, for reads; None elsewhere."""
    minutes: float | None
    """Momento, at the rate of 100 operations a second; None elsewhere."""
    spent: int
    """Commands or operations that this estimate itself has taken."""

    def __str__(self) -> str:
        text = f"{self.sessions:,} sessions, about {self.messages:,} messages and {self.bytes:,} bytes"
        if self.usd is not None:
            text += (
                f": about {self.commands:,} commands, ${self.usd:.4f} on Upstash's pay-as-you-go plan; "
                f"the free plan ends at {UPSTASH_FREE_COMMANDS:,} a month"
            )
        if self.minutes is not None:
            text += f": about {self.commands:,} operations, {self.minutes:.1f} minutes at Momento's rate"
        return text


def estimate(source: Source) -> Estimate:
    """Return what reading all of `source` will cost. It lists the sessions, and looks at a sample of them.

    Raises: InvalidInputError; StoreError and its kinds.

    >>> cost = estimate((store, ["trip-planner", "short-hello"]))
    >>> cost.sessions, cost.messages, cost.commands
    (2, 12, 2)
    """
    scope = store_scope(source)
    if scope is None:
        return _of_memory(source)
    store, ids = scope
    spent, service = commands_of(store), service_of(store)
    start = spent.billed
    number, sample = _sampled(scope_ids(store, ids))
    listing = spent.billed - start
    summaries = store.summaries(sample)
    share = number / len(sample) if sample else 0.0
    messages = round(share * sum(summary.length for summary in summaries))
    size = round(share * sum(map(_bytes, summaries)))
    if not hasattr(store, "commands"):
        return Estimate(service, number, messages, size, 0, None, None, 0)
    is_momento = service == "Momento"
    commands = listing + round(share * sum(_commands(summary, is_momento) for summary in summaries))
    return Estimate(
        service,
        number,
        messages,
        size,
        commands,
        None if is_momento else commands / 100_000 * UPSTASH_USD_PER_100_000,
        commands / MOMENTO_OPERATIONS_PER_S / 60 if is_momento else None,
        spent.billed - start,
    )


def _of_memory(source: Source) -> Estimate:
    names, messages, size = set(), 0, 0
    for session_id, records in sessions(source):
        names.add(session_id)
        messages += len(records)
        size += sum(utf8_size(record.raw) for record in records)
    return Estimate(None, len(names), messages, size, 0, None, None, 0)


def _sampled(session_ids: Iterable[str]) -> tuple[int, list[str]]:
    """How many there are, and some of them, each as likely as any other, however long the list."""
    dice = random.Random(0)
    ids = iter(session_ids)
    sample = list(islice(ids, _SAMPLE))
    number = len(sample)
    for session_id in ids:
        number += 1
        place = dice.randrange(number)
        if place < _SAMPLE:
            sample[place] = session_id
    return number, sample


def _bytes(summary: SessionSummary) -> float:
    seen = [utf8_size(record) for record in (summary.first, summary.last) if record is not None]
    return summary.length * sum(seen) / len(seen) if seen else 0.0


def _commands(summary: SessionSummary, is_momento: bool) -> int:
    if is_momento:  # an operation for each 1,024 bytes of each record
        seen = [record for record in (summary.first, summary.last) if record is not None]
        chunks = sum(math.ceil(utf8_size(record) / 1_024) for record in seen)
        return max(1, round(summary.length * chunks / max(1, len(seen))))
    if summary.length < _FIRST_RECORDS:
        return 1
    return 2 + int(_bytes(summary) // _PAGE_BYTES)
