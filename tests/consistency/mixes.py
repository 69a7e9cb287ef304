"""What clients do: plans that yield one step at a time, and are sent what became of it."""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from chatmem_nb.stores.protocol import NewRecords, SessionStore
from tests.consistency.addresses import Address
from tests.consistency.history import History, Operation, Outcome, Verb, new_record

KINDS = ("appends", "edits", "equal", "replace", "delete")
"""What happens to a session besides appends: the name of the session tells it."""
SESSIONS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One call, as the store takes it and as the history keeps it."""

    session_id: str
    verb: Verb
    arguments: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    noted: dict[str, Any] = field(default_factory=dict)


Plan = Generator[Step, Operation, None]


@dataclass(slots=True)
class Client:
    """One client, and what it does to the sessions `sessions`, whose names tell their kind."""

    name: str
    address: Address
    chance: random.Random
    sessions: list[str]
    edits: Callable[[str], bool]
    """Whether this client may edit a session; where not, it appends what is new, and reads."""
    one_editor: bool
    conditional: bool
    """Whether the store can delete on a condition."""
    equal: str = '{"type": "human", "data": {"content": "yes"}, "record_id": "equal"}'

    def plan(self, count: int) -> Plan:
        """Yield about `count` steps."""
        for number in range(count):
            session_id = self.chance.choice(self.sessions)
            kind = session_id.partition("-")[0]
            if kind == "equal":
                yield from self._equal(session_id)
            elif kind not in ("appends", "browser") and self.edits(session_id) and self._is_keen():
                yield from self._edit(kind, session_id)
            elif self.chance.random() < 0.1:
                yield self._read(session_id)
            else:
                yield self._write("append", session_id, self._records(number))

    def _is_keen(self) -> bool:
        """Whether to edit now; where a session has but one editor, that one makes up for the others."""
        return self.chance.random() < (0.9 if self.one_editor else 0.35)

    def _records(self, number: int) -> tuple[str, ...]:
        """One to four records; now and then more than one request takes."""
        large = self.chance.random() < 0.08
        size = 900 if large and self.address.service != "momento" else 0
        return tuple(
            new_record(f"{self.name} {number} {i}", size=size)
            for i in range(30 if large else self.chance.choice([1, 1, 1, 2, 4]))
        )

    def _write(self, verb: Verb, session_id: str, records: tuple[str, ...], index: int = 0) -> Step:
        place = (index,) if verb == "insert" else ()
        noted = {"records": records, "index": index, "parts": self.address.parts(records)}
        # As a history passes them: their record_id is new. Equal ones may be in the session already.
        passed = list(records) if self.equal in records else NewRecords(records)
        return Step(session_id, verb, (*place, passed), noted=noted)

    @staticmethod
    def _read(session_id: str) -> Step:
        return Step(session_id, "read")

    def _edit(self, kind: str, session_id: str) -> Plan:
        if kind == "replace":
            yield from self._replace(session_id)
        elif kind == "delete":
            yield from self._delete(session_id)
        elif self.chance.random() < 0.5:
            index = self.chance.choice([0, 0, 1, 3, 8, 40])
            yield self._write("insert", session_id, self._records(0), index)
        else:
            yield from self._remove(session_id)

    def _replace(self, session_id: str) -> Plan:
        """Replace a session by new records, or trim it to those that were the last a moment ago."""
        new = self._records(0)
        if self.chance.random() < 0.5:
            read = yield self._read(session_id)
            if read.outcome is Outcome.OK and read.result:
                new = tuple(read.result[-4:])
        yield self._write("replace", session_id, new)

    def _remove(self, session_id: str) -> Plan:
        read = yield self._read(session_id)
        if read.outcome is Outcome.OK and read.result:
            index = self.chance.randrange(len(read.result))
            record = read.result[index]
            if self.chance.random() < 0.2:
                index -= len(read.result)
            yield Step(session_id, "remove", (index, record), noted={"index": index, "record": record})

    def _delete(self, session_id: str) -> Plan:
        if not self.conditional or self.chance.random() < 0.3:
            yield Step(session_id, "delete")
            return
        read = yield self._read(session_id)
        if read.outcome is Outcome.OK and read.result:
            asked = {"count": len(read.result), "last": read.result[-1]}
            noted = {"count": asked["count"], "record": asked["last"], "seen": time.monotonic()}
            yield Step(session_id, "delete", named=asked, noted=noted)

    def _equal(self, session_id: str) -> Plan:
        if not self.edits(session_id):
            # Momento cannot tell this client's push from that of another that pushes the same record.
            yield self._read(session_id)
        elif self.chance.random() < 0.4:
            yield from self._remove(session_id)
        else:
            number = self.chance.choice([1, 1, 3])
            yield self._write("append", session_id, (self.equal,) * number)


def deletes_on_condition(store: SessionStore) -> bool:
    """Whether `delete` takes `count` and `last`."""
    return "count" in inspect.signature(store.delete).parameters


def sessions_of(kind: str) -> list[str]:
    """Return the names of some sessions of one kind; with "all", of one session of each."""
    kinds = KINDS if kind == "all" else (kind,) * SESSIONS
    return [f"{each}-{place}" for place, each in enumerate(kinds)]


def make_client(
    address: Address,
    sessions: list[str],
    seed: int,
    number: tuple[int, int],
    one_editor: bool,
    conditional: bool,
) -> Client:
    """Return one client. `number`: which, and of how many; `one_editor`: each session has one of them."""
    which, clients = number

    def edits(session_id: str) -> bool:
        return not one_editor or sessions.index(session_id) % clients == which

    chance = random.Random(f"{seed} {which}")
    return Client(f"c{which}", address, chance, sessions, edits, one_editor, conditional)


def invoke(history: History, client: Client, step: Step) -> Operation:
    """Note that a step is about to be taken."""
    return history.invoke(step.session_id, step.verb, client=client.name, **step.noted)
