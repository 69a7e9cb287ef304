"""The list of sessions, as the page asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import HistoryBrowser
from chatmem_nb.records import encode
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.wire.browser_page import TALK, Page

pytestmark = pytest.mark.usefixtures("comms")


def test_a_session_is_listed_with_its_length_and_first_and_last_line(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    answer = page.ask("sessions")
    [row] = answer["rows"]
    assert (row["session_id"], row["length"]) == ("a", 3)
    assert row["first"] == {"role": "human", "text": "hello you"}
    assert row["last"] == {"role": "human", "text": "漢字 👋"}
    assert (answer["total"], answer["complete"], answer["found"]) == (1, True, 1)
    assert answer["listing_spent"]["requests"] > 0


def test_sessions_come_a_page_at_a_time(page: Page, store: SessionStore) -> None:
    for number in range(12):
        store.append(f"s{number:02}", TALK[:1])
    pages = [page.ask("sessions", sort="id", start=start, stop=start + 5)["rows"] for start in (0, 5, 10)]
    assert [len(rows) for rows in pages] == [5, 5, 2]
    assert [row["session_id"] for rows in pages for row in rows] == [f"s{number:02}" for number in range(12)]


@pytest.mark.parametrize(
    ("query", "found"),
    [("LPH", ["Alpha"]), ("*a", ["Alpha", "beta"]), ("?eta", ["beta"]), ("[", ["[x]"]), ("zz", [])],
)
def test_the_list_is_filtered_by_what_is_typed(
    page: Page, store: SessionStore, query: str, found: list[str]
) -> None:
    for name in ("Alpha", "beta", "[x]"):
        store.append(name, TALK[:1])
    rows = page.ask("sessions", query=query, sort="id")["rows"]
    assert [row["session_id"] for row in rows] == found


def test_the_list_is_sorted_by_length(page: Page, store: SessionStore) -> None:
    for name, count in (("two", 2), ("three", 3), ("one", 1)):
        store.append(name, TALK[:count])
    rows = page.ask("sessions", sort="length", descending=True)["rows"]
    assert [row["session_id"] for row in rows] == ["three", "two", "one"]
    page.ask("sessions", sort="ttl")
    page.ask("sessions", sort="last_write")


def test_the_list_is_sorted_by_last_write_newest_first(page: Page, store: SessionStore) -> None:
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    for days, name in enumerate(("beta", "delta", "alpha", "gamma")):
        store.append(name, [encode(HumanMessage(name), stored_at=begun + timedelta(days=days))])
    store.append("beta", [encode(HumanMessage("again"), stored_at=begun + timedelta(days=9))])
    undated = isinstance(store, UpstashSessionStore)
    if undated:  # Momento's index knows when each session was written
        store.append("undated", ['{"type": "human", "data": {"content": "x", "type": "human"}}'])
    rows = page.ask("sessions", sort="last_write", descending=True)["rows"]
    expected = ["beta", "gamma", "alpha", "delta", *(["undated"] if undated else [])]
    assert [row["session_id"] for row in rows] == expected
    assert [row["last_write"] is None for row in rows] == [name == "undated" for name in expected]


def test_only_the_sessions_asked_for_cost_a_summary(page: Page, store: SessionStore) -> None:
    for number in range(40):
        store.append(f"s{number:02}", TALK)
    page.ask("sessions", start=0, stop=1)

    def received(start: int, stop: int) -> int:
        before = store.commands.bytes_received
        answer = page.ask("sessions", start=start, stop=stop, of="s07")
        assert (len(answer["rows"]), answer["found"]) == (stop - start, 40)
        assert answer["at"] is not None
        return store.commands.bytes_received - before

    few, many = received(1, 9), received(9, 39)
    assert received(1, 39) == 0  # they are known
    assert 2 * few < many < 5 * few


def test_the_place_of_a_session_is_found_for_one_more_request_at_most(
    page: Page, store: SessionStore
) -> None:
    for number in range(200):
        store.append(f"s{number:03}", TALK[:1])
    listed = [row["session_id"] for row in page.ask("sessions", start=0, stop=200)["rows"]]
    page.ask("sessions", start=0, stop=8, refresh=True)
    before = store.commands.billed
    at = page.ask("sessions", start=0, stop=8, of=listed[-1])
    assert at["at"] == 199
    assert store.commands.billed - before <= (1 if isinstance(store, UpstashSessionStore) else 200)
    assert page.ask("sessions", start=0, stop=8, query="no such id", of=listed[-1])["at"] is None


def test_a_session_that_was_appended_here_is_listed_at_once(page: Page) -> None:
    assert page.ask("sessions")["rows"] == []
    page.ask("append", session_id="new", role="human", content="hi")
    [row] = page.ask("sessions")["rows"]
    assert (row["session_id"], row["length"]) == ("new", 1)


def test_a_service_that_has_a_ttl_tells_it(server: Any) -> None:
    with server.store(key_prefix="ttl:", ttl=timedelta(hours=1)) as store:
        store.append("a", TALK)
        browser = HistoryBrowser(store)
        page = Page(browser)
        assert 3_500 < page.ask("open", session_id="a")["ttl_s"] <= 3_600
        assert 3_500 < page.ask("sessions")["rows"][0]["ttl_s"] <= 3_600
        browser.close()
