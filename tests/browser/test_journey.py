"""A complete user journey in JupyterLab: connect, search, read, append, clear and export, on both services."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from chrome import Chrome, Visit
from jupyter_hosts import Server, open_notebook, run_cell, write_notebook
from langchain_core.messages import HumanMessage
from playwright.sync_api import Locator, expect

from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.samples import Conversation, sample_conversations, seed
from chatmem_nb.records import parse
from tests.conversations import REAL, generated, real

pytestmark = pytest.mark.browser

# A busy machine paints late; what never comes still fails.
expect.set_options(timeout=30_000)

OPEN = "from chatmem_nb import HistoryBrowser\nbrowser = HistoryBrowser()\nbrowser"
COUNT = "frame = browser.to_dataframe(); print(len(frame), frame['content'].iloc[-1], browser.session_id)"

Services = {"upstash": LocalUpstash, "momento": LocalMomento}


def connect(browser: Locator, server: LocalUpstash | LocalMomento) -> None:
    """Fill in the form as a person does."""
    if isinstance(server, LocalUpstash):
        browser.get_by_role("radio", name="Upstash Redis").check()
        browser.get_by_label("REST URL").fill(server.url)
        browser.get_by_label("REST token").fill(server.token)
    else:
        browser.get_by_role("radio", name="Momento").check()
        browser.get_by_label("API key").fill(server.token)
        browser.get_by_label("Endpoint").fill(f"{server.host}:{server.port}")
        browser.get_by_label("Cache name").fill("chatmem")
    browser.get_by_role("button", name="Connect", exact=True).click()
    expect(browser.get_by_role("listbox", name="Sessions")).to_be_visible()


def find(browser: Locator, session_id: str) -> None:
    browser.get_by_label("Filter sessions by id").fill(session_id)
    browser.get_by_role("option").filter(has_text=session_id).first.click()


def read_to_the_end(browser: Locator, conversation: Conversation) -> None:
    number = len(conversation.records)
    feed = browser.get_by_role("feed", name="Messages")
    last = feed.locator(f"article[aria-posinset='{number}']")
    expect(last).to_be_visible()
    record = parse(conversation.records[-1])
    words = re.findall(r"[A-Za-z]{4,}", record.message.text)[:1]
    for word in words:
        expect(last).to_contain_text(word)
    feed.focus()
    feed.press("Home")
    expect(feed.locator("article[aria-posinset='1']")).to_be_visible()
    feed.press("End")
    expect(last).to_be_visible()


def append(browser: Locator, text: str) -> None:
    box = browser.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Control+Enter")
    expect(browser.get_by_role("feed").get_by_text(text)).to_be_visible()


def clear(visit: Visit, browser: Locator, conversation: Conversation) -> None:
    browser.get_by_role("button", name="Session tools").click()
    browser.get_by_role("menuitem", name="Clear session").click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text(conversation.session_id)
    expect(dialog).to_contain_text(str(len(conversation.records) + 1))
    dialog.get_by_role("button", name="Clear", exact=False).click()
    expect(dialog).to_have_count(0)


def journey(
    visit: Visit, server: LocalUpstash | LocalMomento, conversations: list[Conversation], chosen: Conversation
) -> None:
    """Each step in the browser is checked through a second client."""
    browser = visit.browser
    with server.store() as second:
        connect(browser, server)
        find(browser, chosen.session_id)
        read_to_the_end(browser, chosen)
        append(browser, "written in the browser")
        seen = second.read(chosen.session_id)
        assert seen[:-1] == chosen.records
        assert parse(seen[-1]).message == HumanMessage("written in the browser")
        assert run_cell(visit, 1).split("\n")[0] == (
            f"{len(chosen.records) + 1} written in the browser {chosen.session_id}"
        )
        clear(visit, browser, chosen)
        assert second.length(chosen.session_id) == 0
        assert len(list(second.session_ids())) == len(conversations) - 1
    assert (visit.errors, visit.blocked, visit.kernel_errors) == ([], [], [])


@pytest.mark.slow
@pytest.mark.parametrize("service", Services)
@pytest.mark.parametrize("load", [generated, real] if REAL.is_file() else [generated])
def test_a_user_connects_reads_searches_and_saves_a_dataframe(
    service: str, load: Callable[[], list[Conversation]], chrome: Chrome, jupyter: Server
) -> None:
    conversations = sample_conversations() + load()
    chosen = max(conversations[10:], key=lambda conversation: len(conversation.records))
    made: AbstractContextManager[LocalUpstash | LocalMomento] = Services[service]()
    with made as server:
        with server.store() as store:
            seed(store, conversations)
        name = write_notebook(jupyter.folder / f"{service}-{load.__name__}.ipynb", OPEN, COUNT).name
        visit = chrome.visit()
        open_notebook(visit, jupyter, name)
        run_cell(visit, 0)
        journey(visit, server, conversations, chosen)
        visit.close()
