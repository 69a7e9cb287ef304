"""What the page's search takes and chooses: expressions, whole words, times, and the sessions that match."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from chatmem_nb import HistoryBrowser, InvalidInputError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.widgets import notebook_variables
from tests.wire.browser_page import Page

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[SessionStore]:
    with LocalUpstash() as server, server.store() as store:
        for number, text in enumerate(["A cat.", "A category.", "Two cats, one dog."]):
            at = DAY + timedelta(days=number)
            store.append(f"s{number}", [encode(HumanMessage(text), stored_at=at)])
        store.append(
            "old", ['{"type": "human", "data": {"content": "a cat without a time", "type": "human"}}']
        )
        yield store


@pytest.mark.parametrize(
    ("wanted", "sessions"),
    [
        ({"text": "cat"}, {"s0", "s1", "s2", "old"}),
        ({"text": "cat", "whole_words": True}, {"s0", "old"}),
        ({"text": "cats?", "regex": True, "whole_words": True}, {"s0", "s2", "old"}),
        ({"text": "CAT.*dog", "regex": True}, {"s2"}),
        ({"text": "cat", "since": "2026-03-02"}, {"s1", "s2"}),
        ({"text": "cat", "until": "2026-03-02"}, {"s0"}),
        ({"since": "2026-03-02T00:00:00+00:00", "until": "2026-03-03T01:00:00+01:00"}, {"s1"}),
    ],
)
def test_the_page_and_python_find_the_same(
    page: Page, browser: HistoryBrowser, wanted: dict[str, Any], sessions: set[str]
) -> None:
    answer = page.ask("find", scope="all", **wanted)
    assert {hit["session_id"] for hit in answer["hits"]} == sessions
    assert answer["sessions"] == len(sessions)
    assert {hit.session_id for hit in browser.find(everywhere=True, **wanted)} == sessions
    assert set(browser.to_dataframe(hits=True)["session_id"]) == sessions


def test_times_are_given_as_datetimes_too(browser: HistoryBrowser) -> None:
    hits = browser.find(since=DAY + timedelta(days=1), until=DAY + timedelta(days=2), everywhere=True)
    assert [hit.session_id for hit in hits] == ["s1"]
    with pytest.raises(InvalidInputError, match="since must be a datetime"):
        browser.find(since=5, everywhere=True)  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize(
    ("wanted", "field", "says"),
    [
        ({"text": "(cat", "regex": True}, "text", "missing )"),
        ({"since": "yesterday"}, "since", "2026-01-31"),
        ({"until": "13-13-13"}, "until", "2026-01-31"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    page: Page, browser: HistoryBrowser, wanted: dict[str, Any], field: str, says: str
) -> None:
    error = page.refused("find", scope="all", **wanted)
    assert (error.type, error.field) == ("invalid", field)
    assert says in error.message
    with pytest.raises(InvalidInputError) as caught:
        browser.find(everywhere=True, **wanted)
    assert caught.value.field == field


def test_a_pathological_expression_neither_hangs_nor_blocks_the_kernel(
    page: Page, store: SessionStore
) -> None:
    store.append("hostile", [encode(HumanMessage("x" * 20_000))] * 50)
    began = time.monotonic()
    rid = page.start("find", scope="all", text="(x+x+)+y", regex=True)
    page.ask("hello")
    assert page.refusal_of(rid) == "invalid"
    assert time.monotonic() - began < 15
    assert page.ask("find", scope="all", text="cat")["count"] == 4


def test_all_that_match_are_selected_and_nothing_else(page: Page, browser: HistoryBrowser) -> None:
    page.ask("select", session_ids=["s1"])
    page.ask("find", scope="all", text="cat", whole_words=True)
    answer = page.ask("select_all", matches=True)
    assert set(answer["session_ids"]) == set(browser.selection) == {"s0", "old"}
    assert set(browser.to_dataframe(selected=True)["session_id"]) == {"s0", "old"}
    assert page.ask("select_all", query="s", sort="id", start=1)["session_ids"] == ["s1", "s2"]
    assert page.ask("select_all", query="s", sort="id", start=0, stop=2)["session_ids"] == ["s0", "s1"]
    assert page.ask("find", scope="selected", text="cat")["scanned"]["sessions"] == 2
    assert {hit.session_id for hit in browser.find("cat", selected=True)} == {"s0", "s1"}


def test_nothing_selected_and_nothing_searched_are_said(page: Page, browser: HistoryBrowser) -> None:
    assert page.refused("find", scope="selected", text="cat").field == "scope"
    assert page.refused("select_all", matches=True).field == "scope"
    with pytest.raises(InvalidInputError, match="Select some sessions first"):
        browser.find("cat", selected=True)
    with pytest.raises(InvalidInputError, match="not both"):
        browser.find("cat", selected=True, everywhere=True)


@pytest.mark.parametrize("scope", ["all", "selected", "session"])
def test_the_code_of_a_search_has_all_its_options(
    page: Page, browser: HistoryBrowser, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    namespace: dict[str, Any] = {"browser": browser}
    monkeypatch.setattr(notebook_variables, "user_namespace", lambda: namespace)
    page.open("s0")
    page.ask("select", session_ids=["s0", "s2"])
    options = {"regex": True, "whole_words": True, "since": "2026-03-01", "until": "2026-03-02"}
    page.ask("find", scope=scope, session_id="s0", text="cats?", **options)
    browser.selection = []
    exec(compile(browser.code, "code", "exec"), namespace)
    assert list(namespace["df"]["session_id"]) == ["s0"]


@pytest.mark.parametrize(
    ("session_id", "code"),
    [
        ("talk", 'browser.select("talk", message=1)'),
        ('a "b"', "browser.select('a \"b\"', message=1)"),
        ("it's", 'browser.select("it\'s", message=1)'),
        ("a\\b\n", 'browser.select("a\\\\b\\n", message=1)'),
    ],
)
def test_the_link_of_a_message_is_python(page: Page, store: SessionStore, session_id: str, code: str) -> None:
    store.append(session_id, [encode(SystemMessage("x"))])
    page.open(session_id)
    assert page.ask("code", scope="session", message=0)["code"] == code
    asked: list[tuple[str, int]] = []

    class Browser:
        def select(self, session_id: str, message: int) -> None:
            asked.append((session_id, message))

    exec(compile(code, "code", "exec"), {"browser": Browser()})
    assert asked == [(session_id, 1)]


@pytest.mark.parametrize("message", [0, -1, 2, 10**30, "1", 1.0, True, None.__class__])
def test_select_refuses_what_is_no_message(browser: HistoryBrowser, message: Any) -> None:
    with pytest.raises(InvalidInputError, match="message must be"):
        browser.select("s0", message=message)


def test_select_tells_the_page_of_the_message(
    page: Page, browser: HistoryBrowser, store: SessionStore
) -> None:
    store.append("long", [encode(HumanMessage(str(i))) for i in range(100)])
    browser.select("long", message=39)
    assert page.event(event="changed", what="message")["index"] == 38
    assert page.ask("hello")["message"] == 38
    page.open("s0")
    page.open("long")
    assert page.ask("hello")["message"] is None  # it was asked for once
