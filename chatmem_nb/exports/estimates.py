"""What reading sessions will cost, before it does."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ..plain_text import counted, utf8_size
from ..sources import Source, scope_ids, sessions, store_scope
from ..stores.protocol import SessionReader, SessionSummary, commands_of, service_of

# Price lists of August 2026: https://upstash.com/pricing, https://docs.momentohq.com/cache/manage/operations
UPSTASH_FREE_COMMANDS = 500_000
"""Of each month, on the free plan; pay as you go is another plan and bills every command."""
UPSTASH_USD_PER_100_000 = 0.20
MOMENTO_OPERATIONS_PER_S = 100

_SAMPLE = 200
"""Sessions to look at, where that bills nothing but takes its time."""
_SHARE, _FREE_COMMANDS = 0.05, 20
_LENGTHS = 0.6
"""Of what may be spent: for lengths, and the rest for sizes of records."""
_PRICED_CHUNKS = 3
_LOOKED_INTO = 200
"""Records of a session on Upstash that may take more than one page."""
_LONGEST, _WINDOW = 200, 6  # an even number: questions are short, and every second record is one


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it takes to read sessions once. Where not all was seen, it is estimated.

    >>> print(estimate((store, ["short-hello"])))
    1 session, about 2 messages and ... bytes: about 1 command, ...
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
    """Commands or operations that this estimate itself has taken, the list of sessions among them."""
    commands_range: tuple[int, int]
    """Where `commands` lies, two standard errors either way, if what was not seen is like what was."""
    sessions_seen: int
    """Sessions whose lengths are known: all on Upstash, some drawn at random on Momento."""

    @property
    def longer_share(self) -> float:
        """How many of the sessions that were not seen may be longer than all that were, as a share of them.

        With 95% confidence (the rule of three). They are not in `commands_range`: their lengths are unknown.
        """
        return 0.0 if self.sessions_seen >= self.sessions else min(1.0, 3 / max(1, self.sessions_seen))

    def __str__(self) -> str:
        what = f"{counted(self.messages, 'message')} and {counted(self.bytes, 'byte')}"
        text = f"{counted(self.sessions, 'session')}, about {what}"
        low, high = self.commands_range
        if self.usd is not None:
            text += (
                f": about {counted(self.commands, 'command')}, ${self.usd:.4f} on Upstash's pay-as-you-go "
                f"plan; the free plan ends at {UPSTASH_FREE_COMMANDS:,} a month"
            )
        if self.minutes is not None:
            text += (
                f": about {counted(self.commands, 'operation')}, {self.minutes:.1f} minutes at Momento's rate"
            )
        if low < high:
            text += f" ({low:,} to {high:,})"
        if self.service == "Momento" and (unseen := self.sessions - self.sessions_seen):
            text += (
                f", if the {unseen:,} sessions that were not looked at are like the {self.sessions_seen:,} "
                f"that were; up to {self.longer_share:.0%} of them may be longer than any of these"
            )
        return text


def estimate(source: Source) -> Estimate:
    """Return what reading all of `source` will cost. It lists the sessions, and looks at as many as is cheap.

    On Upstash these are all, at one command for a hundred. On Momento they are drawn at random: a few that
    are far longer than those drawn stay unknown. `commands_range` is of what was seen, and `longer_share`
    says how many there may be. Apart from the list, looking costs 5% of the estimate at most, or 20 commands:
    first lengths of sessions, then records in the middle of the longest ones, whose sizes matter most.

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
    names = list(scope_ids(store, ids))
    listing = spent.billed - start
    is_momento = service == "Momento"
    looks = _looked_at(store, names, listing, is_momento)
    messages = _total([look.length for look in looks], len(names))
    size = _total([look.length * look.mean(utf8_size) for look in looks], len(names))
    if not hasattr(store, "commands"):
        return Estimate(service, len(names), messages, size, 0, None, None, 0, (0, 0), len(looks))
    low, reading, high = _momento_reading(looks, len(names)) if is_momento else _upstash_reading(looks, names)
    commands = listing + reading
    return Estimate(
        service,
        len(names),
        messages,
        size,
        commands,
        commands / 100_000 * UPSTASH_USD_PER_100_000 if service == "Upstash Redis" else None,
        commands / MOMENTO_OPERATIONS_PER_S / 60 if is_momento else None,
        spent.billed - start,
        (listing + low, listing + high),
        len(looks),
    )


@dataclass(slots=True)
class _Look:
    """What was seen of one session."""

    session_id: str
    length: int
    seen: list[str]

    @classmethod
    def at(cls, summary: SessionSummary) -> _Look:
        ends = [summary.first, summary.last][: summary.length]
        return cls(summary.session_id, summary.length, [end for end in ends if end is not None])

    def mean(self, size: Callable[[str], int]) -> float:
        return fmean(map(size, self.seen)) if self.seen else 0.0

    def error(self, size: Callable[[str], int]) -> float:
        """Return the standard error of `mean`; 0 if all records were seen."""
        if self.length <= len(self.seen):
            return 0.0
        spread = stdev(map(size, self.seen)) if len(self.seen) > 1 else self.mean(size)
        return float(spread / math.sqrt(len(self.seen) or 1))

    def operations(self) -> float:
        """What reading the session costs on Momento."""
        return max(1.0, self.length * max(1.0, self.mean(_chunks)))


def _looked_at(store: SessionReader, names: list[str], listing: int, is_momento: bool) -> list[_Look]:
    """Look at sessions in random order, then into the longest, as far as that is cheap."""
    order = random.Random(0).sample(names, len(names))
    if not hasattr(store, "commands"):
        return [_Look.at(summary) for summary in store.summaries(order[:_SAMPLE])]
    spent, looks = commands_of(store), list[_Look]()
    start = spent.billed

    def allowance(part: float = 1.0) -> float:
        # A command a session is the least on Upstash, where it would take long to count each time.
        reading = _total([look.operations() for look in looks], len(names)) if is_momento else len(names)
        return part * max(_FREE_COMMANDS, _SHARE * (listing + reading)) - (spent.billed - start)

    if is_momento:
        for session_id in order:
            if allowance(_LENGTHS) < 1:
                break
            looks.append(_Look(session_id, store.length(session_id), []))
    else:
        looks += map(_Look.at, store.summaries(order))
    looks.sort(key=lambda look: look.length, reverse=True)
    for look in [*looks[:1], *looks[-1:], *looks[1:_LONGEST]]:
        middle = look.length // 2
        stop = min(look.length, middle + _WINDOW)
        price = (stop - middle) * max(_PRICED_CHUNKS, look.mean(_chunks)) if is_momento else 1
        if allowance() < price or not (is_momento or look.length >= _LOOKED_INTO):
            break
        look.seen += store.read(look.session_id, middle, stop)
    _borrow(looks)
    return looks


def _upstash_reading(looks: Sequence[_Look], names: Sequence[str]) -> tuple[int, int, int]:
    """Return the least, the likely and the most commands of reading all sessions, whose lengths are known."""
    from ..stores.upstash.read_cost import read_commands  # its package brings the SDK

    found = {look.session_id: (look.length, look.mean(utf8_size), look.error(utf8_size)) for look in looks}
    sessions = [found[name] for name in names]
    # Sizes of one store are alike, so their errors go together. Longer records may cost more commands (more
    # pages) or fewer (fewer sessions a request, and so more records of each).
    commands = [
        read_commands((length, max(1.0, mean + errors * error)) for length, mean, error in sessions)
        for errors in (-2, -1, 0, 1, 2)
    ]
    return min(commands), commands[2], max(commands)


def _momento_reading(looks: Sequence[_Look], number: int) -> tuple[int, int, int]:
    """Return the least, the likely and the most operations of reading `number` sessions like `looks`."""
    reading = _total([look.operations() for look in looks], number)
    margin = _margin(looks, number)
    least = sum(max(1, look.length) for look in looks) + number - len(looks)
    return max(min(least, reading), reading - margin), reading, reading + margin


def _borrow(looks: Sequence[_Look]) -> None:
    """Take the sizes of records that were not looked at from the session of the next length."""
    known: list[str] = next((look.seen for look in looks if look.seen), [])
    for look in looks:
        known = look.seen or known
        look.seen = known


def _total(values: Sequence[float], number: int) -> int:
    """What `number` sessions have in all, of which `values` are known."""
    return round(number * fmean(values)) if values else 0


def _margin(looks: Sequence[_Look], number: int) -> int:
    """Two standard errors: of the sessions that were not looked at, and of the records that were not seen."""
    # Errors of sizes add up, as sessions of one store are alike.
    sizes = sum(look.error(_chunks) * max(0, look.length - len(look.seen)) for look in looks)
    within = (sizes * number / max(1, len(looks))) ** 2
    between = 0.0
    if 1 < len(looks) < number:
        spread = stdev(look.operations() for look in looks)
        between = number * (number - len(looks)) * spread**2 / len(looks)
    return math.ceil(2 * math.sqrt(within + between))


def _chunks(record: str) -> int:
    """What Momento bills for an element: an operation for each 1,024 bytes."""
    return max(1, math.ceil(utf8_size(record) / 1_024))


def _of_memory(source: Source) -> Estimate:
    names, messages, size = set(), 0, 0
    for session_id, records in sessions(source):
        names.add(session_id)
        messages += len(records)
        size += sum(utf8_size(record.raw) for record in records)
    return Estimate(None, len(names), messages, size, 0, None, None, 0, (0, 0), len(names))
