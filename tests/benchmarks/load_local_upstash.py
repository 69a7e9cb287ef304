"""Load on LocalUpstash: many clients, many sessions, and one long one; reports errors and lost writes.

    python tests/benchmarks/load_local_upstash.py --clients 64 --messages 1000000 --sessions 10000

The server runs as a process of its own, the clients are threads of this one, with the official SDK.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

from upstash_redis import Redis

Work = Callable[[Redis, int], None]


@dataclass
class Tally:
    """What one phase came to."""

    latencies_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def report(self, name: str, messages: int, process: subprocess.Popen[str]) -> None:
        elapsed = time.monotonic() - self.began
        cuts = quantiles(self.latencies_s, n=100)
        print(
            f"{name}: {len(self.latencies_s):,} requests, {messages:,} messages in {elapsed:.1f} s: "
            f"{len(self.latencies_s) / elapsed:,.0f} requests/s, {messages / elapsed:,.0f} messages/s; "
            f"median {cuts[49] * 1000:.1f} ms, 99% {cuts[98] * 1000:.0f} ms; "
            f"errors: {dict(self.errors) or 'none'}; server memory {_memory_mb(process):,.0f} MB",
            flush=True,
        )


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], Callable[[], Redis]]]:
    """Run LocalUpstash as a process; yield it and what makes a client of it."""
    command = [sys.executable, "-m", "chatmem_nb", "serve", "upstash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
        try:
            yield process, lambda: Redis(url, token, rest_encoding=None, rest_retries=0)
        finally:
            process.terminate()


def crowd(clients: int, new_client: Callable[[], Redis], work: Work) -> Tally:
    """Have `clients` threads call `work` until it raises StopIteration; other errors are counted."""
    tally, guard = Tally(), threading.Lock()

    def run(number: int) -> None:
        latencies: list[float] = []
        errors: Counter[str] = Counter()
        with new_client() as redis:
            while True:
                began = time.perf_counter()
                try:
                    work(redis, number)
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001 - every kind is what this counts
                    errors[type(error).__name__] += 1
                latencies.append(time.perf_counter() - began)
        with guard:
            tally.latencies_s += latencies
            tally.errors += errors

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def record(number: int) -> str:
    words = f"Message {number}: what does the contract say about the delivery dates of the second lot?"
    return json.dumps(
        {"type": "human", "data": {"content": words, "type": "human"}, "record_id": str(number)}
    )


def many_sessions(options: argparse.Namespace) -> int:
    """Fill all sessions, then live with them for some seconds. Return how many writes were lost."""
    each = options.messages // options.sessions
    tasks = iter([(s, b) for b in range(0, each, options.batch) for s in range(options.sessions)])
    guard, written = threading.Lock(), Counter[int]()
    fresh = itertools.count(options.messages)

    def fill(redis: Redis, _: int) -> None:
        with guard:
            session, first = next(tasks)
        count = min(options.batch, each - first)
        start = session * each + first
        redis.lpush(f"message_store:{session}", *(record(start + i) for i in range(count)))
        with guard:
            written[session] += count

    with server() as (process, new_client):
        crowd(options.clients, new_client, fill).report("fill", sum(written.values()), process)
        deadline, before = time.monotonic() + options.seconds, sum(written.values())

        def live(redis: Redis, _: int) -> None:
            if time.monotonic() > deadline:
                raise StopIteration
            session = random.randrange(options.sessions)
            match random.randrange(3):
                case 0:
                    redis.lpush(f"message_store:{session}", record(next(fresh)))
                    with guard:
                        written[session] += 1
                case 1:
                    redis.lrange(f"message_store:{session}", 0, 19)
                case _:
                    redis.scan(0, match="message_store:*", count=100)

        crowd(options.clients, new_client, live).report("live", sum(written.values()) - before, process)
        return _lost(new_client, written)


def _lost(new_client: Callable[[], Redis], written: Counter[int]) -> int:
    """Return how many acknowledged records are not there, or there twice."""
    lost, seen = 0, set[str]()
    with new_client() as redis:
        for session, count in written.items():
            found = redis.lrange(f"message_store:{session}", 0, -1)
            lost += abs(count - len(found))
            seen.update(json.loads(text)["record_id"] for text in found)
    return lost + abs(sum(written.values()) - len(seen))


def one_session(options: argparse.Namespace) -> int:
    """Seed one session newest first, then have all clients push and read. Return how many were lost."""
    key, batch = "message_store:long", 1000
    starts, guard = iter(range(0, options.single, batch)), threading.Lock()
    pushed = itertools.count(1)

    def seed(redis: Redis, _: int) -> None:
        with guard:
            first = next(starts)
        redis.rpush(key, *(record(first + i) for i in range(min(batch, options.single - first))))

    with server() as (process, new_client):
        crowd(options.clients, new_client, seed).report("seed", options.single, process)
        deadline = time.monotonic() + options.seconds / 2

        def push(redis: Redis, number: int) -> None:
            if time.monotonic() > deadline:
                raise StopIteration
            if number % 2:
                redis.lpush(key, record(-1))
                next(pushed)
            else:
                redis.lrange(key, -20, -1)

        crowd(options.clients, new_client, push).report("push and read", 0, process)
        with new_client() as redis:
            return abs(options.single + next(pushed) - 1 - redis.llen(key))


def _memory_mb(process: subprocess.Popen[str]) -> float:
    import psutil

    return float(psutil.Process(process.pid).memory_info().rss) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--messages", type=int, default=1_000_000, help="in all sessions together")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--single", type=int, default=1_000_000, help="in the one long session")
    parser.add_argument("--batch", type=int, default=100, help="messages in one append")
    parser.add_argument("--seconds", type=float, default=60, help="of mixed use after the filling")
    options = parser.parse_args()
    os.environ["NO_PROXY"] = "*"
    lost = many_sessions(options) + one_session(options)
    print(f"lost writes: {lost}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
