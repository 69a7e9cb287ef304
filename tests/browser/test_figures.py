"""Header, row, preview, time and statistics agree, also after a message was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from blank_page import mount
from chrome import Chrome
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from playwright.sync_api import Page, expect
from real_kernel import RealKernel
from stand_in import StandIn, Talk

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode
from chatmem_nb.stores.protocol import SessionStore
from tests.wire.browser_page import kept_comms

pytestmark = pytest.mark.browser
CALL = {"name": "look_up", "args": {}, "id": "c1"}


@pytest.fixture
def store() -> Iterator[SessionStore]:
    messages = [
        HumanMessage("When does it leave?"),
        AIMessage("At nine."),
        HumanMessage("Look again."),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("Error: no timetable", tool_call_id="c1"),
    ]
    times = [datetime.now(UTC) - timedelta(days=age) for age in (800, 400, 70, 20, 10)]
    with LocalUpstash() as server, server.store() as store:
        stamped = zip(messages, times, strict=True)
        store.append("ferry", [encode(message, stored_at=time) for message, time in stamped])
        yield store


def test_the_figures_change_when_the_last_message_is_deleted(
    blank: Callable[..., Page], store: SessionStore
) -> None:
    with kept_comms():
        browser = HistoryBrowser(store)
        browser.select("ferry")
        page = blank(RealKernel(browser))
        row, header = page.locator(".session"), page.locator(".talk > header")
        expect(row).to_contain_text("Tool Error: no timetable")
        expect(row).to_contain_text("10 d ago")
        expect(page.get_by_text("1 failed call", exact=True)).to_be_visible()
        for left, last, age in ((4, "AI", "20 d ago"), (3, "Human Look again.", "2 mo ago")):
            message = page.locator(f".msg[aria-posinset='{left + 1}']")
            message.hover()
            message.get_by_role("button", name="Delete message").click()
            page.get_by_role("dialog").get_by_role("button", name="Delete message").click()
            expect(header).to_contain_text(f"{left} messages")
            expect(row.locator(".num").first).to_have_text(str(left))
            expect(row).to_contain_text(last)
            expect(row).to_contain_text(age)
            expect(page.get_by_text("failed call")).to_have_count(0)
        expect(page.locator(".stats")).to_contain_text("Turns2")
        expect(page.locator(".stats")).not_to_contain_text("look_up")
        page.get_by_role("button", name="Undo").first.click()
        expect(header).to_contain_text("4 messages")
        expect(row).to_contain_text("20 d ago")
        expect(page.locator(".stats")).to_contain_text("look_up")
        browser.close()


@pytest.mark.parametrize(
    ("place", "span"),
    [("Pacific/Kiritimati", "2026-03-02 to 2026-03-10"), ("UTC", "2026-03-01 to 2026-03-09")],
)
def test_the_span_is_in_days_of_this_place(chrome: Chrome, place: str, span: str) -> None:
    kernel = StandIn({"talk": Talk(4)})
    kernel.session = "talk"
    visit = chrome.visit(timezone_id=place)
    mount(visit.page, kernel)
    expect(visit.page.locator(".stats")).to_contain_text("Span" + span)
    visit.close()
