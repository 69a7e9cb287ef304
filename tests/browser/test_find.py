"""Find: hits counted and stepped through, in one session or in all, with progress and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blank_page import report_progress, settle
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def hit(session: str, index: int, snippet: str = "take the ferry to Oslo") -> dict[str, Any]:
    start = snippet.find("ferry")
    identity = f"text of {index}"
    at = [start, start + 5]
    return {
        "session_id": session,
        "index": index,
        "role": "ai",
        "snippet": snippet,
        "at": at,
        "identity": identity,
    }


def opened(blank: Blank, *hits: dict[str, Any]) -> tuple[Page, StandIn]:
    kernel = StandIn({"talk": Talk(5000), "other": Talk(30)})
    kernel.session = "talk"
    kernel.hits = list(hits)
    page = blank(kernel)
    page.locator(".msg:not(.waiting)").first.wait_for()
    page.get_by_role("button", name="Search messages").click()
    return page, kernel


def look(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search messages").fill(text)
    page.keyboard.press("Enter")


def test_hits_are_stepped_through_with_the_keyboard(blank: Blank) -> None:
    page, kernel = opened(blank, hit("talk", 9), hit("talk", 2500), hit("talk", 4999))
    expect(page.get_by_role("searchbox", name="Search messages")).to_be_focused()
    look(page, "ferry")
    said = page.locator(".find [role=status]")
    expect(said).to_have_text("1 of 3 matches")
    expect(page.locator(".msg[aria-posinset='10']")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(said).to_have_text("2 of 3 matches")
    expect(page.locator(".msg[aria-posinset='2501']")).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".msg[aria-posinset='5000']")).to_be_in_viewport()
    assert len(kernel.asked("find")) == 1


def test_a_match_that_has_moved_is_reported(blank: Blank) -> None:
    moved = hit("talk", 2500) | {"identity": "text of another"}
    page, kernel = opened(blank, hit("talk", 9), moved)
    look(page, "ferry")
    expect(page.locator(".find [role=status]")).to_have_text("1 of 2 matches")
    expect(page.locator(".toast")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("this match has moved or is gone")
    assert len(kernel.asked("open")) == 2  # read again once, and not for ever


def test_the_words_found_are_marked_without_new_markup(blank: Blank) -> None:
    page, _ = opened(blank, hit("talk", 4999))
    look(page, "FERRY")
    page.wait_for_function("() => CSS.highlights.get('chatmem')?.size > 0")
    page.keyboard.press("Escape")
    page.wait_for_function("() => !CSS.highlights.get('chatmem')?.size")
    expect(page.locator(".find")).to_be_hidden()


def local_midnight(page: Page, *day: int) -> str:
    """The beginning of a day where the browser is, in UTC."""
    year, month, date = day
    return str(page.evaluate(f"() => new Date({year}, {month - 1}, {date}).toISOString()"))


def test_all_filters_reach_the_kernel(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_label("Search in").select_option("All sessions")
    page.locator(".find").get_by_label("Role").select_option("AI")
    page.get_by_label("Tool", exact=True).fill("search_flights")
    page.get_by_label("Model", exact=True).fill("gpt")
    page.get_by_label("Errors only").check()
    page.get_by_label("Whole words").check()
    page.get_by_label("From", exact=True).fill("2026-03-01")
    page.get_by_label("To", exact=True).fill("2026-03-02")
    look(page, "ferry")
    expect(page.get_by_text("No matches in 40 messages of 1 session")).to_be_visible()
    assert kernel.asked("find")[-1] == {
        "scope": "all",
        "session_id": "talk",
        "text": "ferry",
        "regex": False,
        "whole_words": True,
        "role": "ai",
        "tool": "search_flights",
        "model": "gpt",
        "errors_only": True,
        "label": "",
        "since": local_midnight(page, 2026, 3, 1),
        "until": local_midnight(page, 2026, 3, 3),  # the last day counts whole
        "limit": 1000,
    }


def test_instructions_can_be_left_out_of_a_search(blank: Blank) -> None:
    page, kernel = opened(blank, hit("talk", 7))
    look(page, "ferry")
    expect(page.get_by_text("1 of 1 match")).to_be_visible()
    page.locator(".find").get_by_label("Role").select_option("Not system")
    settle(page)
    assert [params["role"] for params in kernel.asked("find")] == ["", "not system"]


def test_hits_of_all_sessions_are_listed_and_open_their_session(blank: Blank) -> None:
    page, _ = opened(blank, hit("other", 3), hit("talk", 7))
    page.get_by_label("Search in").select_option("All sessions")
    look(page, "ferry")
    rows = page.get_by_role("listbox", name="Matches").locator(".hit")
    expect(rows).to_have_count(2)
    expect(page.get_by_text("2 matches in 2 sessions")).to_be_visible()
    expect(page.locator(".group").first).to_contain_text("other")
    expect(page.get_by_role("listbox", name="Sessions")).to_be_hidden()
    expect(rows.first.locator("mark")).to_have_text("ferry")
    rows.first.click()
    expect(page.locator(".title")).to_have_text("other")
    expect(page.locator(".msg[aria-posinset='4']")).to_be_in_viewport()
    page.get_by_role("listbox", name="Matches").press("ArrowDown")  # the session of the next
    expect(page.locator(".title")).to_have_text("other")
    page.get_by_role("listbox", name="Matches").press("ArrowDown")
    expect(page.locator(".title")).to_have_text("talk")


def test_the_search_works_without_an_open_session(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(50)})
    kernel.hits = [hit("talk", 3)]
    page = blank(kernel)
    page.get_by_role("button", name="Search messages").click()
    look(page, "ferry")
    assert kernel.asked("find")[0]["scope"] == "all"
    page.get_by_role("listbox", name="Matches").locator(".hit").click()
    expect(page.locator(".title")).to_have_text("talk")


def test_progress_is_shown_and_a_search_can_be_stopped(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.silent = {"find"}
    page.get_by_label("Search in").select_option("All sessions")
    look(page, "ferry")
    report_progress(page, "find", done=0, total=9000, note="messages read")
    event = {
        "event": "progress",
        "done": 1500,
        "total": 9000,
        "note": "messages read",
        "partial": {"hits": [hit("other", 3)], "count": 1, "sessions": 1},
    }
    page.evaluate(
        """event => {
          const {rid, view} = sent.find(m => m.method === 'find');
          hear({...event, rid, view});
        }""",
        event,
    )
    expect(page.get_by_text("1 match so far")).to_be_visible()
    expect(page.get_by_text("messages read: 1,500 of 9,000")).to_be_visible()
    expect(page.get_by_role("listbox", name="Matches").locator(".hit")).to_have_count(1)
    page.locator(".toast").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped. 1 match")).to_be_visible()
    assert len(kernel.asked("cancel")) == 1


def test_a_failed_search_says_why(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["find"] = {"type": "unavailable", "message": "The server does not answer."}
    look(page, "ferry")
    expect(page.locator(".find")).to_contain_text("The server does not answer.")


def test_slash_in_the_transcript_opens_the_search(blank: Blank) -> None:
    page, _ = opened(blank)
    page.keyboard.press("Escape")
    expect(page.locator(".find")).to_be_hidden()
    page.get_by_role("feed").press("/")
    expect(page.get_by_role("searchbox", name="Search messages")).to_be_focused()
