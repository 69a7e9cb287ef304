"""A JSONL file of 1 GB as sessions: its index against counting its lines, the first paint, and memory.

python -m tests.benchmarks.bench_file [MEGABYTES]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatmem_nb import FileSource, HistoryBrowser
from chatmem_nb.local import LocalUpstash
from tests.peak_memory import peak_mb
from tests.wire.browser_page import Page, kept_comms

ROUNDS = 3
MESSAGES = 20
SHOWN = "session-000007"


def lines_of(number: int) -> list[str]:
    """A session as `export` writes it, its messages of 100 to 2,000 characters."""
    lines = []
    for index in range(MESSAGES):
        kind = "human" if index % 2 == 0 else "ai"
        text = f"message {index} of talk {number} " * (5 + (number * 7 + index * 13) % 70)
        data = {"content": text, "additional_kwargs": {}, "response_metadata": {}, "type": kind}
        record = {"type": kind, "data": data, "record_id": f"{number:016x}{index:016x}"}
        beside = {"session_id": f"session-{number:06}", "index": index}
        lines.append(json.dumps({**beside, **record}) + "\n")
    return lines


def write_file(path: Path, megabytes: int) -> tuple[int, int]:
    """Write sessions until the file is that large; return how many, and how many records."""
    number = 0
    with path.open("w") as file:
        while file.tell() < megabytes * 1_000_000:
            for _ in range(100):
                file.writelines(lines_of(number))
                number += 1
    return number, number * MESSAGES


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds that `call` takes in this process, which others on the machine do not change."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def counted(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def first_paint(source: Any) -> float:
    """Return the seconds until the page has the list of sessions and the newest messages of one."""
    browser = HistoryBrowser(source)
    page = Page(browser)
    start = time.perf_counter()
    page.ask("hello")
    page.ask("sessions")
    page.ask("open", session_id=SHOWN)
    seconds = time.perf_counter() - start
    browser.close()
    return seconds


def memory_of_index(path: Path) -> float:
    """Return the megabytes by which the peak of a process grows while it builds the index."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_file", "--memory", str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report_memory(path: Path) -> None:
    source = FileSource(path)
    before = peak_mb()
    source.length(SHOWN)
    print(peak_mb() - before)


def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder, "talks.jsonl"), Path(folder, "talks.index")
        n_sessions, n_records = write_file(path, megabytes)
        print(f"{path.stat().st_size / 1e6:,.0f} MB, {n_records:,} records in {n_sessions:,} sessions")
        ratios = []
        for _ in range(ROUNDS):
            counting_s, _ = timed(lambda: counted(path))
            indexing_s, _ = timed(lambda: FileSource(path).length(SHOWN))
            ratios.append(counting_s / indexing_s)
            print(f"counting {counting_s:.2f} s, index {indexing_s:.2f} s: {ratios[-1]:.2f} of its speed")
        print(f"median {sorted(ratios)[ROUNDS // 2]:.2f}")
        print(f"memory of the index: {memory_of_index(path):.1f} MB")
        indexing_s, _ = timed(lambda: FileSource(path, index=kept).length(SHOWN))
        loading_s, _ = timed(lambda: FileSource(path, index=kept).length(SHOWN))
        size = kept.stat().st_size / 1e6
        print(f"built and written {indexing_s:.2f} s; read again {loading_s:.2f} s; {size:.1f} MB")
        with kept_comms(), LocalUpstash() as server, server.store() as store:
            source = FileSource(path, index=kept)
            source.length(SHOWN)
            for number in range(200):
                store.append(
                    f"session-{number:06}", [json.dumps(record_of(line)) for line in lines_of(number)]
                )
            pairs = [(first_paint(source), first_paint(store)) for _ in range(9)]
        of_file, of_store = (sorted(times)[4] for times in zip(*pairs, strict=True))
        print(f"first paint: file {of_file * 1e3:.0f} ms, store of 200 sessions {of_store * 1e3:.0f} ms")


def record_of(line: str) -> dict[str, Any]:
    value = json.loads(line)
    return {name: value[name] for name in ("type", "data", "record_id")}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        report_memory(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
