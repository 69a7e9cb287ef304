"""Samples of sessions, and what reading all sessions costs if they are like the samples."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from ..plain_text import utf8_size
from ..stores.protocol import SessionReader, SessionSummary, commands_of

_SAMPLE = 200
"""Maximum number of sessions to sample if the source bills nothing, to save time."""
_COST_SHARE, _FREE_COMMANDS = 0.05, 20
_LENGTHS_SHARE = 0.6
"""Share of the allowance that may be spent on lengths; the rest is for sizes of records."""
_PRICED_CHUNKS = 3
"""Chunks of 1,024 bytes that a record on Momento is assumed to have, at least, before it is read."""
_MIN_LENGTH = 200
"""Shorter sessions on Upstash are not read, as they fit into one page."""
_MOST_READ, _WINDOW = 200, 6  # an even number: questions are short, and every second record is one


@dataclass(slots=True)
class SessionSample:
    """The length of a session, and some of its records."""

    session_id: str
    length: int
    first: str | None = None
    """Apart from the others, since it often is a long system prompt."""
    seen: list[str] = field(default_factory=list)
    """Some of the other records."""

    @classmethod
    def of(cls, summary: SessionSummary) -> SessionSample:
        last = summary.last if summary.length > 1 else None
        return cls(summary.session_id, summary.length, summary.first, [] if last is None else [last])

    def mean(self, size: Callable[[str], int]) -> float:
        """Return the mean size of all records, if those that were not read are like those that were."""
        others = fmean(map(size, self.seen)) if self.seen else 0.0
        if self.first is None:
            return others
        return others + (size(self.first) - others) / max(1, self.length)

    def error(self, size: Callable[[str], int]) -> float:
        """Return the standard error of `mean`; 0 if all records were seen."""
        if self.length <= len(self.seen) + (self.first is not None):
            return 0.0
        spread = stdev(map(size, self.seen)) if len(self.seen) > 1 else self.mean(size)
        return float(spread / math.sqrt(len(self.seen) or 1))

    def operations(self) -> float:
        """Return what reading the session costs on Momento."""
        return max(1.0, self.length * max(1.0, self.mean(_chunks)))


def sample_sessions(
    store: SessionReader, names: list[str], listing: int, is_momento: bool
) -> list[SessionSample]:
    """Get lengths of sessions in random order, then records of the longest, while that is cheap."""
    order = random.Random(0).sample(names, len(names))
    if not hasattr(store, "commands"):
        return [SessionSample.of(summary) for summary in store.summaries(order[:_SAMPLE])]
    spent, samples = commands_of(store), list[SessionSample]()
    start = spent.billed

    def allowance(part: float = 1.0) -> float:
        # On Upstash one command per session is the minimum; a better estimate would take long each time.
        reading = total([sample.operations() for sample in samples], len(names)) if is_momento else len(names)
        return part * max(_FREE_COMMANDS, _COST_SHARE * (listing + reading)) - (spent.billed - start)

    if is_momento:
        for session_id in order:
            if allowance(_LENGTHS_SHARE) < 1:
                break
            samples.append(SessionSample(session_id, store.length(session_id)))
    else:
        samples += map(SessionSample.of, store.summaries(order))
    samples.sort(key=lambda sample: sample.length, reverse=True)
    for sample in [*samples[:1], *samples[-1:], *samples[1:_MOST_READ]]:
        middle = max(1, sample.length // 2)
        stop = max(middle, min(sample.length, middle + _WINDOW))
        price = (1 + stop - middle) * max(_PRICED_CHUNKS, sample.mean(_chunks)) if is_momento else 1
        if allowance() < price or not (is_momento or sample.length >= _MIN_LENGTH):
            break
        if sample.first is None:
            sample.first = next(iter(store.read(sample.session_id, 0, 1)), None)
        if middle < stop:
            sample.seen += store.read(sample.session_id, middle, stop)
    _fill_sizes(samples)
    return samples


def upstash_commands(samples: Sequence[SessionSample], names: Sequence[str]) -> tuple[int, int, int]:
    """Return the lowest, likely and highest number of commands for all sessions, whose lengths are known."""
    from ..stores.upstash.read_cost import read_commands  # its package imports the SDK

    found = {
        sample.session_id: (sample.length, sample.mean(utf8_size), sample.error(utf8_size))
        for sample in samples
    }
    sessions = [found[name] for name in names]
    # Sizes in a store are correlated, and so are their errors. Longer records may cost more commands (more
    # pages) or fewer (fewer sessions per request, and so more records of each).
    commands = [
        read_commands((length, max(1.0, mean + errors * error)) for length, mean, error in sessions)
        for errors in (-2, -1, 0, 1, 2)
    ]
    return min(commands), commands[2], max(commands)


def momento_operations(samples: Sequence[SessionSample], number: int) -> tuple[int, int, int]:
    """Return the lowest, likely and highest number of operations for `number` sessions like `samples`."""
    reading = total([sample.operations() for sample in samples], number)
    margin = _margin(samples, number)
    least = sum(max(1, sample.length) for sample in samples) + number - len(samples)
    return max(min(least, reading), reading - margin), reading, reading + margin


def _fill_sizes(samples: Sequence[SessionSample]) -> None:
    """For sessions of which no record was read, take the records of the session with the next length."""
    known = next((sample for sample in samples if sample.seen), None)
    for sample in samples:
        if sample.seen:
            known = sample
        elif known is not None:
            sample.first, sample.seen = sample.first or known.first, known.seen


def total(values: Sequence[float], number: int) -> int:
    """Return the total of `number` sessions, extrapolated from the `values` of some."""
    return round(number * fmean(values)) if values else 0


def _margin(samples: Sequence[SessionSample], number: int) -> int:
    """Return two standard errors, for the sessions that are not in the sample, and the records not read."""
    # Errors of sizes add up, since sizes in a store are correlated.
    sizes = sum(sample.error(_chunks) * max(0, sample.length - len(sample.seen)) for sample in samples)
    within = (sizes * number / max(1, len(samples))) ** 2
    between = 0.0
    if 1 < len(samples) < number:
        spread = stdev(sample.operations() for sample in samples)
        between = number * (number - len(samples)) * spread**2 / len(samples)
    return math.ceil(2 * math.sqrt(within + between))


def _chunks(record: str) -> int:
    """Return what Momento bills for an element: an operation for each 1,024 bytes."""
    return max(1, math.ceil(utf8_size(record) / 1_024))
