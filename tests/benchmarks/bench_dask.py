"""Whether `to_dask` pays: a store of twice the workers' memory, and the time by workers and latency.

    python -m tests.benchmarks.bench_dask [--workers 1] [--memory-mb 500] [--megabytes 60] [--quick]

The service runs in a process of its own. First a store of twice the memory limit of all workers is
aggregated: no worker may spill or be restarted. Then a smaller store is read by 1 and 2 workers and by
`to_dataframe` in this process, at several latencies: the last line says from which latency on workers pay.
Takes about three minutes on two free cores. A worker takes 250 MB before it reads anything, and a partition
80 MB more, so a limit below 500 MB would show nothing. Ends with status 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from distributed import Client, LocalCluster
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import UpstashSessionStore, to_dask, to_dataframe
from chatmem_nb.records import encode_all
from tests.benchmarks.upstash_service import service

MESSAGE_BYTES = 10_000
OF_A_SESSION = 20


def fill(store: UpstashSessionStore, megabytes: int) -> int:
    """Store about as many megabytes of text, in sessions of very unequal lengths; return the messages."""
    text = os.urandom(MESSAGE_BYTES // 2).hex()
    unit = encode_all([HumanMessage(text), AIMessage("It is on the way.")] * (OF_A_SESSION // 2))
    total, number = megabytes * 1_000_000 // (MESSAGE_BYTES // 2 * OF_A_SESSION), 0
    stored = 0
    while stored < total:
        length = 10 if number % 50 == 0 else 1
        batch = [(f"s{number:06}", unit * length)]
        store.append_many(batch)
        stored, number = stored + length, number + 1
    return stored * OF_A_SESSION


def cluster_of(workers: int, memory_mb: int | None = None) -> LocalCluster:
    limit = f"{memory_mb}MB" if memory_mb else "auto"
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit=limit,
    )


def aggregated(store: UpstashSessionStore) -> int:
    """Count the messages of each role on the workers, and add up their characters."""
    lazy = to_dask(store, columns=["role", "content"])
    lazy["characters"] = lazy["content"].str.len()
    found = lazy.groupby("role", observed=True)["characters"].agg(["count", "sum"]).compute()
    return int(found["count"].sum())


def spilled(dask_worker: Any) -> int:
    return int(getattr(dask_worker.data, "spilled_total", (0, 0))[1])


def beyond_memory(store: UpstashSessionStore, workers: int, memory_mb: int) -> list[str]:
    """Aggregate a store of twice the memory of the workers; return the promises that were not kept."""
    megabytes = 2 * workers * memory_mb
    messages = fill(store, megabytes)
    with cluster_of(workers, memory_mb) as cluster, Client(cluster) as client:
        before = set(client.run(os.getpid).values())
        started = time.perf_counter()
        counted = aggregated(store)
        took = time.perf_counter() - started
        after = set(client.run(os.getpid).values())
        to_disk = sum(client.run(spilled).values())
    print(
        f"{megabytes:,} MB, {workers} workers of {memory_mb:,} MB: {counted:,} of {messages:,} messages in "
        f"{took:.1f} s; spilled {to_disk:,} bytes, {len(after - before)} workers restarted",
        flush=True,
    )
    broken = ["messages are missing"] if counted != messages else []
    broken += ["spilled"] if to_disk else []
    return broken + (["restarted"] if after != before else [])


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_latency(megabytes: int, latencies: list[float]) -> None:
    """Print the time by workers and latency, and from where on workers pay."""
    pays = []
    for latency in latencies:
        with service(latency_ms=latency) as (url, token), UpstashSessionStore(url, token) as store:
            os.environ |= {"UPSTASH_REDIS_REST_URL": url, "UPSTASH_REDIS_REST_TOKEN": token}
            fill(store, megabytes)
            times = {0: seconds(partial(in_pandas, store))}
            for workers in (1, 2):
                with cluster_of(workers) as cluster, Client(cluster) as client:
                    client.run(load)
                    lazy = to_dask(store, npartitions=workers, columns=["role", "content"])
                    times[workers] = seconds(partial(in_dask, lazy))
        shown = ", ".join(f"{workers} workers {took:.2f} s" for workers, took in times.items() if workers)
        print(f"{megabytes} MB at {latency:g} ms: to_dataframe {times[0]:.2f} s, {shown}", flush=True)
        best = min((took, workers) for workers, took in times.items())
        if best[1]:
            pays.append(f"{latency:g} ms ({best[1]} workers)")
    print("workers pay at:", ", ".join(pays) or "none of these latencies, on this machine")


def characters(frame: Any) -> Any:
    """The characters of each message, added up; a few numbers for each partition."""
    return frame["content"].str.len().sum()


def in_pandas(store: Any) -> Any:
    return characters(to_dataframe(store, columns=["role", "content"]))


def in_dask(frame: Any) -> Any:
    return characters(frame).compute()


def load() -> None:
    """Import in a worker what its first partition would wait for."""
    import chatmem_nb.exports  # noqa: F401 - imported for its time alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, default=1, help="which aggregate the store beyond memory")
    parser.add_argument("--memory-mb", type=int, default=500, help="of each of them")
    parser.add_argument("--megabytes", type=int, default=60, help="of the store that is read at latencies")
    parser.add_argument("--latencies", type=float, nargs="+", default=[0, 100])
    parser.add_argument("--quick", action="store_true", help="only the store beyond memory")
    options = parser.parse_args()
    with service() as (url, token), UpstashSessionStore(url, token) as store:
        os.environ |= {"UPSTASH_REDIS_REST_URL": url, "UPSTASH_REDIS_REST_TOKEN": token}
        broken = beyond_memory(store, options.workers, options.memory_mb)
    if not options.quick:
        by_latency(options.megabytes, options.latencies)
    print("not kept:", ", ".join(broken) or "none")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
