"""Carries out plans in threads and in tasks, browsers among them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from chatmem_nb.stores.protocol import SessionStore
from tests.consistency.addresses import LATE_S, Address
from tests.consistency.browsing import browse
from tests.consistency.history import History
from tests.consistency.mixes import Client, Step, deletes_on_condition, invoke, make_client, sessions_of
from tests.consistency.services import Service
from tests.wire.browser_page import kept_comms

CLIENTS = 6
FAULTS = 0.2
"""The chance that a step plans a fault."""
CLOSING = 0.004
"""The chance that a step closes the store that all share."""
CANCELLING = 0.08


@dataclass(slots=True)
class Stores:
    """The store that the clients of one process share; now and then one of them closes it."""

    address: Address
    now: SessionStore = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _old: list[SessionStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.address.store()

    def close_one(self) -> None:
        """Close the store under everybody's hands, and open another."""
        with self._lock:
            old, self.now = self.now, self.address.store()
        old.close()

    async def aclose_one(self) -> None:
        with self._lock:
            old, self.now = self.now, self.address.store()
        await old.aclose()


def clients_for(service: Service, kind: str, seed: int) -> list[Client]:
    """Return the clients of one process."""
    sessions = sessions_of(kind)
    with service.address.store() as store:
        conditional = deletes_on_condition(store)
    return [
        make_client(service.address, sessions, seed, (number, CLIENTS), service.one_editor, conditional)
        for number in range(CLIENTS)
    ]


def work(history: History, service: Service, stores: Stores, client: Client, count: int) -> None:
    """Take all steps of a client, one after another."""
    plan = client.plan(count)
    with suppress(StopIteration):
        step = next(plan)
        while True:
            if client.chance.random() < FAULTS:
                service.plan_fault(client.chance)
            if client.chance.random() < CLOSING:
                stores.close_one()
            verb = getattr(stores.now, step.verb)
            operation = invoke(history, client, step)
            done = history.call(operation, _bound(verb, step))
            step = plan.send(done)


async def awork(history: History, service: Service, stores: Stores, client: Client, count: int) -> None:
    """Take all steps of a client; now and then cancel one in the middle."""
    plan = client.plan(count)
    with suppress(StopIteration):
        step = next(plan)
        while True:
            if client.chance.random() < FAULTS:
                service.plan_fault(client.chance)
            if client.chance.random() < CLOSING:
                await stores.aclose_one()
            verb = getattr(stores.now, "a" + step.verb)
            operation = invoke(history, client, step)
            patience = client.chance.uniform(0, 0.02) if client.chance.random() < CANCELLING else None
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await history.acall(operation, _bound(verb, step))
            step = plan.send(history.operations[operation.number])


def _bound(verb: Any, step: Step) -> Callable[[], Any]:
    return lambda: verb(step.session_id, *step.arguments, **step.named)


def in_threads(service: Service, kind: str, seed: int, count: int) -> History:
    """Return the history of clients in threads."""
    history, stores = History(late_s=LATE_S), Stores(service.address)
    with kept_comms(), ThreadPoolExecutor(2 * CLIENTS) as pool:
        jobs = [
            pool.submit(work, history, service, stores, client, count)
            for client in clients_for(service, kind, seed)
        ]
        if kind == "browser":
            jobs += [
                pool.submit(browse, history, service.address, session_id, seed, count // 3)
                for session_id in sessions_of(kind)
            ]
        for job in jobs:
            job.result()
    stores.now.close()
    return history


def in_tasks(service: Service, kind: str, seed: int, count: int) -> History:
    """Return the history of clients in tasks of one event loop."""
    history, stores = History(late_s=LATE_S), Stores(service.address)
    clients = clients_for(service, kind, seed)

    async def all_work() -> None:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(awork(history, service, stores, client, count))
        await stores.now.aclose()

    asyncio.run(all_work())
    return history
