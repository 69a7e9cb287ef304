"""`compare` over stores, histories and checkpointers: what it reads, refuses and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import (
    HistoryBrowser,
    InvalidInputError,
    UpstashRedisChatMessageHistory,
    UpstashSessionStore,
    compare,
)
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all
from tests.wire.browser_page import Page, kept_comms


@pytest.fixture
def store(upstash: LocalUpstash) -> Iterator[UpstashSessionStore]:
    with upstash.store() as store:
        store.append("a", encode_all([HumanMessage("Hi"), AIMessage("It is nine.")]))
        store.append("b", encode_all([HumanMessage("Hi"), AIMessage("It is ten.")]))
        yield store


def test_two_sessions_of_a_store_are_compared(store: UpstashSessionStore) -> None:
    found = compare(store, "a", "b")
    assert repr(found) == "<Comparison of 'a' and 'b': 1 equal, 1 changed, 0 and 0 on one side only>"
    assert "<ins>ten</ins>" in found._repr_html_()


def test_a_history_names_the_store_that_both_sessions_are_in(store: UpstashSessionStore) -> None:
    assert compare(UpstashRedisChatMessageHistory.from_store(store, "a"), "a", "b").changed == 1


def test_momento_compares_as_well() -> None:
    with LocalMomento() as server, server.store() as store:
        store.append("a", encode_all([HumanMessage("Hi")]))
        store.append("b", encode_all([HumanMessage("Hi"), AIMessage("Hello")]))
        assert compare(store, "a", "b").only == (0, 1)


def test_a_session_equals_itself(store: UpstashSessionStore) -> None:
    assert compare(store, "a", "a").equal == 2


def test_a_missing_session_is_named(store: UpstashSessionStore) -> None:
    with pytest.raises(InvalidInputError, match="there is no session 'nowhere'"):
        compare(store, "a", "nowhere")


def test_a_list_of_messages_has_no_sessions_to_compare() -> None:
    with pytest.raises(InvalidInputError, match="needs a source with sessions"):
        compare([HumanMessage("Hi")], "a", "b")


def test_a_saved_comparison_is_a_page_of_its_own(store: UpstashSessionStore, tmp_path: Path) -> None:
    path = compare(store, "a", "b").save(tmp_path / "a-b.html")
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "<ins>ten</ins>" in page
    assert [entry.name for entry in tmp_path.iterdir()] == ["a-b.html"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_comparison_that_cannot_be_written_leaves_nothing(
    store: UpstashSessionStore, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        compare(store, "a", "b").save(tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_browser_compares_from_python_and_from_its_page(store: UpstashSessionStore) -> None:
    with kept_comms():
        browser = HistoryBrowser(store, read_only=True)
        assert browser.compare("a", "b").changed == 1
        found = Page(browser).ask("compare", a="a", b="b")
        assert "<del>nine</del>" in found["html"]
        assert "<style" not in found["html"]
        assert ".cm-compare" in found["style"]
        browser.close()


def test_the_page_shows_a_session_that_is_gone_as_empty(store: UpstashSessionStore) -> None:
    with kept_comms():
        browser = HistoryBrowser(store)
        assert "2 only in the first" in Page(browser).ask("compare", a="a", b="gone")["html"]
        browser.close()


def test_what_is_too_large_for_the_page_is_compared_from_python(
    store: UpstashSessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatmem_nb.widgets.side_by_side.SIZE_LIMIT", 10)
    with kept_comms():
        browser = HistoryBrowser(store)
        refused = Page(browser).refused("compare", a="a", b="b")
        assert refused.type == "too_large"
        assert "browser.compare('a', 'b').save(" in refused.message
        browser.close()


def test_a_browser_that_is_not_connected_has_nothing_to_compare() -> None:
    with kept_comms(), pytest.raises(InvalidInputError, match="connect first"):
        HistoryBrowser().compare("a", "b")
