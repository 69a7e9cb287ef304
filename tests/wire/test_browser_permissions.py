"""What a page may do: every method, for every way to make a browser, and what Python keeps."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import HistoryBrowser, InvalidInputError
from chatmem_nb.histories import StoreHistory
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.widgets import notebook_variables
from chatmem_nb.widgets.notebook_variables import has_own_variables
from chatmem_nb.widgets.permissions import NEEDS
from tests.wire.browser_page import Page, Refused, kept_comms

TALK = encode_all([HumanMessage("hello"), AIMessage("hi")])
BARRED = {"not_connected", "not_allowed", "read_only"}

LEAVING = {"connect", "disconnect"}
CHANGES = {"preview", "append", "append_json", "remove", "measure_clear", "clear", "undo"}
LABELLING = {"label", "label_session", "session_labels"}
EXPORTS = {"to_variable", "export"}
WITHOUT_A_STORE = {"hello", "connect", "disconnect", "follow", "code"}


class ReadingHalf:
    """A store that has no writing verbs: those of another store without them."""

    def __init__(self, store: SessionStore) -> None:
        self.service, self.key_prefix, self.ttl = store.service, store.key_prefix, store.ttl
        self.commands = store.commands
        for verb in ("session_ids", "summaries", "length", "read", "read_many", "close"):
            for name in (verb, f"a{verb}"):
                setattr(self, name, getattr(store, name))


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.fixture(autouse=True)
def process_without_marimo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_variables, "_edited", threading.Event())


@pytest.fixture
def store(store: Any) -> Any:
    store.append("a", TALK)
    return store


@pytest.fixture
def shown() -> Iterator[Callable[..., Page]]:
    browsers: list[HistoryBrowser] = []

    def show(*args: Any, **options: Any) -> Page:
        browsers.append(HistoryBrowser(*args, **options))
        return Page(browsers[-1])

    with kept_comms():
        yield show
        for browser in browsers:
            browser.close()


def barred(page: Page) -> set[str]:
    """Ask every method for something that it can do, and return those that are not permitted."""
    at: dict[str, Any] = {"session_id": "a", "epoch": 1, "index": 0, "identity": "x"}
    if page.browser.connected:
        at = page.message("a", 0)
    params: dict[str, dict[str, Any]] = {
        "connect": {"service": "local"},
        "select": {"session_ids": ["a"]},
        "preview": {"text": "x"},
        "window": {"start": 0, "stop": 5},
        "full": {"offset": 0},
        "image": {"block": 0},
        "calls": {"start": 0, "stop": 1},
        "copy": {"indexes": [0], "identities": [at["identity"]], "format": "text"},
        "locate": {"date": "2020-01-01"},
        "find": {"scope": "session", "text": "hello"},
        "compare": {"a": "a", "b": "a"},
        "label": {"star": True},
        "label_session": {"star": True},
        "follow": {"on": False},
        "append": {"role": "human", "content": "from the page"},
        "append_json": {"text": TALK[0], "dry_run": False},
        "measure_clear": {"session_ids": ["a"]},
        "clear": {"session_ids": ["nobody"]},
        "to_variable": {"name": "from_the_page", "scope": "session"},
        "export": {"format": "jsonl", "scope": "session"},
    }
    refusals: dict[str, str] = {}
    # What leaves the store comes last, and the changes, which move messages, before it.
    for method in sorted(NEEDS, key=lambda method: (method in LEAVING, method in CHANGES, method)):
        try:
            page.ask(method, **{**at, **params.get(method, {})})
        except Refused as refused:
            refusals[method] = refused.type
    found = {method for method, kind in refusals.items() if kind in BARRED}
    assert found >= LABELLING  # without labels=, nobody may
    assert refusals.keys() - found <= {"image"}  # there is no picture to show
    return found - LABELLING


def variables() -> dict[str, Any]:
    return vars(sys.modules["__main__"])


def test_every_method_is_listed_with_what_it_needs(shown: Callable[..., Page]) -> None:
    assert shown().browser._methods._table.keys() == NEEDS.keys()
    assert NEEDS.keys() > LEAVING | CHANGES | EXPORTS | WITHOUT_A_STORE


def test_a_page_may_do_all_but_leave_the_store_that_it_was_given(
    shown: Callable[..., Page], store: SessionStore
) -> None:
    for source in (store, StoreHistory(store, "a")):
        variables().pop("from_the_page", None)
        page = shown(source)
        assert barred(page) == LEAVING
        hello = page.ask("hello")
        assert hello["may"] == {"connect": False, "write": True, "variables": True, "files": True}
        assert (hello["clients"], hello["connected"]) == ([], True)
        assert page.browser.store is store
    assert len(variables().pop("from_the_page")) > 2
    assert len(store.read("a")) > len(TALK)


@pytest.mark.parametrize("source", ["store", "history"])
def test_a_read_only_page_reads_and_does_nothing_else(
    shown: Callable[..., Page], store: SessionStore, source: str
) -> None:
    page = shown(store if source == "store" else StoreHistory(store, "a"), read_only=True)
    assert barred(page) == LEAVING | CHANGES | EXPORTS
    assert page.ask("hello")["may"] == dict.fromkeys(("connect", "write", "variables", "files"), False)
    assert "from_the_page" not in variables()
    assert store.read("a") == TALK


def test_a_store_that_can_only_be_read_permits_variables_and_files(
    shown: Callable[..., Page], store: SessionStore
) -> None:
    page = shown(ReadingHalf(store))
    assert barred(page) == LEAVING | CHANGES
    assert page.ask("hello")["may"] == {"connect": False, "write": False, "variables": True, "files": True}
    assert page.browser.read_only is False
    assert len(variables().pop("from_the_page")) == 2
    with pytest.raises(InvalidInputError, match="read-only"):
        page.browser.append("x")
    assert barred(shown(ReadingHalf(store), read_only=True)) == LEAVING | CHANGES | EXPORTS


def test_variables_of_a_process_that_viewers_share_are_not_set(
    shown: Callable[..., Page], store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    marimo = SimpleNamespace(app_meta=lambda: SimpleNamespace(mode="run"))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    page = shown(store)
    assert barred(page) == LEAVING | {"to_variable"}
    assert page.ask("hello")["may"] == {"connect": False, "write": True, "variables": False, "files": True}
    assert "from_the_page" not in variables()
    marimo.app_meta = lambda: SimpleNamespace(mode="edit")
    assert shown(store).ask("hello")["may"]["variables"] is True


def test_a_thread_of_which_marimo_does_not_know_the_mode_gets_no_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marimo = SimpleNamespace(app_meta=lambda: SimpleNamespace(mode=None))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert has_own_variables()
    with ThreadPoolExecutor() as threads:
        assert not threads.submit(has_own_variables).result()
        shell = SimpleNamespace(user_ns={})
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
        assert threads.submit(has_own_variables).result()


def test_the_threads_of_a_notebook_in_marimo_edit_may_set_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = iter(["edit", None])
    marimo = SimpleNamespace(app_meta=lambda: SimpleNamespace(mode=next(modes)))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert has_own_variables()
    with ThreadPoolExecutor() as threads:
        assert threads.submit(has_own_variables).result()


def test_a_browser_without_a_store_offers_the_form_and_little_else(shown: Callable[..., Page]) -> None:
    page = shown()
    assert barred(page) == NEEDS.keys() - WITHOUT_A_STORE - LABELLING
    page.ask("connect", service="local")
    page.ask("connect", service="local", kind="momento")  # what the page connected, it may leave
    page.ask("disconnect")


def test_the_page_cannot_set_read_only(shown: Callable[..., Page], store: SessionStore) -> None:
    page = shown(store, read_only=True)
    for state in ({"read_only": False}, {"read_only": 0, "height": "300px"}):
        data = {"method": "update", "state": state, "buffer_paths": []}
        page.comm.handle_msg({"content": {"data": data}, "buffers": []})
    assert page.browser.read_only is True
    assert barred(page) == LEAVING | CHANGES | EXPORTS


def test_python_leaves_a_store_and_the_page_stays_where_python_put_it(
    shown: Callable[..., Page], store: SessionStore
) -> None:
    page = shown(store, read_only=True)
    page.browser.disconnect()
    assert page.ask("hello")["clients"] == []
    assert barred(page) >= LEAVING
    page.browser.connect(StoreHistory(store, "a"))
    assert (page.browser.session_id, page.ask("hello")["connected"]) == ("a", True)


def test_a_page_may_not_leave_a_store_that_python_connected_later(
    shown: Callable[..., Page], store: SessionStore
) -> None:
    page = shown()
    page.ask("connect", service="local")
    before = page.ask("hello")["number"]
    page.browser.connect(store)
    assert page.event(event="changed", what="connection", number=before + 1)["connected"] is True
    assert page.ask("hello")["number"] == before + 1
    assert page.refused("disconnect").type == page.refused("connect", service="local").type == "not_allowed"
    page.browser.disconnect()
    assert page.ask("connect", service="local")["connected"] is True


def test_python_changes_nothing_in_a_read_only_browser(
    shown: Callable[..., Page], store: SessionStore
) -> None:
    browser = shown(store, read_only=True).browser
    browser.select("a")
    for change in (
        lambda: browser.append("x"),
        lambda: browser.append(HumanMessage("x")),
        lambda: browser.remove(0),
        browser.clear,
        browser.undo,
    ):
        with pytest.raises(InvalidInputError, match="read-only"):
            change()
    assert store.read("a") == TALK
