"""One message of a Markdown file reaches no other: by no tag, image, definition, fence or link."""

from __future__ import annotations

import functools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from markdown_it import MarkdownIt

from chatmem_nb.contained_markdown import contained
from chatmem_nb.formats.markdown_file import message
from chatmem_nb.records import encode, parse_all
from tests.unit.markdown_payloads import HOSTILE, SLOW

# As lax as any renderer is: raw HTML stays, and every address is a link.
LAX = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LAX.validateLink = lambda url: True
NEXT = "the next *message*, [foo] and [bar][foo]"

REACHING = [
    "[foo]: javascript:alert(1)",
    "[foo]:\n  javascript:alert(1)\n  'title'",
    "> [foo]: javascript:alert(1)",
    "- [foo]: http://evil.example",
    "[foo\\]]: x\n[foo]: y",
    "[a]: b\n    <img src=x onerror=alert(1)>",
    "![x](http://evil.example/beacon.png)",
    "![x][foo]\n\n[foo]: http://evil.example/beacon.png",
    "<img src=http://evil.example/beacon.png>",
    "```\nan open fence",
    "~~~~~~\nan open fence",
    "<!-- an open comment",
    "<script>",
    "<pre>\n\n<div>\n\n<details>",
    "<![CDATA[",
    "<?php",
    "- `\n- <img src=x>` ",
    "| a | b |\n|---|---|\n| ` | <img src=x> ` |",
    "`` ` <b> `` <b> `",
    "\\`<b>`",
    "[x](javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](  \n javascript:alert(1))",
    "<javascript:alert(1)>",
    "[^1]: a footnote",
]
PIECES = [
    *"[]()!<>`~*_\\|:\n -#&\"'a",
    "\n\n",
    "    ",
    "```",
    "](",
    "]:",
    "<a",
    "![",
    "javascript:",
    "> ",
    "- ",
    "| ",
]


def tokens(text: str) -> list[tuple[str, str, str]]:
    """The type, content and address of all that a lax renderer makes of `text`."""
    found = LAX.parse(text)
    flat = [inner for token in found for inner in (token, *(token.children or ()))]
    return [(token.type, token.content, str(token.attrs.get("href", ""))) for token in flat]


def page(text: str) -> str:
    """The Markdown of a hostile message between two others."""
    records = parse_all([encode(HumanMessage(NEXT)), encode(AIMessage(text)), encode(HumanMessage(NEXT))])
    return "".join(map(message, records))


@functools.cache
def undisturbed() -> list[tuple[str, str, str]]:
    """The tokens of the messages beside one that does nothing."""
    return [token for token in tokens(page("x")) if token[1] == NEXT]


def check(text: str) -> None:
    found = tokens(page(text))
    kinds = {kind for kind, _, _ in found}
    assert not kinds & {"html_block", "html_inline", "image"}, page(text)
    links = [href.lower() for kind, _, href in found if kind == "link_open"]
    assert all(link.startswith(("http:", "https:", "mailto:")) for link in links)
    assert [token for token in found if token[1] == NEXT] == undisturbed()
    assert [content for kind, content, _ in found if kind == "inline"].count(NEXT) == 2


@pytest.mark.parametrize("text", [*REACHING, *HOSTILE])
def test_no_message_reaches_another(text: str) -> None:
    check(text)


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_mixture_reaches_another(pieces: list[str]) -> None:
    check("".join(pieces))


def test_what_markdown_people_write_stays() -> None:
    text = "# A\n\n- *b* `List<int>` [c](https://example.com)\n\n```html\n<b>![x](y)</b>\n```\n\n1 < 2"
    kept = text.replace("1 < 2", "1 \\< 2")
    assert contained(text) == kept
    assert contained("plain **words**") == "plain **words**"


def test_a_text_that_cannot_be_contained_is_shown_as_source() -> None:
    text = "<b>" * 20_000
    assert contained(text) is None
    assert "```\n<b><b>" in page(text)


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("length", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_text_made_to_be_slow_takes_no_longer(name: str, length: int) -> None:
    before = time.thread_time()
    page(SLOW[name][:length])
    assert time.thread_time() - before < 4


def test_control_characters_of_a_message_are_shown() -> None:
    assert "red \\x1b[31m \\u202eabc\\x00" in page("red \x1b[31m \u202eabc\x00")
