"""What hostile messages and responses cost at most: seconds of rendering, megabytes of memory.

    python -m tests.benchmarks.bench_hostile

CPU time of the thread, so that other work on the machine does not count; memory is the growth of the peak of
a process of its own.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalUpstash
from chatmem_nb.markdown import to_html
from chatmem_nb.widgets.rows import rows_of
from tests.odd_server import answers, odd_server
from tests.unit.code_snippets import SNIPPETS
from tests.unit.markdown_payloads import HOSTILE, SLOW
from tests.unit.test_json_text import deep_and_wide, records
from tests.wire.browser_page import Page, kept_comms
from tests.wire.test_upstash_store_limits import LIMIT, bomb
from tests.wire.test_upstash_store_limits import grown_mb as grown_by_reading_mb

_LENGTH = 20_000
_JSON_BYTES = 2_000_000


def texts() -> Iterator[tuple[str, str]]:
    """Yield (name, message of 20,000 characters): made to be slow, hostile, or code in each language."""
    for name, text in SLOW.items():
        yield name, text[:_LENGTH]
    for payload in HOSTILE:
        yield payload[:30], (payload + "\n\n") * (_LENGTH // (len(payload) + 2))
    for language, code in SNIPPETS.items():
        block = f"```{language}\n{code}\n```\n\n"
        yield f"blocks of {language}", (block * (_LENGTH // len(block) + 1))[:_LENGTH]


def slowest(works: Iterator[tuple[str, Callable[[], object]]]) -> tuple[float, str]:
    found = []
    for name, work in works:
        started = time.thread_time()
        work()
        found.append((time.thread_time() - started, name))
    return max(found)


def opened_s() -> tuple[float, str]:
    """Return how long a browser takes to open the session of 2 MB of JSON, in the worst place for it."""
    found = []
    with LocalUpstash() as server, server.store(timeout_s=60.0) as store, kept_comms():
        for place, record in records(deep_and_wide(_JSON_BYTES)).items():
            store.append(place, [record.raw])
        browser = HistoryBrowser(store)
        page = Page(browser)
        for place in store.session_ids():
            started = time.monotonic()
            at = page.open(place)
            page.ask("window", **at, start=0, stop=25)
            found.append((time.monotonic() - started, place))
        browser.close()
    return max(found)


_GROWTH = """
import sys
from tests.benchmarks.bench_hostile import render_all
from tests.peak_memory import peak_mb
before = peak_mb()
render_all(sys.argv[1])
print(peak_mb() - before)
"""


def render_all(what: str) -> None:
    """Render every message of 20,000 characters, or every record with 2 MB of JSON."""
    if what == "messages":
        for _, text in texts():
            to_html(text)
    else:
        for record in records(deep_and_wide(_JSON_BYTES)).values():
            rows_of([record])


def grown_mb(what: str) -> int:
    command = [sys.executable, "-c", _GROWTH, what]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def responses_mb() -> Iterator[tuple[str, int]]:
    """Yield the growth while a response of 600 MB is read that is compressed once, then three times."""
    body = bomb(600)
    thrice = gzip.compress(gzip.compress(body))
    for encoding, sent, error in (
        ("gzip", body, f"larger than {LIMIT:,} bytes"),
        ("gzip, gzip, gzip", thrice, "compressed more than once"),
    ):
        with odd_server(answers("200 OK", sent, extra=f"Content-Encoding: {encoding}\r\n")) as url:
            yield f"response in {encoding}, {len(sent):,} bytes", grown_by_reading_mb("sync", url, error)


def main() -> None:
    seconds, name = slowest((name, partial(to_html, text)) for name, text in texts())
    print(f"slowest message of {_LENGTH:,} characters  {seconds:6.2f} s   {name!r}", flush=True)
    seconds, name = opened_s()
    print(f"session with {_JSON_BYTES:,} bytes of JSON   {seconds:6.2f} s   {name!r}", flush=True)
    print(f"memory of all those messages         {grown_mb('messages'):6} MB", flush=True)
    print(f"memory of all those records          {grown_mb('records'):6} MB", flush=True)
    for name, grown in responses_mb():
        print(f"memory of a response                 {grown:6} MB  {name}", flush=True)


if __name__ == "__main__":
    main()
