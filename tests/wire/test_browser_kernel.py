"""The kernel side of HistoryBrowser, driven as its page drives it, over both services."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb import HistoryBrowser, InvalidInputError
from chatmem_nb.histories import StoreHistory
from chatmem_nb.records import encode, encode_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.stores.upstash import UpstashSessionStore
from chatmem_nb.widgets import follow
from tests.odd_server import answers, odd_server
from tests.waiting import until
from tests.wire.browser_page import Page, Refused, kept_comms

# What is refused before anything is sent does not depend on the service.
ONE_SERVICE = pytest.mark.parametrize("server", ["upstash"], indirect=True)

TALK = encode_all([HumanMessage("hello *you*"), AIMessage("hi", id="a1"), HumanMessage("漢字 👋")])


@pytest.fixture(autouse=True)
def comms() -> Iterator[None]:
    with kept_comms():
        yield


@pytest.fixture
def browser(store: SessionStore) -> Iterator[HistoryBrowser]:
    browser = HistoryBrowser(store)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: HistoryBrowser) -> Page:
    return Page(browser)


def long(store: SessionStore, count: int = 300, session_id: str = "long") -> None:
    store.append(session_id, [encode(HumanMessage(f"message {index}")) for index in range(count)])


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


def test_a_session_that_was_appended_here_is_listed_at_once(page: Page) -> None:
    assert page.ask("sessions")["rows"] == []
    page.ask("append", session_id="new", role="human", content="hi")
    [row] = page.ask("sessions")["rows"]
    assert (row["session_id"], row["length"]) == ("new", 1)


def test_a_window_holds_the_rows_that_were_asked_for(page: Page, store: SessionStore) -> None:
    long(store)
    at = page.open("long")
    answer = page.ask("window", **at, start=250, stop=275)
    assert (answer["start"], answer["total"]) == (250, 300)
    assert [row["index"] for row in answer["rows"]] == list(range(250, 275))
    assert answer["rows"][0]["html"] == "<p>message 250</p>\n"
    assert len(page.ask("window", **at, start=0, stop=10**6)["rows"]) == 200
    assert page.ask("window", **at, start=299, stop=400)["rows"][0]["index"] == 299
    assert page.ask("window", **at, start=10**9, stop=10**9 + 5)["rows"] == []


def test_a_window_stays_small_though_its_messages_are_long(page: Page, store: SessionStore) -> None:
    store.append("wide", [encode(HumanMessage("**many** words " * 2_000)) for _ in range(25)])
    rows = page.rows("wide")
    assert len(json.dumps(rows)) < 25 * 4_000 * 2
    assert all(row["clipped"] == 30_000 for row in rows)


def test_one_long_message_is_clipped_and_read_on_in_parts(page: Page, store: SessionStore) -> None:
    text = "0123456789" * 10_000
    store.append("a", [encode(HumanMessage(text))])
    at = page.open("a")
    [row] = page.ask("window", **at, start=0, stop=1)["rows"]
    assert row["clipped"] == len(text)
    assert len(row["html"]) < 20_000
    full = page.ask("full", **at, index=0, identity=row["identity"], offset=50_000)
    assert full["text"] == text[50_000:]
    assert full["next"] is None


def test_a_whole_message_is_rendered_when_asked_for(page: Page, store: SessionStore) -> None:
    store.append("a", [encode(AIMessage("*x* " * 5_000))])
    assert page.ask("full", **page.message("a", 0), offset=0)["html"].count("<em>") == 5_000


def test_the_raw_record_is_as_it_is_stored(page: Page, store: SessionStore) -> None:
    store.append("a", ['{"type": "human",  "data": {"content": "x", "n": 12345678901234567890123}}'])
    raw = page.ask("raw", **page.message("a", 0))
    assert raw["raw"] == store.read("a")[0]
    assert '"n": 12345678901234567890123' in raw["pretty"]


def test_a_broken_record_keeps_its_place(page: Page, store: SessionStore) -> None:
    store.append("a", [TALK[0], "{broken <b>", TALK[1]])
    rows = page.rows("a")
    assert ["error" not in row for row in rows] == [True, False, True]
    assert rows[1]["raw"] == "{broken <b>"
    assert rows[1]["role"] == "other"


def test_a_call_finds_its_result_outside_of_the_window(page: Page, store: SessionStore) -> None:
    call = AIMessage("", tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "c1"}])
    answer = ToolMessage("blue", tool_call_id="c1", name="look")
    store.append("a", encode_all([HumanMessage("?"), call, answer, AIMessage("It is blue.")]))
    at = page.open("a")
    [row] = page.ask("window", **at, start=1, stop=2)["rows"]
    [shown] = row["tool_calls"]
    assert shown == {"name": "look", "line": 'at="sky"', "result": {"index": 2, "text": "blue"}}
    [row] = page.ask("window", **at, start=2, stop=3)["rows"]
    assert row["answers"] == {"name": "look", "index": 1}


def test_a_window_without_calls_costs_one_request(page: Page, store: SessionStore) -> None:
    long(store, 100)
    at = page.open("long")
    before = store.commands.requests
    page.ask("window", **at, start=20, stop=45)
    assert store.commands.requests == before + 1


def test_many_calls_of_one_message_are_paged(page: Page, store: SessionStore) -> None:
    calls = [{"name": f"t{number}", "args": {"n": number}, "id": f"c{number}"} for number in range(1_000)]
    results = [ToolMessage(f"r{number}", tool_call_id=f"c{number}") for number in range(100)]
    store.append("a", encode_all([AIMessage("", tool_calls=calls), *results]))
    at = page.open("a")
    [row] = page.ask("window", **at, start=0, stop=1)["rows"]
    assert row["tool_calls_total"] == 1_000
    assert len(row["tool_calls"]) <= 20
    assert len(json.dumps(row)) < 25_000
    more = page.ask("calls", **page.message("a", 0), start=40, stop=60)
    assert [call["name"] for call in more["tool_calls"]] == [f"t{number}" for number in range(40, 60)]
    assert more["tool_calls"][0]["result"]["text"] == "r40"
    assert more["total"] == 1_000


def test_messages_are_copied_as_text_markdown_and_json(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.open("a")
    rows = page.ask("window", **at, start=0, stop=3)["rows"]

    def copied(*indexes: int, form: str) -> str:
        identities = [rows[index]["identity"] for index in indexes]
        return str(page.ask("copy", **at, indexes=list(indexes), identities=identities, format=form)["text"])

    assert copied(0, 2, form="text") == "hello *you*\n\n漢字 👋"
    assert copied(1, form="markdown") == "**AI**\n\nhi"
    assert json.loads(copied(0, 1, form="json")) == [json.loads(raw) for raw in TALK[:2]]
    wrong = page.refused("copy", **at, indexes=[0, 1], identities=["x"], format="text")
    assert (wrong.type, wrong.field) == ("invalid", "identities")


def test_the_copy_of_a_tool_call_is_its_name_and_arguments(page: Page, store: SessionStore) -> None:
    calls = [{"name": "search", "args": {"origin": "SFO", "long": "x" * 900}, "id": "c1"}]
    store.append("a", encode_all([AIMessage("", tool_calls=calls), AIMessage("Wait.", tool_calls=calls)]))
    at = page.open("a")
    rows = page.ask("window", **at, start=0, stop=2)["rows"]

    def copied(index: int) -> str:
        identities = [rows[index]["identity"]]
        return str(page.ask("copy", **at, indexes=[index], identities=identities, format="text")["text"])

    line = f'search(origin="SFO", long="{"x" * 900}")'
    assert copied(0) == line
    assert copied(1) == f"Wait.\n{line}"


def test_failed_calls_are_counted_and_found(page: Page, store: SessionStore) -> None:
    def call(number: int, text: str, status: str = "success") -> list[BaseMessage]:
        asks = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": f"c{number}"}])
        return [asks, ToolMessage(text, tool_call_id=f"c{number}", status=status)]

    talk = [*call(0, "fine"), *call(1, "Error: no seat"), *call(2, "declined", "error"), *call(3, "")]
    store.append("a", encode_all([HumanMessage("?"), *talk]))
    at = page.open("a")
    assert page.ask("stats", **at)["failed"] == [4, 6]
    found = page.ask("find", scope="session", session_id="a", errors_only=True)["hits"]
    assert [hit["index"] for hit in found] == [4, 6]


def test_a_window_of_a_whole_session_brings_its_figures(page: Page, store: SessionStore) -> None:
    store.append("a", TALK)
    at = page.open("a")
    before = store.commands.requests
    answer = page.ask("window", **at, start=0, stop=50)
    assert answer["stats"]["messages"] == len(TALK)
    assert answer["stats"]["facts"]["Turns"] == "2"
    assert store.commands.requests == before + 1
    assert "stats" not in page.ask("window", **at, start=1, stop=50)


def test_a_date_is_found(page: Page, store: SessionStore) -> None:
    stamps = [f"2026-01-{day:02}T12:00:00+00:00" for day in range(1, 21)]
    undated = '{"type": "human", "data": {"content": "old"}}'
    records = [
        json.dumps({"type": "human", "data": {"content": "x"}, "stored_at": stamp}) for stamp in stamps
    ]
    store.append("a", [undated, undated, *records])
    at = page.open("a")
    found = page.ask("locate", **at, date="2026-01-05")
    assert (found["index"], found["identity"]) == (6, page.message("a", 6)["identity"])
    assert page.ask("locate", **at, date="2020-01-01T00:00:00Z")["index"] == 2
    assert page.ask("locate", **at, date="2030-01-01")["index"] == 21
    assert page.refused("locate", **at, date="yesterday").field == "date"
    store.append("b", [undated])
    assert "stored" in page.refused("locate", **page.open("b"), date="2026-01-05").message


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
    long(store, 60)
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
    monkeypatch.setattr(follow, "TICK_S", 0.02)
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
def test_following_costs_one_request_a_tick_and_ends_when_nobody_looks(
    page: Page, store: SessionStore, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    store.append("a", TALK)
    page.open("a")
    ticks, sleep = 0, asyncio.sleep

    async def counted(delay_s: float) -> None:
        nonlocal ticks
        ticks += delay_s == follow.TICK_S
        await sleep(delay_s)

    monkeypatch.setattr(follow, "TICK_S", 0.0213)  # no other pause is so long
    monkeypatch.setattr(asyncio, "sleep", counted)
    before = store.commands.requests
    page.ask("follow", session_id="a", on=True, visible=True)
    until(lambda: store.commands.requests >= before + 5)
    if ending == "silent":
        monkeypatch.setattr(follow, "LEASE_S", 0.0)  # a tab that was closed says nothing more
    else:
        page.ask("follow", session_id="a", on=ending == "hidden", visible=False)
    task = page.browser._methods.follow._task
    assert task is not None
    until(task.done)
    assert ticks - 1 <= store.commands.requests - before <= ticks  # the last tick may find nobody


def test_a_service_that_has_a_ttl_tells_it(server: Any) -> None:
    with server.store(key_prefix="ttl:", ttl=timedelta(hours=1)) as store:
        store.append("a", TALK)
        browser = HistoryBrowser(store)
        page = Page(browser)
        assert 3_500 < page.ask("open", session_id="a")["ttl_s"] <= 3_600
        assert 3_500 < page.ask("sessions")["rows"][0]["ttl_s"] <= 3_600
        browser.close()


@ONE_SERVICE
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"session_id": 5, "epoch": 1, "start": 0, "stop": 5},
        {"session_id": "", "epoch": 1, "start": 0, "stop": 5},
        {"session_id": "a", "epoch": "1", "start": 0, "stop": 5},
        {"session_id": "a", "epoch": True, "start": 0, "stop": 5},
        {"session_id": "a", "epoch": 1, "start": -1, "stop": 5},
        {"session_id": "a", "epoch": 1, "start": 0.5, "stop": 5},
        {"session_id": "a", "epoch": 1, "start": 0, "stop": 10**30},
        {"session_id": "\ud800", "epoch": 1, "start": 0, "stop": 5},
        {"session_id": "a" * 200_000, "epoch": 1, "start": 0, "stop": 5},
        {"session_id": ["a"], "epoch": None, "start": {}, "stop": []},
    ],
)
def test_a_window_asked_for_wrongly_is_refused_in_words(
    page: Page, store: SessionStore, params: dict[str, Any]
) -> None:
    store.append("a", TALK)
    page.open("a")
    error = page.refused("window", **params)
    assert error.type in ("invalid", "too_large")
    assert error.message


def test_every_method_survives_every_wrong_kind_of_parameter(
    page: Page, browser: HistoryBrowser, store: SessionStore
) -> None:
    store.append("a", TALK)
    page.open("a")
    names = "session_id session_ids epoch start stop index indexes offset text query sort format scope role"
    as_they_are_told = {"connect", "disconnect", "clear", "undo"}
    told = set()
    for method in browser._methods._table.keys() - as_they_are_told:
        for value in (None, 5, -1, 1.5, True, "x", [], ["x"], [5], {}, {"a": 1}, "\ud800"):
            rid = page.start(method, **dict.fromkeys(names.split(), value))
            with contextlib.suppress(Refused):
                page.reply(rid)
                continue
            told.add(page.refusal_of(rid))
    assert "internal" not in told
    assert store.read("a")[:3] == TALK


@ONE_SERVICE
@pytest.mark.parametrize(
    "content",
    [
        None,
        "text",
        5,
        [],
        {},
        {"rid": 1},
        {"rid": "1", "view": "v", "method": "hello"},
        {"rid": True, "view": "v", "method": "hello"},
        {"rid": 10**400, "view": "v", "method": "hello"},
        {"rid": 1, "view": "v" * 1_000, "method": "hello"},
        {"kind": "anywidget-command", "id": "1", "name": "x", "msg": {}},
    ],
)
def test_a_message_that_is_no_request_is_passed_over(page: Page, content: Any) -> None:
    page.send(content)
    assert page.ask("hello")["connected"]


@ONE_SERVICE
@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"method": "no such"}, None),
        ({"method": 5}, "method"),
        ({"method": None}, "method"),
        ({"method": "hello", "params": []}, "params"),
        ({"method": "__class__"}, None),
        ({"method": "cancel", "params": {"rid": "x"}}, "rid"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    page: Page, content: dict[str, Any], field: str | None
) -> None:
    page.send({"rid": -5, "view": page.view, **content})
    with pytest.raises(Exception, match="invalid") as caught:
        page.reply(-5)
    assert getattr(caught.value, "field", None) == field


def test_the_page_cannot_set_what_python_relies_on(store: SessionStore) -> None:
    browser = HistoryBrowser(store, read_only=True)
    page = Page(browser)
    state = {"read_only": False, "session": "x", "connected": False, "_esm": "alert(1)", "height": "300px"}
    page.comm.handle_msg(
        {"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []}
    )
    assert (browser.read_only, browser.session, browser.connected, browser.height) == (
        True,
        "",
        True,
        "300px",
    )
    assert page.refused("append", session_id="a", role="human", content="x").type == "read_only"
    browser.close()


def test_an_invalid_height_from_the_page_is_ignored(browser: HistoryBrowser, page: Page) -> None:
    for height in ("1px;background:url(//x)", 5, None, []):
        data = {"method": "update", "state": {"height": height}, "buffer_paths": []}
        page.comm.handle_msg({"content": {"data": data}, "buffers": []})
        assert browser.height == "560px"


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


def test_text_that_no_message_can_carry_is_mended(page: Page, store: SessionStore) -> None:
    store.append("a", ['{"type": "human", "data": {"content": "\\ud800 x", "name": "\\udfff\\u0000"}}'])
    [row] = page.rows("a")
    assert row["html"] == "<p>\ufffd x</p>\n"
    assert row["name"] == "\ufffd\ufffd"
    page.ask("raw", **page.message("a", 0))
    page.ask("sessions")


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


@ONE_SERVICE
@pytest.mark.parametrize(
    ("method", "args", "options"),
    [
        *[("remove", (index,), {}) for index in ("0", True, 1.5, None, [0], b"0")],
        *[("select", (session_id,), {}) for session_id in (5, None, "", ["a"], b"a", "\ud800")],
        ("select", ("a",), {"create": "yes"}),
        *[("append", (message,), {}) for message in (5, None, {"role": "user"}, [5], ["text"], b"text", "")],
        *[("append", ("x",), {"role": role}) for role in (5, None, "robot", "tool")],
        *[("clear", names, {}) for names in ((5,), (None,), ("",), (["a"],), ("a", 5))],
        ("clear", ("a",), {"without_undo": "no"}),
        *[("find", (text,), {}) for text in (5, True, ["x"], b"x")],
        *[("find", ("x",), {name: 5}) for name in ("role", "tool", "model", "errors_only", "everywhere")],
        *[("find", ("x",), {"limit": limit}) for limit in ("5", True, 1.5, None, 0, -1, 10**9)],
        *[("snapshot", (last,), {}) for last in ("5", True, 1.5, None, 0)],
        *[("to_dataframe", (selected,), {}) for selected in ("a", 1, None)],
        *[("export", (path,), {}) for path in (5, None, "", b"x.csv", ["x.csv"])],
        ("export", ("x.csv",), {"selected": "a"}),
        *[("connect", (source,), {}) for source in (5, None, "a", [])],
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_before_anything_is_sent(
    browser: HistoryBrowser, store: SessionStore, method: str, args: Any, options: dict[str, Any]
) -> None:
    store.append("a", TALK)
    browser.select("a")
    before = store.commands.requests
    with pytest.raises(InvalidInputError):
        getattr(browser, method)(*args, **options)
    assert store.commands.requests == before
    assert browser.store is store


@ONE_SERVICE
@pytest.mark.parametrize("session_ids", [5, None, "a", [5], [""], [None]])
def test_a_selection_that_is_not_a_list_of_ids_is_refused(browser: HistoryBrowser, session_ids: Any) -> None:
    browser.selection = ["kept"]
    with pytest.raises(InvalidInputError):
        browser.selection = session_ids
    assert browser.selection == ["kept"]


def test_read_only_must_be_true_or_false(store: SessionStore) -> None:
    with pytest.raises(InvalidInputError, match="read_only must be True or False"):
        HistoryBrowser(store, read_only="no")


@pytest.mark.parametrize("source", [5, "text", [], object()])
def test_what_holds_no_sessions_is_refused(source: object) -> None:
    with pytest.raises(InvalidInputError, match="takes a store or another source"):
        HistoryBrowser(source)


@pytest.mark.parametrize("height", ["", "x", "10", None, True, "1px;background:red", -5])
def test_a_height_that_is_no_length_is_refused(height: Any) -> None:
    with pytest.raises(InvalidInputError, match="CSS length"):
        HistoryBrowser(height=height)


def test_a_height_may_be_a_number_of_pixels() -> None:
    browser = HistoryBrowser(height=300)
    assert browser.height == "300px"
    browser.close()
