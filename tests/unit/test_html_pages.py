"""A long HTML export is an index of pages: all is there once, and links are not made of session ids."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import export
from chatmem_nb.formats import html_pages
from chatmem_nb.formats.html_page import HtmlWriter, message
from chatmem_nb.formats.html_pages import split_pages
from chatmem_nb.formats.markdown_file import message as markdown_message
from chatmem_nb.records import encode_all, parse_all

HOSTILE = [
    "plain",
    "../../etc/passwd",
    '"><script>alert(1)</script>',
    "javascript:alert(1)#x",
    "</h2></summary></details></main>\n<details class=session open><summary><h2>no</h2></summary>",
    "a%2fb?c#d",
    "\u202eright to left",
]


class Page(HTMLParser):
    """The links, ids, scripts and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.scripts = self.articles = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [values["href"] or ""] if tag == "a" else []
        self.ids += [values["id"] or ""] if "id" in values else []
        self.scripts += tag == "script"
        self.articles += tag == "article"


def write(path: Path, sessions: dict[str, int]) -> None:
    writer = HtmlWriter(path, {})
    for name, number in sessions.items():
        chat = [HumanMessage(f"<details class=session open>\nline {at} of {name}") for at in range(number)]
        writer.add(name, parse_all(encode_all(chat)))
        writer.end_session()
    writer.finish()


def test_messages_are_of_whom_the_browser_says_they_are() -> None:
    records = parse_all(encode_all([HumanMessage("hi", name="Ada"), AIMessage("hello")]))
    assert "<b><bdi>Human (Ada)</bdi></b>" in message(records[0])
    assert "<b><bdi>AI</bdi></b>" in message(records[1])
    assert markdown_message(records[0]).startswith("\n### 1. Human (Ada)")
    assert markdown_message(records[1]).startswith("\n### 2. AI")


def test_hostile_ids_are_text_and_every_link_leads_to_its_session(tmp_path: Path) -> None:
    path, folder = tmp_path / "x.html", tmp_path / "odd name#?.pages"
    write(path, dict.fromkeys(HOSTILE, 20))
    assert split_pages(path, folder, folder.name, path, limit=10_000)
    index = Page(path.read_text())
    assert (index.scripts, len(index.links)) == (1, len(HOSTILE))
    for link in index.links:
        assert re.fullmatch(r"\./[\w.%-]+/page-\d{5}\.html#s\d+", link)
        file, _, anchor = link.partition("#")
        assert anchor in Page((tmp_path / unquote(file)).read_text()).ids
    assert sorted(file.name for file in folder.iterdir()) == [
        f"page-{number:05}.html" for number in range(1, len(list(folder.iterdir())) + 1)
    ]


def test_every_message_is_on_one_page_and_long_sessions_go_on(tmp_path: Path) -> None:
    path, folder = tmp_path / "x.html", tmp_path / "pages"
    write(path, {"short": 3, "long": 400, "last": 1})
    split_pages(path, folder, "pages", path, limit=20_000)
    texts = [file.read_text() for file in sorted(folder.iterdir())]
    assert len(texts) > 3
    assert sum(Page(text).articles for text in texts) == 404
    assert all(text.count("<details class=session") == text.count("\n</details>") for text in texts)
    assert all(Page(text).scripts == 1 and "Content-Security-Policy" in text for text in texts)
    assert sum("long</bdi> (continued)" in text for text in texts) >= 2
    assert max(map(len, texts)) < 20_000 + 10_000  # the limit, the head and one message
    assert "long</bdi></a> 400 messages" in path.read_text()


def test_the_limit_of_a_page_is_in_bytes(tmp_path: Path) -> None:
    path, folder = tmp_path / "x.html", tmp_path / "pages"
    write(path, {"路" * 1_000: 40})
    assert split_pages(path, folder, "pages", path, limit=30_000)
    assert max(file.stat().st_size for file in folder.iterdir()) < 30_000 + 15_000


def test_an_index_of_very_many_sessions_lists_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_pages, "_MOST_ROWS", 10)
    path = tmp_path / "x.html"
    write(path, {f"s{number}": 1 for number in range(100)})
    split_pages(path, tmp_path / "pages", "pages", path, limit=5_000)
    assert 1 < len(Page(path.read_text()).links) < 50


def test_an_export_replaces_the_pages_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, chat = tmp_path / "x.html", [AIMessage("word " * 200)] * 30
    beside = tmp_path / "x.html.pages-of mine"
    beside.mkdir()
    monkeypatch.setattr(split_pages, "__kwdefaults__", {"limit": 10_000})
    first = export(chat, path, progress=False)
    (folder,) = tmp_path.glob("x.html.pages-????????")
    assert first.bytes == path.stat().st_size + sum(file.stat().st_size for file in folder.iterdir())
    assert folder.name in path.read_text()
    export(chat[:20], path, progress=False)
    (second,) = tmp_path.glob("x.html.pages-????????")
    assert second != folder
    assert second.name in path.read_text()
    export(chat[:1], path, progress=False)
    assert not list(tmp_path.glob("x.html.pages-????????"))
    assert sorted(tmp_path.iterdir()) == [path, beside]


def test_markdown_that_comes_again_is_rendered_once(tmp_path: Path) -> None:
    def cpu_s(name: str, texts: list[str]) -> float:
        writer = HtmlWriter(tmp_path / name, {})
        records = parse_all(encode_all([HumanMessage(text) for text in texts]))
        started = time.process_time()
        writer.add("s", records)
        took = time.process_time() - started
        writer.close()
        return took

    prompt = "## Rules\n\n- be *kind*\n- be `brief`\n\n" * 5
    different = cpu_s("different.html", [f"{number} {prompt}" for number in range(100)])
    assert cpu_s("same.html", [prompt] * 100) < different / 3
