"""The kernel side of HistoryBrowser, driven as its page drives it, over both services."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import HistoryBrowser
from chatmem_nb.histories import StoreHistory
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.stores.upstash import UpstashSessionStore
from chatmem_nb.widgets import follow
from tests.odd_server import answers, odd_server
from tests.waiting import until
from tests.wire.browser_page import TALK, Page, Refused, store_long

pytestmark = pytest.mark.usefixtures("comms")


def test_hello_says_what_is_there(page: Page, store: SessionStore) -> None:
    hello = page.ask("hello")
    assert hello["connected"] is True
    assert hello["service"] == store.service
    assert hello["target"]
    assert (hello["session"], hello["undo"]) == ("", None)
    assert hello["may"] == {"connect": False, "write": True, "variables": True, "files": True}


def test_a_history_is_opened_at_its_session_though_it_is_empty(store: SessionStore) -> None:
    browser = HistoryBrowser(StoreHistory(store, "new one"))
    page = Page(browser)
    assert page.ask("hello")["session"] == browser.session_id == browser.session == "new one"
    assert page.ask("open", session_id="new one") | {"spent": 0} == {
        "session_id": "new one",
        "epoch": 1,
        "total": 0,
        "exists": False,
        "ttl_s": None,
        "spent": 0,
    }
    browser.close()


def test_making_a_browser_asks_the_service_nothing(store: SessionStore) -> None:
    before = store.commands.requests
    HistoryBrowser(store).close()
    assert store.commands.requests == before


def test_a_session_that_is_not_there_is_not_opened_unless_it_is_new(page: Page) -> None:
    assert page.ask("open", session_id="nobody")["exists"] is False
    assert page.ask("hello")["session"] == ""
    opened = page.ask("open", session_id="nobody", create=True)
    assert (opened["exists"], opened["total"]) == (False, 0)
    assert page.ask("hello")["session"] == "nobody"


def test_windows_of_a_session_left_are_stale(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    store.append("b", TALK)
    left = page.open("a")
    page.open("b")
    assert page.refused("window", **left, start=0, stop=5).type == "stale"
    back = page.open("a")
    assert back["epoch"] != left["epoch"]


def test_of_two_sessions_opened_at_once_the_later_one_stays(page: Page, store: SessionStore) -> None:
    for name in "abcdefgh":
        store.append(name, TALK)
    rids = [page.start("open", session_id=name) for name in "abcdefgh"]
    last = page.reply(rids[-1])
    assert page.ask("hello")["session"] == "h"
    assert page.ask("window", session_id="h", epoch=last["epoch"], start=0, stop=5)["rows"]


def test_an_append_grows_the_session_and_keeps_what_was_counted(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.open("a")
    answer = page.ask("append", session_id="a", role="ai", content="an *answer*")
    assert (answer["index"], answer["total"]) == (3, 4)
    event = page.event(event="changed", what="session", total=4)
    assert (event["session"], event["epoch"]) == ("a", at["epoch"])
    [row] = page.ask("window", **at, start=3, stop=4)["rows"]
    assert (row["role"], row["html"]) == ("ai", "<p>an <em>answer</em></p>\n")
    assert row["stored_at"]


def test_what_shrank_elsewhere_is_opened_anew(page: Page, store: SessionStore) -> None:
    store_long(store, 60)
    at = page.open("long")
    store.delete("long")
    store.append("long", TALK)
    assert page.refused("window", **at, start=30, stop=55).type == "stale"
    event = page.event(event="changed", what="session", total=3)
    assert event["epoch"] != at["epoch"]


def test_two_views_take_their_own_replies_and_see_the_same(
    browser: HistoryBrowser, store: SessionStore
) -> None:
    store.append("a", TALK)
    one, two = Page(browser, "one"), Page(browser, "two")
    first = one.open("a")
    two.send({"rid": 7, "view": "two", "method": "hello", "params": {}})
    one.send({"rid": 7, "view": "one", "method": "window", "params": {**first, "start": 0, "stop": 1}})
    assert "clients" in two.reply(7)
    assert "rows" in one.reply(7)
    assert two.open("a") == first


def test_two_browsers_on_one_session_see_each_other(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "POLL_INTERVAL_S", 0.02)
    one, two = HistoryBrowser(store), HistoryBrowser(store)
    first, second = Page(one), Page(two)
    first.ask("append", session_id="a", role="human", content="from one")
    second.open("a")
    second.ask("follow", session_id="a", on=True, visible=True)
    first.ask("append", session_id="a", role="human", content="again")
    assert second.event(event="changed", what="session", total=2)["session"] == "a"
    second.ask("follow", session_id="a", on=False, visible=True)
    one.close()
    two.close()


@pytest.mark.parametrize("ending", ["turned off", "hidden", "silent"])
def test_following_costs_one_request_a_poll_and_ends_when_nobody_looks(
    page: Page, store: SessionStore, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    store.append("a", TALK)
    page.open("a")
    polls, sleep = 0, asyncio.sleep

    async def counted(delay_s: float) -> None:
        nonlocal polls
        polls += delay_s == follow.POLL_INTERVAL_S
        await sleep(delay_s)

    monkeypatch.setattr(follow, "POLL_INTERVAL_S", 0.0213)  # no other pause is so long
    monkeypatch.setattr(asyncio, "sleep", counted)
    before = store.commands.requests
    page.ask("follow", session_id="a", on=True, visible=True)
    until(lambda: store.commands.requests >= before + 5)
    if ending == "silent":
        monkeypatch.setattr(follow, "VIEW_TIMEOUT_S", 0.0)  # a tab that was closed says nothing more
    else:
        page.ask("follow", session_id="a", on=ending == "hidden", visible=False)
    task = page.browser._methods.follow._task
    assert task is not None
    until(task.done)
    assert polls - 1 <= store.commands.requests - before <= polls  # the last poll may find nobody


def test_a_request_that_is_cancelled_at_once_still_gets_a_response(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    rids = [page.start("find", scope="all", text="x") for _ in range(20)]
    for rid in rids:
        page.start("cancel", rid=rid)
    for rid in rids:
        with contextlib.suppress(Refused):
            page.reply(rid)


def test_no_words_of_a_chat_are_in_the_state_of_the_widget(
    browser: HistoryBrowser, page: Page, store: SessionStore
) -> None:
    store.append("a", encode_all([HumanMessage("very private words")]))
    page.rows("a")
    page.ask("find", scope="session", session_id="a", text="private")
    bundle = browser._repr_mimebundle_()
    assert bundle is not None
    for text in (json.dumps(browser.get_state()), repr(browser), json.dumps(bundle[0])):
        assert "private" not in text
    assert "1 message" in bundle[0]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle[0]


def test_hostile_names_stay_text_in_the_summary(store: SessionStore) -> None:
    browser = HistoryBrowser(StoreHistory(store, "<img src=x onerror=alert(1)>"))
    bundle = browser._repr_mimebundle_()
    assert bundle is not None
    assert "<img" not in bundle[0]["text/html"]
    browser.close()


def test_a_closed_browser_sends_no_responses_and_closing_is_idempotent(store: SessionStore) -> None:
    browser = HistoryBrowser(store)
    page = Page(browser)
    page.ask("hello")
    browser.close()
    browser.close()
    page.forget()
    page.comm.handle_msg(
        {
            "content": {"data": {"method": "custom", "content": {"rid": 1, "view": "v", "method": "hello"}}},
            "buffers": [],
        }
    )
    assert not [data for data, _ in page.comm.sent if "content" in data]
    assert store.length("a") == 0  # a store that was given stays open


def test_observers_of_the_session_may_use_the_browser(
    browser: HistoryBrowser, page: Page, store: SessionStore
) -> None:
    store.append("a", TALK)
    seen = threading.Event()

    def look(change: dict[str, Any]) -> None:
        if len(browser.find("hello")) == 1 and len(browser.to_dataframe()) == 3:
            seen.set()

    browser.observe(look, names="session")
    page.open("a")
    assert seen.wait(20)
    browser.unobserve(look, names="session")


def test_control_characters_of_a_server_are_shown_as_escapes(comms: None) -> None:
    said = "inner\u001b[2Jwords\r\nAll is well\u202egnirts \u0000\u200b\u2028\u0085 \U000e0041"
    body = json.dumps({"error": f"ERR {said}"}).encode()
    with odd_server(answers("400 Bad Request", body)) as url, UpstashSessionStore(url, "token") as store:
        browser = HistoryBrowser(store)
        error = Page(browser).refused("open", session_id="a")
        browser.close()
    escaped = r"inner\x1b[2Jwords\x0d\x0aAll is well\u202egnirts \x00\u200b\u2028\x85 \U000e0041"
    assert escaped in error.message
    assert error.message.isprintable()
