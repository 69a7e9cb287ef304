"""Clients in processes of their own: a worker takes the steps of one client and keeps a journal of them.

Run as `python -m tests.consistency.worker SPEC`, SPEC being the JSON of a `Work`. Its parent starts it,
reads its journal, and kills it where it does not end.
"""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatmem_nb.errors import StoreError
from chatmem_nb.stores.protocol import SessionStore
from tests.consistency.addresses import LATE_S, Address
from tests.consistency.history import History
from tests.consistency.mixes import Client, deletes_on_condition, invoke, make_client, sessions_of

RANGE = 1_000_000
"""Operations that a client has numbers for."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is to do."""

    address: tuple[str, str, str, str]
    kind: str
    seed: int
    clients: tuple[int, ...]
    """Several only where they are forked off, with the store that was opened before."""
    of: int
    """How many clients there are in all."""
    count: int
    folder: str
    one_editor: bool
    interrupts: float = 0.0
    """The chance that a step is interrupted as Ctrl+C does."""

    def journal(self, number: int) -> Path:
        """Return where client `number` keeps its operations."""
        return Path(self.folder) / f"client-{number}.jsonl"

    def stacks(self, number: int) -> Path:
        """Return where client `number` says what it waits for, when it gets SIGUSR1."""
        return Path(self.folder) / f"client-{number}.stacks"


def start(work: Work, client: int, store: SessionStore) -> None:
    """Take all steps of one client."""
    address, sessions = Address(*work.address), sessions_of(work.kind)
    conditional = deletes_on_condition(store)
    planner = make_client(address, sessions, work.seed, (client, work.of), work.one_editor, conditional)
    faulthandler.register(signal.SIGUSR1, work.stacks(client).open("w"), all_threads=True)
    with work.journal(client).open("a") as journal:
        history = History(f"c{client}", client * RANGE, journal, late_s=LATE_S)
        _take_steps(history, store, planner, work, _Interrupter(work.interrupts))
    sys.stdout.flush()


def _take_steps(
    history: History, store: SessionStore, client: Client, work: Work, interrupter: _Interrupter
) -> None:
    plan = client.plan(work.count)
    with suppress(StopIteration):
        step = next(plan)
        while True:
            verb = getattr(store, step.verb)
            operation = invoke(history, client, step)
            if client.chance.random() < work.interrupts:
                interrupter.soon(client.chance.choice([0.0, 0.0005, 0.001, 0.002, 0.005]))

            def call(verb: Any = verb, step: Any = step) -> Any:
                return interrupter.open(lambda: verb(step.session_id, *step.arguments, **step.named))

            step = plan.send(history.call(operation, call))


class _Interrupter:
    """Sends SIGINT to the main thread, which lets it in only while it is inside of `open`."""

    def __init__(self, chance: float) -> None:
        self._delays: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._main = threading.main_thread().ident or 0
        if chance:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            threading.Thread(target=self._send, daemon=True).start()

    def soon(self, delay_s: float) -> None:
        self._delays.put(delay_s)

    def open(self, call: Callable[[], Any]) -> Any:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            return call()
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def _send(self) -> None:
        while True:
            time.sleep(self._delays.get())
            signal.pthread_kill(self._main, signal.SIGINT)


def main(spec: str) -> None:
    values = json.loads(spec)
    work = Work(**{**values, "address": tuple(values["address"]), "clients": tuple(values["clients"])})
    store = Address(*work.address).store()
    if len(work.clients) == 1:
        start(work, work.clients[0], store)
        store.close()
        return
    for session_id in sessions_of(work.kind):
        with suppress(StoreError):  # faults are planned already
            store.length(session_id)  # so that there is a connection to inherit
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=start, args=(work, number, store)) for number in work.clients]
    for child in children:
        child.start()
    for child in children:
        child.join()
    sys.exit(max(abs(child.exitcode or 0) for child in children))


def spec_of(work: Work) -> str:
    """Return `work` as a worker reads it."""
    return json.dumps(asdict(work))


if __name__ == "__main__":
    main(sys.argv[1])
