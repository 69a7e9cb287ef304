"""Estimates what reading sessions will cost."""

from __future__ import annotations

from dataclasses import dataclass

from ..plain_text import counted, utf8_size
from ..sources import Source, scope_ids, sessions, store_scope
from ..stores.protocol import commands_of, service_of
from .session_samples import momento_operations, sample_sessions, total, upstash_commands

# Price lists of August 2026: https://upstash.com/pricing, https://docs.momentohq.com/cache/manage/operations
UPSTASH_FREE_COMMANDS = 500_000
"""Per month, on the free plan; pay as you go is another plan, which bills every command."""
UPSTASH_USD_PER_100_000 = 0.20
MOMENTO_OPERATIONS_PER_S = 100


@dataclass(frozen=True, slots=True)
class Estimate:
    """What reading the sessions once costs: estimated from a sample, if not all of them were seen.

    >>> print(estimate((store, ["short-hello"])))
    1 session, about 2 messages and ... bytes: about 1 command, ...
    """

    service: str | None
    """None if nothing is read from a service."""
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
    """Return what reading all of `source` will cost, from the list of its sessions and a sample of them.

    On Upstash the sample is all sessions, at one command for a hundred. On Momento it is random, so that a
    few far longer sessions may be missed: they are not in `commands_range`, and `longer_share` says how many
    there may be. Apart from the list, the sample costs at most 5% of the estimate, or 20 commands: first for
    lengths of sessions, then for records in the middle of the longest ones, whose sizes matter most.

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
    samples = sample_sessions(store, names, listing, is_momento)
    messages = total([sample.length for sample in samples], len(names))
    size = total([sample.length * sample.mean(utf8_size) for sample in samples], len(names))
    if not hasattr(store, "commands"):
        return Estimate(service, len(names), messages, size, 0, None, None, 0, (0, 0), len(samples))
    low, reading, high = (
        momento_operations(samples, len(names)) if is_momento else upstash_commands(samples, names)
    )
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
        len(samples),
    )


def _of_memory(source: Source) -> Estimate:
    names, messages, size = set(), 0, 0
    for session_id, records in sessions(source):
        names.add(session_id)
        messages += len(records)
        size += sum(utf8_size(record.raw) for record in records)
    return Estimate(None, len(names), messages, size, 0, None, None, 0, (0, 0), len(names))
