"""What it takes to read in HistoryBrowser: page-downs, unfolds, cut texts, bytes and records read.

    python -m tests.benchmarks.bench_reading [--session airline-46-3] [--pictures FOLDER]

The front end on a blank page over a real HistoryBrowser and the local servers, with the 200 airline
conversations; nothing to do where their file is absent. Ends with status 1 if a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "browser"), str(TESTS / "wire"), str(TESTS)]

from blank_page import mount
from browser_page import Page as Asking
from browser_page import kept_comms
from chrome import Chrome
from conversations import REAL
from langchain_core.messages import AIMessage, HumanMessage
from playwright.sync_api import Page
from real_kernel import RealKernel

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.samples import Conversation, read_conversations
from chatmem_nb.records import encode_all

UNCUT = 4_000
FAILED_CALLS = 73
"""Results among the 1,164 of these conversations that begin with "Error:"; none has a status."""
PROMISES = {
    "cut texts under 4,000 characters": 0,
    "bytes for the first 50 sessions": 80_000,
    "records read to open 2,000 on Momento": 50,
}
FOLDED = """() => {
  const kinds = ["args", "results", "rows", "buttons"];
  const seen = window.seenFolds ??= Object.fromEntries(kinds.map(kind => [kind, new Set()]));
  for (const row of document.querySelectorAll('.feed .msg:not(.waiting)')) {
    const at = row.getAttribute('aria-posinset');
    for (const fold of row.querySelectorAll('details:not([open]) > summary')) {
      const text = fold.textContent;
      const kind = /rguments/.test(text) ? 'args' : /^Result in/.test(text) ? 'results' : 'rows';
      seen[kind].add(at + text);
    }
    for (const go of row.querySelectorAll('button'))
      if (/^Show (all|more)/.test(go.textContent)) seen.buttons.add(at + go.textContent);
  }
  return Object.fromEntries(Object.entries(seen).map(([kind, found]) => [kind, found.size]));
}"""


def airline() -> list[Conversation]:
    return [entry for entry in read_conversations(REAL) if isinstance(entry, Conversation)]


@contextmanager
def shown(chrome: Chrome, browser: HistoryBrowser, **mounting: Any) -> Iterator[Page]:
    width, height = mounting.pop("width", 1_040), mounting.pop("height", 620)
    visit = chrome.visit(viewport={"width": width, "height": height})
    mount(visit.page, RealKernel(browser), **mounting)
    yield visit.page
    visit.close()


def open_session(page: Page, session_id: str) -> None:
    """Open a session by its id, and wait for its last message."""
    box = page.locator(".list input[type=search]")
    box.fill(session_id)
    box.press("Enter")
    page.locator(".title", has_text=session_id).wait_for()
    page.locator(".msg:not(.waiting)").last.wait_for()
    page.wait_for_timeout(800)


def reading(page: Page) -> dict[str, Any]:
    """Read the open session from its start to its end, as someone does who presses Page Down."""
    feed = page.get_by_role("feed")
    feed.press("Home")
    page.wait_for_timeout(500)
    downs = 0
    ended = """box => {
      const last = [...box.querySelectorAll('.msg')].at(-1);
      return last.ariaPosInSet === last.ariaSetSize
        && last.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom + 2;
    }"""
    while not feed.evaluate(ended) and downs < 200:
        page.evaluate(FOLDED)
        feed.focus()
        page.keyboard.press("PageDown")
        downs += 1
        page.wait_for_timeout(350)
    share = page.evaluate(
        "() => document.querySelector('.feed').clientHeight / document.querySelector('.chatmem').clientHeight"
    )
    return {"page-downs": downs, "folded": page.evaluate(FOLDED), "feed": share}


def cut_texts(browser: HistoryBrowser, sessions: list[Conversation]) -> int:
    """Texts of people and of the model that are cut although they are short, over all windows."""
    cut = 0
    asking = Asking(browser)
    for one in sessions:
        at = asking.open(one.session_id)
        total = len(one.records)
        for start in range(0, total, 25):
            rows = asking.ask("window", **at, start=start, stop=min(total, start + 25))["rows"]
            cut += sum(
                1 for row in rows if row["role"] in ("ai", "human") and 0 < (row.get("clipped") or 0) <= UNCUT
            )
        asking.forget()
    return cut


def first_sessions(browser: HistoryBrowser) -> int:
    """Bytes that the service sends for the first 50 rows of the list."""
    asking = Asking(browser)
    page = asking.ask("sessions", start=0, stop=50)
    return int(page["spent"]["bytes_received"])


def records_to_open(chrome: Chrome) -> int:
    """Records that are read when a session of 2,000 messages is opened."""
    with LocalMomento() as server, server.store() as store:
        talk = [HumanMessage(f"line {i}") if i % 2 else AIMessage(f"reply {i}") for i in range(2_000)]
        store.append("long", encode_all(talk))
        read: list[int] = []
        inner = store.aread

        async def counted(session_id: str, start: int = 0, stop: int | None = None) -> list[str]:
            found = await inner(session_id, start, stop)
            read.append(len(found))
            return found

        store.aread = counted  # type: ignore[method-assign]  # counts the reads of this store
        browser = HistoryBrowser(store)
        with shown(chrome, browser) as page:
            page.locator(".session:not(.waiting)").first.click()
            page.locator(".msg:not(.waiting)").last.wait_for()
            page.wait_for_timeout(1_500)
        browser.close()
        return sum(read)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--session", default="airline-46-3")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    if not REAL.is_file():
        print("the airline conversations are absent")
        return 0
    sessions = airline()
    with kept_comms(), LocalUpstash() as server, server.store() as store, Chrome() as chrome:
        for one in sessions:
            store.append(one.session_id, one.records)
        fresh = server.store()
        figures: dict[str, Any] = {"bytes for the first 50 sessions": first_sessions(HistoryBrowser(fresh))}
        browser = HistoryBrowser(store)
        figures["cut texts under 4,000 characters"] = cut_texts(browser, sessions)
        found = browser.find(errors_only=True, everywhere=True)
        figures["failed calls that the errors filter finds"] = len(found)
        with shown(chrome, browser) as page:
            open_session(page, options.session)
            figures |= reading(page)
            if options.pictures:
                page.screenshot(path=options.pictures / "reading.png")
        figures["records read to open 2,000 on Momento"] = records_to_open(chrome)
    print(json.dumps(figures, indent=1))
    broken = [name for name, most in PROMISES.items() if figures[name] > most]
    if figures["failed calls that the errors filter finds"] != FAILED_CALLS:
        broken.append("failed calls")
    if figures["feed"] < 0.75:
        broken.append("feed")
    print("not kept:", broken or "none")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
