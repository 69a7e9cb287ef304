"""The exported page searches, follows the theme, runs nothing of the chat's and needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from playwright.sync_api import Page, expect

from chatmem_nb import export
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all

if TYPE_CHECKING:
    from chrome import Chrome

HOSTILE = [
    "<script>window.ran = true</script>",
    "<img src=x onerror='window.ran = true'>",
    "[click](javascript:window.ran=true)",
    "</article></details></main><script>window.ran = true</script>",
    '<a href="https://a.test" onclick="window.ran = true">x</a>',
]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "chats.html"
    with LocalUpstash() as server, server.store() as store:
        store.append(
            "trip", encode_all([HumanMessage("Where is Łódź?"), AIMessage("In **Poland**, I think.")])
        )
        store.append("hostile", [*encode_all(list(map(HumanMessage, HOSTILE))), "not json"])
        export(store, path, progress=False)
    return path.read_text(encoding="utf-8")


@pytest.fixture
def page(chrome: Chrome, text: str) -> Iterator[Page]:
    with shown(chrome, text) as page:
        yield page


@contextmanager
def shown(chrome: Chrome, text: str) -> Iterator[Page]:
    visit = chrome.visit(viewport={"width": 900, "height": 700})
    visit.page.set_content(text)
    yield visit.page
    visit.close()
    # The policy of the page says so in the log where it stops something: that it had to is what fails here.
    assert (visit.errors, visit.blocked) == ([], [])


def test_a_search_leaves_what_fits(page: Page) -> None:
    articles = page.locator("article:visible")
    expect(articles).to_have_count(8)
    page.get_by_role("searchbox").fill("łódź")
    expect(articles).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("1 message")
    expect(page.get_by_role("heading", name="hostile")).to_be_hidden()
    page.get_by_role("searchbox").fill("trip")
    expect(articles).to_have_count(2)
    page.get_by_role("searchbox").fill("")
    expect(articles).to_have_count(8)


def test_nothing_of_the_chat_runs(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator("article script, article img, article a").count() == 0
    assert page.locator("main > details").count() == 2


def test_the_theme_is_the_readers_and_can_be_changed(page: Page) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="dark")
    assert paper() == "rgb(20, 24, 29)"
    page.get_by_role("button", name="Light or dark").click()
    assert paper() == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="light")
    assert paper() == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Light or dark").click()
    assert paper() == "rgb(20, 24, 29)"


def test_a_narrow_page_does_not_scroll_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export of three sessions, too long for one page."""
    folder: Path = tmp_path_factory.mktemp("pages")
    with LocalUpstash() as server, server.store() as store:
        for name in ("Oslo", "Bergen", "Tromsø"):
            store.append(name, encode_all([HumanMessage(f"To {name}, please. {'and so on ' * 120_000}")]))
        export(store, folder / "chats.html", progress=False)
    return folder


def test_an_index_is_searched_by_its_lines_and_says_so(chrome: Chrome, pages: Path) -> None:
    with shown(chrome, (pages / "chats.html").read_text()) as page:
        links = page.get_by_role("link")
        expect(links).to_have_count(3)
        page.get_by_role("searchbox").fill("berg")
        expect(links).to_have_count(1)
        words = "1 line of this index; each page searches its own messages"
        expect(page.get_by_role("status")).to_have_text(words)
        page.get_by_role("searchbox").fill("")
        expect(links).to_have_count(3)


def test_a_link_to_a_session_shows_its_title(page: Page) -> None:
    page.set_viewport_size({"width": 900, "height": 200})
    page.locator(".session").nth(1).evaluate("session => session.scrollIntoView()")
    page.wait_for_function("scrollY > 50")
    bar = page.locator(".bar").bounding_box() or {}
    title = page.locator(".session h2").nth(1).bounding_box() or {}
    assert title["y"] >= bar["y"] + bar["height"]  # not behind it
