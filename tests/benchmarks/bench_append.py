"""How fast messages are appended to Upstash, against the original class and against one bare LPUSH.

    python -m tests.benchmarks.bench_append [--rounds 9] [--engines embedded redis] [--latency-ms 0 20]

The service runs in a process of its own, and both sides of each figure are measured in turn. Ends with
status 1 if a promise is not kept: 500 messages with a TTL 50 times as fast as by the original class, and
500 times at 20 ms; 1,000 encoded records in 1.3 times one LPUSH, and with encoding in 2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from datetime import timedelta
from uuid import uuid4

from upstash_redis import Redis

from chatmem_nb import UpstashRedisChatMessageHistory, UpstashSessionStore
from chatmem_nb.records import encode_all
from tests.benchmarks.upstash_service import ENGINES, in_turn, seconds, service, talk
from tests.original import OriginalUpstash

FASTER: dict[float, float] = {0: 50, 20: 500}
"""How many times as fast as the original, by the latency in ms."""
LPUSHES, LPUSHES_WITH_ENCODING = 1.3, 2.0


def history(engine: str, latency_ms: float, rounds: int) -> bool:
    """500 messages with a TTL, by the two classes."""
    messages = talk(500)
    with service(engine, latency_ms) as (url, token):
        session_id = uuid4().hex
        original = OriginalUpstash(f"o{session_id}", url, token, ttl=3_600)
        ours = UpstashRedisChatMessageHistory(f"n{session_id}", url, token, ttl=3_600)
        original.add_messages(messages[:5])
        ours.add_messages(messages)
        before, now = [], []
        for _ in range(rounds):
            before.append(seconds(lambda: original.add_messages(messages)))
            now += [seconds(lambda: ours.add_messages(messages)) for _ in range(9)]
        old, new = statistics.median(before), statistics.median(now)
        (encoding, _), (bare, _) = in_turn(
            9, lambda: encode_all(messages), lambda: ours.store.append("one", ["r"])
        )
        original.redis_client.close()
        ours.store.close()
    print(
        f"{engine:8} {latency_ms:4g} ms  500 messages with a TTL: original {old:8.3f} s, "
        f"ours {new * 1e3:6.1f} ms, {old / new:6.0f} times as fast "
        f"(of ours: {encoding * 1e3:.1f} ms encoding, {bare * 1e3:.1f} ms for a request with one record)"
    )
    return bool(old / new >= FASTER.get(latency_ms, 0))


def store(engine: str, latency_ms: float, rounds: int) -> bool:
    """1,000 encoded records, against one LPUSH of them."""
    messages = talk(1_000)
    records = encode_all(messages)
    with (
        service(engine, latency_ms) as (url, token),
        Redis(url, token) as client,
        UpstashSessionStore(url, token, ttl=timedelta(hours=1)) as ours,
    ):
        name = uuid4().hex
        (lpush, _), (_, append), (_, encoded) = in_turn(
            rounds,
            lambda: client.lpush(f"bare:{name}", *records),
            lambda: ours.append(f"a{name}", records),
            lambda: ours.append(f"e{name}", encode_all(messages)),
        )
    print(
        f"{engine:8} {latency_ms:4g} ms  1,000 records: LPUSH {lpush * 1e3:6.1f} ms, "
        f"append {append:4.2f} times that, with encoding {encoded:4.2f}"
    )
    return append <= LPUSHES and encoded <= LPUSHES_WITH_ENCODING


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--latency-ms", nargs="+", type=float, default=[0, 20])
    options = parser.parse_args()
    kept = [
        measure(engine, latency, 2 if measure is history and latency else options.rounds)
        for measure in (store, history)
        for engine in options.engines
        for latency in options.latency_ms
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
