"""Changes of sessions, each made exactly once by a script. Plans only; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import uuid4

from ...errors import ChatMemError, StoreError
from ..arguments import checked_records
from ..plans import Plan, ask
from . import scripts
from .commands import Command, Request, as_list, as_number, milliseconds, request_bytes, split
from .errors import UpstashWrongTypeError, is_of_one_command
from .read_cost import MOST_SESSIONS
from .script_runner import ScriptRunner
from .scripts import Script


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one session, with the same keys at each attempt."""

    key: str
    """The session."""
    own_prefix: str
    """Prefix of all other keys of the change; outside the prefix of sessions."""
    expires_ms: int
    """TTL of those keys: longer than any retry takes, and than a proxy may delay a request."""
    id: str
    """Unique."""
    batches: Sequence[Sequence[str]]
    """The records, in as few requests as possible; usually one."""

    @property
    def keys(self) -> tuple[str, str]:
        """The session and the idempotency key, where the result is kept for retries: KEYS of every script."""
        return self.key, f"{self.own_prefix}done:{self.id}"

    @property
    def new_list(self) -> str:
        """The key under which a replacement is built."""
        return f"{self.own_prefix}new:{self.id}"

    def staged(self, number: int) -> str:
        """Return the key that holds batch `number` until all of them are moved into the session."""
        return f"{self.own_prefix}part:{self.id}:{number}"

    def stage(self, number: int, expires_ms: int) -> Request:
        """Return the request that stages batch `number`. Idempotent."""
        key = self.staged(number)
        commands: list[Command] = [
            ["DEL", key],
            ["RPUSH", key, *self.batches[number]],
            ["PEXPIRE", key, expires_ms],
        ]
        return Request(commands, "multi")


class Changes:
    """The changes of a store. `own_prefix` is that of the keys they need besides the sessions."""

    def __init__(
        self,
        script_runner: ScriptRunner,
        own_prefix: str,
        ttl: timedelta | None,
        timeout_s: float,
        max_request_bytes: int,
    ) -> None:
        self._scripts = script_runner
        self._own_prefix = own_prefix
        self._ttl_ms = milliseconds(ttl)
        self._timeout_s, self._max_request_bytes = timeout_s, max_request_bytes
        self._expires_ms = int(3_000 * timeout_s) + 60_000

    def new(self, key: str, records: Sequence[str]) -> Change:
        """Return a change of the session under `key`. Raises: InvalidInputError; RecordTooLargeError."""
        batches = split(checked_records(records), self._max_request_bytes, key)
        return Change(key, self._own_prefix, self._expires_ms, uuid4().hex, batches)

    def append(self, change: Change) -> Plan[int]:
        """Append to one session, and return its new length."""
        records = change.batches[0]
        if not records:
            return as_number((yield from ask(Request([["LLEN", change.key]]), new_deadline=True)))
        if len(change.batches) > 1:
            return (yield from self.place(change, "append"))
        return (yield from self.run_once(change, scripts.APPEND, self._ttl_ms, *records, new_deadline=True))

    def append_many(self, changes: Sequence[Change | ChatMemError]) -> Plan[list[int | ChatMemError]]:
        """Append to several sessions; return for each its new length, or the error in its place."""
        outcomes: list[int | ChatMemError] = [
            change if isinstance(change, ChatMemError) else 0 for change in changes
        ]
        for places in self._together(changes):
            group = [change for place in places if isinstance(change := changes[place], Change)]
            found = yield from (self._append_together(group) if len(group) > 1 else self._append_each(group))
            for place, outcome in zip(places, found, strict=True):
                outcomes[place] = outcome
        return outcomes

    def _together(self, changes: Sequence[Change | ChatMemError]) -> Iterator[list[int]]:
        """Yield the positions of changes that share a request; one that needs several is alone."""
        places: list[int] = []
        used = 0
        for place, change in enumerate(changes):
            if isinstance(change, ChatMemError):
                continue
            if len(change.batches) > 1 or not change.batches[0]:
                yield [place]
                continue
            size = request_bytes(change.batches[0], change.key) + len(scripts.APPEND.flagged)
            if places and (used + size > self._max_request_bytes or len(places) == MOST_SESSIONS):
                yield places
                places, used = [], 0
            places.append(place)
            used += size
        if places:
            yield places

    def _append_together(self, changes: Sequence[Change]) -> Plan[list[int | ChatMemError]]:
        """Make these changes in one pipeline, which is retried unchanged if its response is lost.

        A pipeline is not a transaction, and the SDK reports only the first of its errors: if the service
        rejects a command, each change is retried in a request of its own, with the same idempotency key.
        """
        text = self._scripts.text(scripts.APPEND)
        commands: list[Command] = [
            ["EVAL", text, 2, *change.keys, change.expires_ms, self._ttl_ms, *change.batches[0]]
            for change in changes
        ]
        try:
            responses = yield from ask(Request(commands, "pipeline"), new_deadline=True)
            return [as_number(response) for response in as_list(responses, len(commands))]
        except StoreError as error:
            if not is_of_one_command(error):
                return [error] * len(changes)
        return (yield from self._append_each(changes))

    def _append_each(self, changes: Sequence[Change]) -> Plan[list[int | ChatMemError]]:
        """Make each change in its own request, until one fails for a reason that applies to all."""
        outcomes: list[int | ChatMemError] = []
        for change in changes:
            try:
                outcomes.append((yield from self.append(change)))
            except StoreError as error:
                outcomes.append(error)
                if not isinstance(error, UpstashWrongTypeError):
                    return outcomes + [_not_retried(error)] * (len(changes) - len(outcomes))
        return outcomes

    def place(
        self,
        change: Change,
        mode: Literal["append", "insert", "replace"],
        index: int = 0,
        ttl: timedelta | None = None,
    ) -> Plan[int]:
        """Put the records in place by one script; stage them first if they need several requests.

        `ttl`: None for that of the store.
        """
        records, staged = change.batches[0], list[str]()
        total = sum(map(len, change.batches))
        if len(change.batches) > 1:
            records = []
            expires_ms = change.expires_ms + int(1_000 * self._timeout_s) * len(change.batches)
            for number in range(len(change.batches)):
                yield from ask(change.stage(number, expires_ms), new_deadline=True)
                staged.append(change.staged(number))
        ttl_ms = self._ttl_ms if ttl is None else milliseconds(ttl)
        arguments = (ttl_ms, mode, index, total, *records)
        return (yield from self.run_once(change, scripts.PLACE, *arguments, keys=(change.new_list, *staged)))

    def run_once(
        self,
        change: Change,
        script: Script,
        *arguments: str | int,
        keys: Sequence[str] = (),
        new_deadline: bool = False,
    ) -> Plan[int]:
        """Run a script that changes a session, exactly once, and return its result."""
        run = self._scripts.run(
            script, (*change.keys, *keys), change.expires_ms, *arguments, new_deadline=new_deadline
        )
        return as_number((yield from run))


def _not_retried(error: StoreError) -> StoreError:
    """Return a copy of `error` for a change that was in its pipeline, and may have been made."""
    copied = copy(error)
    copied.maybe_applied = True
    return copied
