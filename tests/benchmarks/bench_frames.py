"""How fast sessions become frames and files, against the original classes and against parsing alone.

    python -m tests.benchmarks.bench_frames [--rounds 7] [--latency-ms 1] [--million | --frame 1000000]

The service runs in a process of its own. Each figure is the median of ratios, both sides measured in each
round, one after the other. `--million` writes 1,000,000 messages to Parquet and watches the memory;
`--frame N` makes a DataFrame of N messages, and compares its CPU time with reading and with parsing them.
Ends with status 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic_core import from_json

from chatmem_nb import UpstashSessionStore, export, to_dataframe
from chatmem_nb.records import encode_all
from tests.benchmarks.upstash_service import service
from tests.original import OriginalUpstash

SESSIONS = 1_000
PREFIX = "message_store:"


def chat(number: int) -> list[BaseMessage]:
    """Return `number` messages of about 450 bytes: questions, answers with usage, tool calls."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    metadata = {"model_name": "gpt-4o", "finish_reason": "stop", "token_usage": {"total_tokens": 15}}
    found: list[BaseMessage] = []
    for turn in range(number // 2):
        found.append(
            HumanMessage(f"Please tell me about order {turn}, which I made last week and have not got.")
        )
        call = {"name": "get_order", "args": {"order_id": turn}, "id": f"call_{turn}"}
        found.append(
            AIMessage(
                "" if turn % 4 == 0 else "It is on the way. " * 5,
                tool_calls=[call] if turn % 4 == 0 else [],
                usage_metadata=usage,
                response_metadata=metadata,
                id=f"run-{turn}",
            )
        )
    return found


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compared(name: str, ours: Callable[[], object], other: Callable[[], object], rounds: int) -> float:
    """Return the median of ours / other, and print it with the median times."""
    times = [(timed(ours), timed(other)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in times)
    a, b = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    print(f"{name}: {a:,.0f} ms against {b:,.0f} ms, ratio {ratio:.3f} ({1 / ratio:.1f} times faster)")
    return ratio


def original_frame(url: str, token: str, session_id: str) -> pd.DataFrame:
    history = OriginalUpstash(session_id=session_id, url=url, token=token)
    return pd.DataFrame([{"type": m.type, **m.model_dump()} for m in history.messages])


def one_history_each(url: str, token: str, names: list[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for name in names:
        history = OriginalUpstash(session_id=name, url=url, token=token)
        rows += [{"session_id": name, "type": m.type, **m.model_dump()} for m in history.messages]
    return pd.DataFrame(rows)


def one_client_for_all(url: str, token: str, names: list[str]) -> pd.DataFrame:
    history = OriginalUpstash(session_id=names[0], url=url, token=token)
    rows: list[dict[str, Any]] = []
    for name in names:
        history.session_id = name
        rows += [{"session_id": name, "type": m.type, **m.model_dump()} for m in history.messages]
    return pd.DataFrame(rows)


def frames(url: str, token: str, rounds: int) -> list[str]:
    """Measure frames, and return the promises that were not kept."""
    names = [f"s{number}" for number in range(SESSIONS)]
    limits: dict[str, tuple[float, float]] = {}
    with UpstashSessionStore(url, token) as store:
        store.append("big", encode_all(chat(10_000)))
        ten = chat(10)
        with UpstashSessionStore(url, token, key_prefix="many:") as many:
            for name in names:
                many.append(name, encode_all(ten))

        def wire_and_parsing() -> object:
            return [from_json(raw) for raw in store.read("big")]

        def big() -> object:
            return to_dataframe((store, ["big"]))

        ratio = compared("10,000 messages / original", big, lambda: original_frame(url, token, "big"), rounds)
        limits["10,000 messages, of the original"] = (ratio, 0.3)
        ratio = compared("10,000 messages / wire and parsing alone", big, wire_and_parsing, rounds)
        limits["10,000 messages, of wire and parsing"] = (ratio, 1.5)
    with UpstashSessionStore(url, token, key_prefix="many:") as many:
        setattr(OriginalUpstash, "key", property(lambda self: "many:" + self.session_id))  # noqa: B010 - a property
        ratio = compared(
            "1,000 sessions of 10 / one client for all",
            lambda: to_dataframe(many),
            lambda: one_client_for_all(url, token, names),
            rounds,
        )
        limits["1,000 sessions, one client"] = (ratio, 1 / 8)
        ratio = compared(
            "1,000 sessions of 10 / a history each",
            lambda: to_dataframe(many),
            lambda: one_history_each(url, token, names),
            max(1, rounds // 3),
        )
        limits["1,000 sessions, a history each"] = (ratio, 1 / 40)
    return [f"{name}: {ratio:.3f} > {limit:.3f}" for name, (ratio, limit) in limits.items() if ratio > limit]


class PeakMemory:
    """The most memory that this process has had, above what it had at the start."""

    def __enter__(self) -> PeakMemory:
        self._process = psutil.Process()
        self._start = self._peak = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self._peak = max(self._peak, self._process.memory_info().rss)

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()
        self.megabytes = (self._peak - self._start) / 1e6


def million(url: str, token: str) -> list[str]:
    """Write 1,000,000 messages to Parquet, and return the promises that were not kept."""
    with UpstashSessionStore(url, token, key_prefix="million:") as store:
        hundred = encode_all(chat(100))
        for number in range(10_000):
            # Texts of their own, or Parquet would keep one copy of them all.
            store.append(f"s{number}", [raw.replace("order", random.randbytes(40).hex()) for raw in hundred])
        with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
            report = export(store, Path(folder) / "million.parquet", progress=False)
        print(report)
    print(f"peak memory above the start: {memory.megabytes:.0f} MB")
    return [f"memory: {memory.megabytes:.0f} MB > 300 MB"] if memory.megabytes > 300 else []


def cpu_s(work: Callable[[], object]) -> float:
    """The CPU seconds of this process that `work` takes."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def whole_frame(url: str, token: str, number: int, rounds: int) -> list[str]:
    """Make a DataFrame of `number` messages, and return the promises that were not kept."""
    frame: list[pd.DataFrame] = []
    with UpstashSessionStore(url, token, key_prefix="frame:") as store:
        hundred = encode_all(chat(100))
        for start in range(0, number // 100, 250):
            # Texts of their own: a parser keeps short ones that come again.
            store.append_many(
                (f"s{one}", [raw.replace("order", random.randbytes(8).hex()) for raw in hundred])
                for one in range(start, min(start + 250, number // 100))
            )
        ids = [f"s{one}" for one in range(number // 100)]

        def reading() -> None:
            for _ in store.read_many(ids):
                pass

        def parsed() -> float:
            """Reading and parsing take turns, so that the texts of all need not be in memory."""
            seconds = 0.0
            for _, _, raws in store.read_many(ids):
                started = time.process_time()
                for raw in raws:
                    from_json(raw)
                seconds += time.process_time() - started
            return seconds

        to_dataframe((store, ids[:10]))  # what is imported at the first use is no cost of a message
        figures = []
        for _ in range(rounds):
            parse, read = parsed(), cpu_s(reading)
            frame.clear()
            with PeakMemory() as memory:
                took = cpu_s(lambda: frame.append(to_dataframe((store, ids))))
            figures.append((took, read, (parse + parsed()) / 2, memory.megabytes))
    size = frame[0].memory_usage(deep=True).sum() / 1e6
    took, read, parse, _ = (statistics.median(column) for column in zip(*figures, strict=True))
    ratio = statistics.median((took - read) / parse for took, read, parse, _ in figures)
    peak = figures[0][3] / size  # later rounds fill what the first one has left
    print(
        f"{number:,} messages to a frame, median of {rounds}: CPU {took:.2f} s, of that reading {read:.2f} s,"
        f" parsing alone {parse:.2f} s; beyond reading {ratio:.2f} times parsing, in all "
        f"{took / (read + parse):.2f} times reading and parsing; peak {figures[0][3]:.0f} MB, frame "
        f"{size:.0f} MB: {peak:.2f}"
    )
    limits = {"CPU time beyond reading, of parsing": (ratio, 3.0), "peak, of the frame": (peak, 2.0)}
    return [f"{name}: {found:.2f} > {most:.2f}" for name, (found, most) in limits.items() if found > most]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=1, help="no real service is nearer")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--frame", type=int, metavar="N")
    options = parser.parse_args()
    with service(latency_ms=options.latency_ms) as (url, token):
        if options.frame:
            missed = whole_frame(url, token, options.frame, options.rounds)
        else:
            missed = million(url, token) if options.million else frames(url, token, options.rounds)
    for promise in missed:
        print("not kept:", promise)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
