"""Invalid requests of a page, and invalid arguments in Python, are refused before anything is sent."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from chatmem_nb import HistoryBrowser, InvalidInputError
from chatmem_nb.stores.protocol import SessionStore
from tests.wire.browser_page import TALK, Page, Refused

pytestmark = pytest.mark.usefixtures("comms")


# What is refused before anything is sent does not depend on the service.
ONE_SERVICE = pytest.mark.parametrize("server", ["upstash"], indirect=True)


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
