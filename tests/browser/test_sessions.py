"""The list of sessions: any number of them, filtered, sorted, ticked, with what listing has cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from blank_page import report_progress, settle
from playwright.sync_api import Locator, Page, expect
from stand_in import StandIn, Talk

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def many(n: int) -> StandIn:
    return StandIn({f"talk {i:05}": Talk(i % 90) for i in range(n)})


def row(page: Page, name: str) -> Locator:
    return page.locator(".session", has_text=name)


def test_a_row_shows_count_expiry_and_first_and_last_words(blank: Blank) -> None:
    page = blank(StandIn({"trip to Oslo": Talk(1234, ttl_s=7200.0)}))
    expect(row(page, "trip to Oslo")).to_contain_text("1,234")
    expect(row(page, "trip to Oslo")).to_contain_text("2 h left")
    expect(row(page, "trip to Oslo")).to_contain_text("Human When does the ferry to Oslo leave")
    expect(row(page, "trip to Oslo")).to_contain_text("AI At nine, from the east quay")


def test_only_the_sessions_in_view_are_asked_for(blank: Blank) -> None:
    kernel = many(10_000)
    kernel.listing_complete = False
    page = blank(kernel)
    row(page, "talk 00000").wait_for()
    settle(page)
    in_view = kernel.asked("sessions")
    assert in_view[0]["start"] == 0
    assert in_view[-1]["stop"] < 25
    before = len(in_view)
    box = page.get_by_role("listbox", name="Sessions")
    box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    page.wait_for_function(f"() => sent.filter(m => m.method === 'sessions').length > {before}")
    settle(page)
    further = kernel.asked("sessions")[before:]
    assert further[0]["start"] == in_view[-1]["stop"]
    assert sum(ask["stop"] - ask["start"] for ask in further) < 50
    assert page.locator(".session").count() < 60


def test_a_complete_listing_opens_anywhere(blank: Blank) -> None:
    kernel = many(10_000)
    page = blank(kernel)
    row(page, "talk 00000").wait_for()
    page.get_by_role("listbox", name="Sessions").press("End")
    row(page, "talk 09999").wait_for()
    assert len(kernel.asked("sessions")) <= 4


def test_typing_filters_and_only_the_last_answer_counts(blank: Blank) -> None:
    kernel = many(300)
    page = blank(kernel)
    row(page, "talk 00000").wait_for()
    page.get_by_label("Filter sessions by id").press_sequentially("00217", delay=5)
    expect(page.locator(".session")).to_have_count(1)
    expect(row(page, "talk 00217")).to_be_visible()
    assert len(kernel.asked("sessions")) <= 3


def test_nothing_found_says_how_the_filter_works(blank: Blank) -> None:
    page = blank(many(3))
    page.get_by_label("Filter sessions by id").fill("nowhere")
    expect(page.get_by_role("heading", name="No id matches “nowhere”")).to_be_visible()


def test_where_momento_lists_nothing_a_session_is_opened_by_its_id(blank: Blank) -> None:
    kernel = StandIn({})
    kernel.service = "Momento"
    page = blank(kernel)
    expect(
        page.get_by_text("Momento lists only sessions that this package has written or read.")
    ).to_be_visible()
    page.get_by_label("Filter sessions by id").fill("years ago")
    opening = page.get_by_role("button", name="Open this id")
    expect(opening).to_be_visible()
    kernel.talks["years ago"] = Talk(3)
    opening.click()
    expect(page.locator(".title")).to_have_text("years ago")


def test_a_store_without_sessions_offers_a_new_one(blank: Blank) -> None:
    kernel = StandIn({})
    page = blank(kernel)
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    page.get_by_role("button", name="New session").click()
    page.get_by_label("Session id").fill("first one")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".title")).to_have_text("first one")
    expect(page.get_by_role("heading", name="No messages yet")).to_be_visible()
    assert kernel.asked("open")[0] == {"session_id": "first one", "create": True}


def test_any_session_opens_by_its_exact_id(blank: Blank) -> None:
    kernel = many(3)
    page = blank(kernel)
    page.get_by_label("Filter sessions by id").fill("kept elsewhere")
    page.get_by_role("button", name="Open this id").click()
    expect(page.get_by_role("heading", name="No session with this id")).to_be_visible()
    assert kernel.asked("open")[-1]["session_id"] == "kept elsewhere"


def test_sorting_asks_for_the_order(blank: Blank) -> None:
    kernel = many(100)
    page = blank(kernel)
    row(page, "talk 00000").wait_for()
    page.get_by_label("Sort sessions").select_option("By length")
    expect(page.locator(".session").first).to_contain_text("89")
    assert kernel.asked("sessions")[-1]["descending"] is True
    page.get_by_label("Sort sessions").select_option("By id")
    expect(page.locator(".session").first).to_contain_text("talk 00000")
    assert kernel.asked("sessions")[-1]["descending"] is False


def test_the_footer_counts_the_sessions_and_tells_the_cost_in_its_tooltip(blank: Blank) -> None:
    kernel = many(200)
    page = blank(kernel)
    expect(page.locator(".cost")).to_have_text(re.compile(r"^1\d of 200 sessions$"))  # those in view
    expect(page.locator(".cost")).to_have_attribute(
        "title",
        "Listing: 3 requests, 12 billed. In all 3, 4.3 kB. 500,000 commands a month are free",
    )
    page.get_by_label("Filter sessions by id").fill("0019")
    expect(page.locator(".cost")).to_have_text("11 sessions")
    kernel.listing_complete = False
    page.get_by_label("Filter sessions by id").fill("")
    expect(page.locator(".cost")).to_have_text(re.compile(r"^1\d sessions so far$"))


def test_the_time_of_the_last_write_is_relative_and_its_absence_is_said(blank: Blank) -> None:
    kernel = StandIn({"dated": Talk(3), "undated": Talk(3)})
    kernel.last_writes = {"dated": datetime.now(UTC) - timedelta(hours=3, minutes=5)}
    page = blank(kernel)
    expect(row(page, "dated").first).to_contain_text("3 h ago")
    page.get_by_label("Sort sessions").select_option("By last write (reads all sessions)")
    expect(row(page, "undated")).to_contain_text("no timestamp")


def test_the_open_session_is_brought_in_view(blank: Blank) -> None:
    kernel = many(500)
    kernel.session = "talk 00444"
    page = blank(kernel)
    expect(row(page, "talk 00444")).to_be_in_viewport()
    page.get_by_role("listbox", name="Sessions").evaluate("box => { box.scrollTop = 0; }")
    row(page, "talk 00003").click()
    expect(row(page, "talk 00003")).to_be_in_viewport()  # and the list stays where it is


def test_an_append_renews_the_row_of_its_session(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(5)})
    kernel.session = "talk"
    page = blank(kernel)
    page.locator(".stats dl").wait_for()
    kernel.last_words = "the newest words"
    page.get_by_label("Message", exact=True).fill("the newest words")
    page.keyboard.press("Control+Enter")
    expect(row(page, "talk").locator(".num").first).to_have_text("6")
    expect(row(page, "talk")).to_contain_text("the newest words")
    expect(page.get_by_text("6 messages", exact=True)).to_be_visible()
    assert len(kernel.asked("stats")) == 1, "the figures are counted again"


def test_selected_sessions_are_sent_to_the_kernel(blank: Blank) -> None:
    kernel = many(5)
    page = blank(kernel)
    row(page, "talk 00001").locator(".tick").click()
    row(page, "talk 00003").click(modifiers=["Control"])
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert kernel.asked("select")[-1] == {"session_ids": ["talk 00001", "talk 00003"]}
    expect(row(page, "talk 00003")).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Clear selection").click()
    assert kernel.asked("select")[-1] == {"session_ids": []}
    assert kernel.asked("open") == []


def test_sessions_that_python_selects_are_shown_as_selected(blank: Blank) -> None:
    kernel = many(5)
    page = blank(kernel)
    row(page, "talk 00002").wait_for()
    page.evaluate("() => hear({event: 'changed', what: 'selection', selection: ['talk 00002']})")
    expect(row(page, "talk 00002")).to_have_attribute("aria-selected", "true")
    assert kernel.asked("select") == []


def test_the_keyboard_moves_selects_and_opens(blank: Blank) -> None:
    kernel = many(40)
    page = blank(kernel)
    box = page.get_by_role("listbox", name="Sessions")
    row(page, "talk 00000").wait_for()
    box.focus()
    for key in ("ArrowDown", "ArrowDown", " ", "ArrowUp"):
        page.keyboard.press(key)
    marked = box.get_attribute("aria-activedescendant")
    expect(page.locator(f"[id='{marked}']")).to_contain_text("talk 00001")
    expect(row(page, "talk 00002")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".title")).to_have_text("talk 00001")
    box.press("/")
    expect(page.get_by_label("Filter sessions by id")).to_be_focused()


def test_a_failed_listing_says_why_and_can_be_tried_again(blank: Blank) -> None:
    kernel = many(3)
    kernel.broken["sessions"] = {"type": "unavailable", "message": "The server does not answer."}
    page = blank(kernel)
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    kernel.broken.clear()
    page.get_by_role("button", name="Try again").click()
    expect(row(page, "talk 00001")).to_be_visible()


def test_a_long_listing_shows_progress_and_can_be_stopped(blank: Blank) -> None:
    kernel = many(3)
    kernel.silent = {"sessions"}
    page = blank(kernel)
    report_progress(page, "sessions", done=1500, total=None, note="listing sessions")
    expect(page.get_by_text("listing sessions: 1,500")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Listing stopped")).to_be_visible()
    [cancelled] = kernel.asked("cancel")
    assert cancelled["rid"] == next(m["rid"] for m in kernel.seen if m["method"] == "sessions")


def test_a_change_elsewhere_reloads_the_list_where_it_is(blank: Blank) -> None:
    kernel = many(400)
    page = blank(kernel)
    row(page, "talk 00000").wait_for()
    page.get_by_role("listbox", name="Sessions").evaluate("box => { box.scrollTop = 68 * 200; }")
    row(page, "talk 00201").wait_for()
    kernel.talks["talk 00201"].length = 77_777
    page.evaluate("() => hear({event: 'changed', what: 'sessions'})")
    expect(row(page, "talk 00201")).to_contain_text("77,777")


def test_rows_drawn_anew_do_not_undo_a_scroll(blank: Blank) -> None:
    kernel = many(500)
    kernel.session = "talk 00444"
    page = blank(kernel)
    expect(row(page, "talk 00444")).to_be_in_viewport()
    settle(page)
    page.get_by_role("listbox", name="Sessions").evaluate(
        """box => {
          box.scrollTop = 0;
          hear({event: "changed", what: "selection", selection: ["talk 00444"]}); // before the scroll event
        }"""
    )
    expect(row(page, "talk 00003")).to_be_in_viewport()
