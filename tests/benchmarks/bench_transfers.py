"""What files and copies take: requests of short sessions, Parquet in and out, HTML against JSONL.

    python -m tests.benchmarks.bench_transfers [--sessions 1000] [--messages 20000] [--rounds 3]

The services run in a process of their own or in threads; CPU time is that of this process. Times are the
smallest of the rounds. Ends with status 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from chatmem_nb import UpstashSessionStore, copy_sessions, export, import_file
from chatmem_nb.local import LocalMomento
from chatmem_nb.records import encode_all, parse_all
from tests.benchmarks.bench_frames import chat
from tests.benchmarks.upstash_service import service
from tests.conversations import REAL

MARKED = "## Trains\n\n- **09:10** by `NJ 237`, *direct*\n- 12:25, [one change](https://example.org/t)\n\n"


def best(work: Callable[[], object], rounds: int, clock: Callable[[], float]) -> float:
    """The seconds by `clock` that `work` takes, at best."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = clock()
        work()
        times.append(clock() - started)
    return min(times)


def cpu_s(work: Callable[[], object], rounds: int) -> float:
    """The CPU seconds of this process that `work` takes, at best."""
    return best(work, rounds, time.process_time)


def requests_of(store: Any, work: Callable[[], object]) -> int:
    before = store.commands.requests
    work()
    return int(store.commands.requests - before)


def one_by_one(store: Any, sessions: dict[str, list[str]]) -> None:
    for name, records in sessions.items():
        store.append(name, records)


def requests(url: str, token: str, folder: Path, number: int) -> dict[str, tuple[float, float]]:
    """Count the requests of an import and a copy of short sessions, and of an append for each."""
    sessions = {f"s{one}": encode_all(chat(4)) for one in range(number)}
    limits = {}
    with UpstashSessionStore(url, token, key_prefix="one:") as source, LocalMomento() as server:
        each = requests_of(source, lambda: one_by_one(source, sessions))
        path = folder / "short.jsonl"
        export(source, path, progress=False)
        for name, store in (
            ("Upstash", UpstashSessionStore(url, token, key_prefix="many:")),
            ("Momento", server.store()),
        ):
            with store:
                alone = requests_of(store, partial(one_by_one, store, sessions))
                for session_id in sessions:
                    store.delete(session_id)
                imported = requests_of(store, partial(import_file, path, store))
                for session_id in sessions:
                    store.delete(session_id)
                copied = requests_of(store, partial(copy_sessions, source, store, progress=False))
            print(
                f"{number:,} short sessions to {name}: {alone:,} requests one by one, "
                f"{imported:,} by an import, {copied:,} by a copy"
            )
            if name == "Upstash":
                limits["requests of an import, of one for each session"] = (imported / each, 1 / 8)
                limits["requests of a copy, of one for each session"] = (copied / each, 1 / 8)
    return limits


def files(url: str, token: str, folder: Path, messages: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Compare the CPU time of an import of Parquet with its export, and of HTML with JSONL."""
    limits = {}
    with UpstashSessionStore(url, token, key_prefix="files:") as store:
        hundred = encode_all(chat(100))
        store.append_many([(f"s{one}", hundred) for one in range(messages // 100)])

        def write(name: str) -> Callable[[], object]:
            return lambda: export(store, folder / name, progress=False)

        def back() -> object:
            with UpstashSessionStore(url, token, key_prefix=f"back{time.monotonic_ns()}:") as into:
                return import_file(folder / "x.parquet", into)

        out, into = cpu_s(write("x.parquet"), rounds), cpu_s(back, rounds)
        print(f"Parquet, {messages:,} messages: export {out:.2f} s, import {into:.2f} s: {into / out:.2f}")
        limits["import of Parquet, of its export"] = (into / out, 2.0)
        lines, pages = cpu_s(write("x.jsonl"), rounds), cpu_s(write("x.html"), rounds)
        print(f"HTML, {messages:,} messages: JSONL {lines:.2f} s, HTML {pages:.2f} s: {pages / lines:.2f}")
        limits["HTML, of JSONL"] = (pages / lines, 5.0)
        largest = max(file.stat().st_size for file in folder.rglob("*.html"))
        print(f"the largest of {len(list(folder.rglob('*.html')))} HTML files has {largest / 1e6:.1f} MB")
        limits["MB of an HTML file"] = (largest / 1e6, 4.0)
    return limits


def real(url: str, token: str, folder: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Compare the time of HTML with that of JSONL for the airline conversations: much is Markdown."""
    if not REAL.exists():
        print("the airline conversations are absent")
        return {}
    with UpstashSessionStore(url, token, key_prefix="real:") as store:
        import_file(REAL, store)
        work = {
            name: partial(export, store, folder / f"z.{name}", progress=False) for name in ("jsonl", "html")
        }
        cpu = {name: cpu_s(export_, rounds) for name, export_ in work.items()}
        whole = {name: best(export_, rounds, time.perf_counter) for name, export_ in work.items()}
    ratio, cpu_ratio = whole["html"] / whole["jsonl"], cpu["html"] / cpu["jsonl"]
    print(f"HTML, real conversations: {ratio:.2f} times as long as JSONL, {cpu_ratio:.2f} of its CPU time")
    return {"HTML of real conversations, of JSONL": (ratio, 5.0)}


def marked(folder: Path, rounds: int) -> None:
    """Print the same for Markdown, which has no promise: answers of their own, and one that comes again."""
    for name, number in (("each of its own", "{}"), ("all the same", "237")):
        chats = chat(2_000)
        for place, message in enumerate(chats):
            if place % 2 and message.content:
                message.content = MARKED.replace("237", number.format(place))
        records = parse_all(encode_all(chats))
        lines = cpu_s(partial(export, records, folder / "y.jsonl", progress=False), rounds)
        pages = cpu_s(partial(export, records, folder / "y.html", progress=False), rounds)
        print(f"every answer Markdown, {name}: HTML takes {pages / lines:.1f} times what JSONL does")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, service() as (url, token):
        folder = Path(name)
        limits = requests(url, token, folder, options.sessions)
        limits |= files(url, token, folder, options.messages, options.rounds)
        limits |= real(url, token, folder, options.rounds)
        marked(folder, options.rounds)
    missed = {name: pair for name, pair in limits.items() if pair[0] > pair[1]}
    for name, (ratio, limit) in missed.items():
        print(f"not kept: {name}: {ratio:.3f} > {limit:.3f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
