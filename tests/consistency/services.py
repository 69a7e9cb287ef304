"""The services that histories are made on, each with the faults that it can have."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Self
from uuid import uuid4

from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.faults import FaultKind, FaultPlan
from tests.consistency.addresses import Address
from tests.consistency.violations import ATOMIC, PART_BY_PART, Guarantees
from tests.fault_proxy import fault_proxy
from tests.redis_server import redis_server, wait_for_socket

PROXY_RATE = 0.05
UPSTASH_KINDS: tuple[FaultKind, ...] = (
    "drop_before", "drop_after", "cut", "delay", "refuse", "html", "hang",
)  # fmt: skip
MOMENTO_KINDS: tuple[FaultKind, ...] = UPSTASH_KINDS
MOMENTO_COMMANDS = (None, "ListConcatenateBack", "ListConcatenateBack", "ListConcatenateFront", "ListErase")


@dataclass(slots=True)
class Service:
    """A running server, and how to make its network fail."""

    address: Address
    faults: FaultPlan
    kinds: tuple[FaultKind, ...]
    guarantees: Guarantees
    commands: tuple[str | None, ...] = (None,)
    """The requests that faults are planned for; None: any."""
    met: Counter[str] = field(default_factory=Counter)

    def afresh(self) -> Self:
        """Return it with a prefix that nothing was written under, and with no fault to come."""
        self.faults.clear()
        self.met.clear()
        self.address = replace(self.address, prefix=f"{uuid4().hex}:")
        return self

    @property
    def one_editor(self) -> bool:
        """Whether two clients that edit one session may disturb each other."""
        return not self.guarantees.edits_are_atomic

    def plan_fault(self, chance: random.Random) -> None:
        """Have one of the next requests meet a fault, mostly of those that change something; a few ahead."""
        if len(self.faults) >= 3:
            self.faults.clear()  # some wait for a request that nobody makes
        kind, command = chance.choice(self.kinds), chance.choice(self.commands)
        self.faults.add(kind, command=command, delay=timedelta(milliseconds=chance.choice([5, 20, 80])))
        self.met[kind] += 1

    @contextmanager
    def failing(self, seed: int) -> Iterator[None]:
        """Have requests of other processes meet faults meanwhile."""
        chance, stop = random.Random(seed), threading.Event()

        def plan() -> None:
            while not stop.wait(chance.uniform(0.0, 0.2)):
                self.plan_fault(chance)

        planner = threading.Thread(target=plan)
        planner.start()
        try:
            yield
        finally:
            stop.set()
            planner.join()


@contextmanager
def running(name: str, folder: Path) -> Iterator[Service]:
    """Run the service `name`: "upstash", "redis", "proxied" or "momento"."""
    with ExitStack() as ending:
        if name == "momento":
            momento = ending.enter_context(LocalMomento())
            address = Address(name, f"127.0.0.1:{momento.port}", momento.token, "")
            yield Service(address, momento.faults, MOMENTO_KINDS, PART_BY_PART, MOMENTO_COMMANDS)
            return
        redis_url = ending.enter_context(redis_server(folder)) if name == "redis" else None
        upstash = ending.enter_context(LocalUpstash(redis_url=redis_url))
        url = upstash.url
        service = Service(Address(name, url, upstash.token, ""), upstash.faults, UPSTASH_KINDS, ATOMIC)
        if name == "proxied":
            proxy = ending.enter_context(fault_proxy(upstash.port, PROXY_RATE, 11))
            service.address, service.met = Address(name, proxy.url, upstash.token, ""), proxy.met
            service.kinds = ("delay",)  # the proxy has the others, and waits for each answer
        yield service


def service_of(upstash: LocalUpstash) -> Service:
    """Return the service that `upstash` is."""
    address = Address("upstash", upstash.url, upstash.token, "")
    return Service(address, upstash.faults, UPSTASH_KINDS, ATOMIC)


class MortalRedis:
    """A redis-server that writes every change to its file, and can be killed and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self._path = folder / "redis.sock"
        self._arguments = [
            program, "--port", "0", "--unixsocket", str(self._path), "--dir", str(folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "always",
        ]  # fmt: skip
        self.url = f"unix://{self._path}"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.DEVNULL)
        wait_for_socket(self._path, self._process)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._path.unlink(missing_ok=True)
