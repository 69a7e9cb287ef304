"""Load on LocalMomento: many clients at once, then very long and very many lists.

    python tests/benchmarks/load_local_momento.py --clients 64 --seconds 60 --messages 1000000

The server runs in a process of its own. Prints how soon it answered, calls per second and how long they
took, its memory over time, and what was lost; ends with status 1 if a call failed or a write was lost.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import grpc
import psutil
from momento import CacheClient, Configurations, CredentialProvider
from momento.responses.mixins import ErrorResponseMixin
from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import cacheclient_pb2_grpc, controlclient_pb2_grpc
from momento_wire_types import controlclient_pb2 as control_pb

from tests.benchmarks.server_process import server_process, until_told

CACHE = "load"
BATCH = 4_000
RECORD = '{"type": "human", "data": {"content": "%s", "type": "human"}, "number": %d}'


def serve(to_parent: Connection) -> None:
    """Run one server until the parent says something."""
    from chatmem_nb.local.momento import LocalMomento

    started = time.perf_counter()
    with LocalMomento() as server:
        with grpc.insecure_channel(f"{server.host}:{server.port}") as channel:
            stub = controlclient_pb2_grpc.ScsControlStub(channel)
            stub.ListCaches(control_pb._ListCachesRequest(), metadata=(("authorization", server.token),))
        ready_ms = (time.perf_counter() - started) * 1000
        to_parent.send((server.host, server.port, server.token, ready_ms))
        until_told(to_parent)


@contextmanager
def local_momento() -> Iterator[tuple[CredentialProvider, psutil.Process, float]]:
    """Yield what a client needs of the server, its process, and the milliseconds until it was ready."""
    with server_process(serve) as ((host, port, token, ready_ms), process):
        yield CredentialProvider(token, host, host, host, port), psutil.Process(process.pid), ready_ms


def checked(response: Any) -> Any:
    if isinstance(response, ErrorResponseMixin):
        raise RuntimeError(response.message)
    return response


def client_of(provider: CredentialProvider) -> CacheClient:
    return CacheClient(Configurations.Laptop.v1(), provider, timedelta(hours=1))


class Load:
    """Clients that write for some time; each knows what must be there afterwards."""

    def __init__(self, provider: CredentialProvider, clients: int, seconds: float) -> None:
        self.provider, self.clients, self.seconds = provider, clients, seconds
        self.took_ms: list[float] = []
        self.written: dict[int, int] = {}
        self.failures: Counter[str] = Counter()
        self.ready = threading.Barrier(clients)

    def run(self) -> None:
        with ThreadPoolExecutor(self.clients) as pool:
            list(pool.map(self._work, range(self.clients)))

    def _work(self, worker: int) -> None:
        with client_of(self.provider) as client:
            self.ready.wait()
            end, number = time.monotonic() + self.seconds, 0
            while time.monotonic() < end:
                try:
                    self._round(client, worker, number)
                except RuntimeError as error:
                    self.failures[str(error)] += 1
                else:
                    number += 1
            self.written[worker] = number

    def _round(self, client: CacheClient, worker: int, number: int) -> None:
        """Write one record to a list of one's own and to one of all, and something that soon expires."""
        name, text = f"s{worker}", f"{worker}/{number}"
        for call in (
            lambda: client.list_push_back(CACHE, name, text),
            lambda: client.list_push_back(CACHE, "all", text),
            lambda: client.sorted_set_put_element(CACHE, "index", name, time.time()),
            lambda: client.set(CACHE, text, "x" * 1000, ttl=timedelta(seconds=1)),
        ):
            started = time.perf_counter()
            checked(call())
            self.took_ms.append((time.perf_counter() - started) * 1000)

    def lost(self) -> int:
        """Return how many writes are missing, twice there, or out of order."""
        wrong = 0
        with client_of(self.provider) as client:
            everything = Counter(checked(client.list_fetch(CACHE, "all")).value_list_string)
            for worker, number in self.written.items():
                texts = [f"{worker}/{i}" for i in range(number)]
                held = getattr(checked(client.list_fetch(CACHE, f"s{worker}")), "value_list_string", [])
                wrong += held != texts
                wrong += sum(everything[text] != 1 for text in texts)
        return wrong + abs(sum(self.written.values()) - sum(everything.values()))


def fill(client: CacheClient, name: str, messages: int) -> None:
    for start in range(0, messages, BATCH):
        numbers = range(start, min(start + BATCH, messages))
        batch = [RECORD % ("lorem ipsum dolor", number) for number in numbers]
        checked(client.list_concatenate_back(CACHE, name, batch))


def newest(provider: CredentialProvider, name: str, count: int) -> list[bytes]:
    with grpc.insecure_channel(f"{provider.cache_endpoint}:{provider.port}") as channel:
        request = pb._ListFetchRequest(list_name=name.encode(), inclusive_start=-count)
        metadata = (("cache", CACHE), ("authorization", provider.auth_token))
        stub = cacheclient_pb2_grpc.ScsStub(channel)
        return list(stub.ListFetch(request, metadata=metadata).found.values)


def long_and_many(provider: CredentialProvider, messages: int) -> int:
    """Put `messages` into one list, and as many into lists of 100; return how many are missing."""
    lists = messages // 100
    with client_of(provider) as client:
        started = time.perf_counter()
        fill(client, "long", messages)
        filled = time.perf_counter()
        tail = newest(provider, "long", 20)
        read = time.perf_counter()
        for number in range(lists):
            fill(client, f"many{number}", 100)
        print(
            f"one list of {messages:,}: {filled - started:.1f} s, its newest 20:"
            f" {(read - filled) * 1000:.1f} ms; {lists:,} lists of 100: {time.perf_counter() - read:.1f} s"
        )
        held = checked(client.list_length(CACHE, "long")).length
        many = sum(checked(client.list_length(CACHE, f"many{number}")).length for number in range(lists))
    assert len(tail) == 20
    return (messages - held) + (lists * 100 - many)


def memory_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument(
        "--messages", type=int, default=0, help="then put so many into one list, and into many"
    )
    options = parser.parse_args()
    with local_momento() as (provider, process, ready_ms):
        print(f"first answer after {ready_ms:.0f} ms, {memory_mb(process):.0f} MB")
        with client_of(provider) as client:
            checked(client.create_cache(CACHE))
        load = Load(provider, options.clients, options.seconds)
        watched: list[float] = []
        watching = threading.Timer(options.seconds / 2, lambda: watched.append(memory_mb(process)))
        watching.start()
        load.run()
        watching.join()
        took = statistics.quantiles(load.took_ms, n=100)
        lost = load.lost()
        print(
            f"{options.clients} clients, {options.seconds:.0f} s: {len(load.took_ms):,} calls,"
            f" {len(load.took_ms) / options.seconds:,.0f} a second,"
            f" median {took[49]:.1f} ms, p99 {took[98]:.1f} ms"
        )
        print(f"memory half way {watched[0]:.0f} MB, at the end {memory_mb(process):.0f} MB")
        if options.messages:
            lost += long_and_many(provider, options.messages)
            print(f"memory {memory_mb(process):.0f} MB")
        print(f"failed calls {load.failures.total()}, lost writes {lost}")
        for message, times in load.failures.most_common(5):
            print(f"  {times} x {message}")
    return 1 if lost or load.failures else 0


if __name__ == "__main__":
    sys.exit(main())
