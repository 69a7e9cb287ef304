"""The services that histories are made on, each with the faults that it can have."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from momento import CredentialProvider

from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.faults import FaultKind, FaultPlan
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.consistency.violations import ATOMIC, PART_BY_PART, Guarantees
from tests.fault_proxy import fault_proxy
from tests.redis_server import redis_server, wait_for_socket

PREFIX = "consistency:"
PROXY_RATE = 0.05
UPSTASH_KINDS: tuple[FaultKind, ...] = (
    "drop_before", "drop_after", "cut", "delay", "refuse", "html", "hang",
)  # fmt: skip
MOMENTO_KINDS: tuple[FaultKind, ...] = UPSTASH_KINDS
LATE_S = 2.0
"""After this long, no server here applies a request whose client has given up."""


@dataclass(frozen=True, slots=True)
class Address:
    """How to make a store of a service, in this process or in another."""

    service: str
    url: str
    token: str

    def store(self, **options: Any) -> SessionStore:
        """Return a new store; batches of more than some ten records take several requests."""
        options = {"key_prefix": PREFIX, "timeout_s": 8.0, **options}
        if self.service != "momento":
            return UpstashSessionStore(self.url, self.token, **{"max_request_bytes": 16_384, **options})
        host, port = self.url.split(":")
        provider = CredentialProvider(self.token, host, host, host, int(port))
        options = {"max_request_bytes": 2_000, **options}
        return MomentoSessionStore.from_credentials(provider, "chatmem", timedelta(hours=1), **options)

    def parts(self, records: tuple[str, ...]) -> int:
        """Return how many requests `records` take, or 2 where it is more than one."""
        room = 2_000 if self.service == "momento" else 16_384 - 5_000
        return 1 if sum(len(record) + 6 for record in records) <= room else 2


@dataclass(slots=True)
class Service:
    """A running server, and how to make its network fail."""

    address: Address
    faults: FaultPlan
    kinds: tuple[FaultKind, ...]
    guarantees: Guarantees
    met: Counter[str] = field(default_factory=Counter)

    @property
    def one_editor(self) -> bool:
        """Whether two clients that edit one session may disturb each other."""
        return not self.guarantees.edits_are_atomic

    def plan_fault(self, chance: random.Random) -> None:
        """Have one of the next requests meet a fault; never more than a few ahead."""
        if len(self.faults) < 3:
            kind = chance.choice(self.kinds)
            self.faults.add(kind, delay=timedelta(milliseconds=chance.choice([5, 20, 80])))
            self.met[kind] += 1

    @contextmanager
    def failing(self, seed: int) -> Iterator[None]:
        """Have requests of other processes meet faults meanwhile."""
        chance, stop = random.Random(seed), threading.Event()

        def plan() -> None:
            while not stop.wait(chance.uniform(0.0, 0.06)):
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
            address = Address(name, f"127.0.0.1:{momento.port}", momento.token)
            yield Service(address, momento.faults, MOMENTO_KINDS, PART_BY_PART)
            return
        redis_url = ending.enter_context(redis_server(folder)) if name == "redis" else None
        upstash = ending.enter_context(LocalUpstash(redis_url=redis_url))
        url = upstash.url
        service = Service(Address(name, url, upstash.token), upstash.faults, UPSTASH_KINDS, ATOMIC)
        if name == "proxied":
            proxy = ending.enter_context(fault_proxy(upstash.port, PROXY_RATE, 11))
            service.address, service.met = Address(name, proxy.url, upstash.token), proxy.met
            service.kinds = ("delay",)  # the proxy has the others, and waits for each answer
        yield service


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
