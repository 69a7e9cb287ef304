"""How soon HistoryBrowser paints in JupyterLab, and what it sends: long against short.

    python -m tests.benchmarks.bench_browser [--rounds 9] [--messages 1000000] [--sessions 10000]

One JupyterLab and one Chromium; the long and the short are measured in turn. Ends with status 1 if a promise
is not kept: first paint of 1,000,000 messages within 1.3 times that of 100, at most 60 kB over the websocket
to open a session and 60 kB a jump, first page of 10,000 sessions within 1.5 times that of 100, and a
front-end file of at most 60 kB.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))  # the driver of the browser tests

from chrome import Chrome, Visit
from jupyter_hosts import Server, open_notebook, run_cell, write_notebook

import chatmem_nb
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all
from tests.benchmarks.upstash_service import talk
from tests.redis_server import redis_server

PAINT, LISTED, BYTES, FILE = 1.3, 1.5, 60_000, 60_000
SHORT, FEW = 100, 100
FRONT_END = Path(chatmem_nb.__file__).parent / "widgets" / "static" / "browser.js"
# Milliseconds from a click until what is `painted` has stood through one frame.
TIMED = """async ([cell, what, name, total]) => {
  const root = document.querySelectorAll('.chatmem')[cell];
  const frame = () => new Promise(requestAnimationFrame);
  const rows = () => [...root.querySelectorAll('.session:not(.waiting)')];
  const painted = {
    open: () => root.querySelector('.title').textContent === name
      && root.querySelector(`.msg:not(.waiting)[aria-posinset='${total}']`),
    list: () => !root.querySelector('.skeletons') && root.querySelector('.session:not(.waiting)'),
  }[what];
  const start = performance.now();
  if (what === 'open') rows().find(row => row.textContent.startsWith(name)).click();
  else root.querySelector('[aria-label="Refresh"]').click();
  do await frame(); while (!painted());
  await frame();
  return performance.now() - start;
}"""


def fill(url: str, lists: dict[str, int]) -> None:
    """Store sessions of so many messages each, newest first, as the store does; the texts repeat."""
    piece = encode_all(talk(1_000))
    with redis.Redis.from_url(url) as client:
        for name, length in lists.items():
            for start in range(0, length, 1_000):
                client.lpush(f"message_store:{name}", *piece[: min(1_000, length - start)])


@contextmanager
def services(messages: int, sessions: int) -> Iterator[list[LocalUpstash]]:
    """Three services: one with a long and a short session, one with few sessions, one with many."""
    with TemporaryDirectory() as folder, redis_server(Path(folder)) as url, ExitStack() as open_ones:
        filled = [
            {"short": SHORT, "long": messages},
            {f"talk {i:05}": 3 for i in range(FEW)},
            {f"talk {i:05}": 3 for i in range(sessions)},
        ]
        urls = [f"{url}?db={number}" for number in range(3)]
        for place, lists in zip(urls, filled, strict=True):
            fill(place, lists)
        yield [open_ones.enter_context(LocalUpstash(redis_url=place)) for place in urls]


def shown(visit: Visit, server: Server, upstash: list[LocalUpstash]) -> None:
    """A notebook with a browser over each service."""
    cells = [
        "from chatmem_nb import HistoryBrowser, UpstashSessionStore\n"
        f"HistoryBrowser(UpstashSessionStore({one.url!r}, {one.token!r}))"
        for one in upstash
    ]
    name = write_notebook(server.folder / "bench.ipynb", *cells).name
    open_notebook(visit, server, name)
    for index in range(len(cells)):
        run_cell(visit, index)
        visit.browser.nth(index).locator(".session:not(.waiting)").first.wait_for()


def timed(visit: Visit, cell: int, what: str, name: str = "", total: int = 0) -> float:
    milliseconds = visit.page.evaluate(TIMED, [cell, what, name, total])
    visit.page.wait_for_timeout(300)  # statistics and the like come after the paint
    return float(milliseconds)


def in_turn(rounds: int, one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of two measures that take turns."""
    pairs = [(one(), other()) for _ in range(rounds + 1)][1:]
    return statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs)


def kept(what: str, ratio: float, promise: float, figures: str) -> bool:
    print(f"{what:34} {figures}  ({ratio:.2f} of {promise:g})")
    return ratio <= promise


def paints(visit: Visit, rounds: int, messages: int, sessions: int) -> bool:
    """First paints of sessions and of lists, long against short."""
    short, long = in_turn(
        rounds,
        lambda: timed(visit, 0, "open", "short", SHORT),
        lambda: timed(visit, 0, "open", "long", messages),
    )
    few, many = in_turn(rounds, lambda: timed(visit, 1, "list"), lambda: timed(visit, 2, "list"))
    opened = f"{SHORT} messages {short:6.1f} ms, {messages:,} {long:6.1f} ms"
    listed = f"{FEW} sessions {few:6.1f} ms, {sessions:,} {many:6.1f} ms"
    return all(
        [kept("session opened", long / short, PAINT, opened), kept("list", many / few, LISTED, listed)]
    )


def sends(visit: Visit, messages: int) -> bool:
    """Bytes over the websocket to open a session and to jump inside it."""
    promises = []
    for name, total in (("short", SHORT), ("long", messages)):
        before = visit.received
        timed(visit, 0, "open", name, total)
        spent = visit.received - before
        promises.append(kept(f"bytes to open {name}", spent / BYTES, 1, f"{spent:,} bytes"))
    browser = visit.browser.first
    for number in (messages // 2, 1, messages // 3):
        before = visit.received
        browser.get_by_role("button", name="Session tools").click()
        browser.get_by_role("menuitem", name="Go to").click()
        visit.page.get_by_label("1200 or 2026-01-31").fill(str(number))
        visit.page.keyboard.press("Enter")
        browser.locator(f".msg:not(.waiting)[aria-posinset='{number}']").wait_for()
        visit.page.wait_for_timeout(400)
        spent = visit.received - before
        promises.append(kept(f"bytes to jump to {number:,}", spent / BYTES, 1, f"{spent:,} bytes"))
    return all(promises)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    options = parser.parse_args()
    size = FRONT_END.stat().st_size
    promises = [kept("front-end file", size / FILE, 1, f"{size:,} bytes")]
    with (
        services(options.messages, options.sessions) as upstash,
        TemporaryDirectory() as folder,
        Server(Path(folder)) as server,
        Chrome() as chrome,
    ):
        visit = chrome.visit(viewport={"width": 1280, "height": 1000})
        shown(visit, server, upstash)
        promises += [
            paints(visit, options.rounds, options.messages, options.sessions),
            sends(visit, options.messages),
        ]
    return int(not all(promises))


if __name__ == "__main__":
    sys.exit(main())
