"""How fast and in how much memory messages are read from Upstash, against the original class.

    python -m tests.benchmarks.bench_read [--rounds 7] [--engines embedded redis] [--latency-ms 0 20]

The service runs in a process of its own, and both sides of each figure are measured in turn. Ends with
status 1 if a promise is not kept: 10,000 messages in 0.6 of the original's time; 100,000 messages with a
peak of 1.5 times what the messages themselves take (the original does not read so many: the answer to its
one LRANGE is larger than Upstash gives).
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import resource
import sys
from collections.abc import Callable

import psutil

from chatmem_nb import UpstashRedisChatMessageHistory, UpstashSessionStore
from chatmem_nb.records import encode_all, parse
from tests.benchmarks.upstash_service import ENGINES, in_turn, service, talk
from tests.original import OriginalUpstash

OF_ORIGINAL, OF_MESSAGES = 0.6, 1.5


def speed(engine: str, latency_ms: float, rounds: int) -> bool:
    """10,000 messages, by the two classes."""
    messages = talk(10_000)
    with service(engine, latency_ms) as (url, token):
        original = OriginalUpstash("s", url, token)
        ours = UpstashRedisChatMessageHistory("s", url, token)
        ours.add_messages(messages)
        assert ours.messages == original.messages == messages
        (before, _), (now, times), (read, _) = in_turn(
            rounds, lambda: original.messages, lambda: ours.messages, lambda: ours.store.read("s")
        )
        original.redis_client.close()
        ours.store.close()
    print(
        f"{engine:8} {latency_ms:4g} ms  10,000 messages: original {before * 1e3:6.0f} ms, "
        f"ours {now * 1e3:6.0f} ms, {times:4.2f} of it "
        f"(of ours: {read * 1e3:.0f} ms until the texts are there)"
    )
    return times <= OF_ORIGINAL


def memory(engine: str) -> bool:
    """100,000 messages: what reading them takes at its peak, against what they take."""
    with service(engine) as (url, token):
        with UpstashSessionStore(url, token, timeout_s=60) as store:
            for _ in range(10):
                store.append("s", encode_all(talk(10_000)))
        themselves = _grown(_build, url, token)
        reading = _grown(_read, url, token)
    print(
        f"{engine:8}          100,000 messages: they take {themselves / 2**20:.0f} MB, reading them "
        f"{reading / 2**20:.0f} MB at its peak, {reading / themselves:4.2f} times that"
    )
    return reading / themselves <= OF_MESSAGES


def _grown(work: Callable[[str, str], object], url: str, token: str) -> int:
    """Return by how many bytes `work` lets a fresh process grow at its peak."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (work, url, token))


def _measure(work: Callable[[str, str], object], url: str, token: str) -> int:
    gc.collect()
    before = psutil.Process().memory_info().rss
    kept = work(url, token)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    del kept
    return grown


def _build(url: str, token: str) -> object:
    # The texts are thrown away one by one: what stays are the messages.
    texts = encode_all(talk(1_000))
    return [parse(texts[number % 1_000]).message for number in range(100_000)]


def _read(url: str, token: str) -> object:
    history = UpstashRedisChatMessageHistory("s", url, token)
    messages = history.messages
    history.store.close()
    return messages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--latency-ms", nargs="+", type=float, default=[0, 20])
    options = parser.parse_args()
    kept = [
        speed(engine, latency, options.rounds) for engine in options.engines for latency in options.latency_ms
    ]
    kept += [memory(engine) for engine in options.engines]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
