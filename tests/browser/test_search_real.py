"""Searching, selecting and exporting in a real browser: what the page shows is what Python gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from playwright.sync_api import Page, expect
from real_kernel import RealKernel

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import SessionStore

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]
MENTIONING = 15
CALL = {"name": "book", "args": {"note": "needs a receipt " * 30, "seat": "12A"}, "id": "c1"}


@pytest.fixture(scope="module")
def store() -> Iterator[SessionStore]:
    with LocalUpstash() as server, server.store() as store:
        for number in range(40):
            words = "I want compensation for this." if number < MENTIONING else "Thank you."
            talk = [SystemMessage("You are an agent."), HumanMessage(words), AIMessage("Of course.")]
            store.append(f"flight-{number:02}", encode_all(talk * 10))
        folded = [
            SystemMessage("Be kind. " * 60 + "Never promise a receipt."),
            HumanMessage("A receipt, and a Receipt again."),
            AIMessage("", tool_calls=[CALL]),
            ToolMessage("x" * 900 + " one receipt", tool_call_id="c1", name="book"),
        ]
        store.append("folded", encode_all(folded))
        # A window has no room for all of these, so that each is cut.
        cut = [AIMessage(f"{'word ' * 1_800} lighthouse {number}") for number in range(12)]
        store.append(
            "long texts", encode_all([*cut, HumanMessage(f"{'word ' * 50_000} lighthouse at the end")])
        )
        yield store


@pytest.fixture
def kernel(browser: HistoryBrowser) -> RealKernel:
    return RealKernel(browser)


@pytest.fixture
def page(blank: Blank, kernel: RealKernel) -> Page:
    page = blank(kernel)
    page.locator(".session:not(.waiting)").first.wait_for()
    return page


def look(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search messages").fill(text)
    page.keyboard.press("Enter")


def marked(page: Page) -> list[str]:
    """What is marked in the transcript, in order."""
    page.wait_for_function("() => CSS.highlights.get('chatmem')?.size > 0")
    texts: list[str] = page.evaluate(
        "() => [...CSS.highlights.get('chatmem')].map(range => range.toString())"
    )
    return texts


def test_three_clicks_lead_from_words_to_a_dataframe(
    page: Page, browser: HistoryBrowser, namespace: dict[str, Any]
) -> None:
    clicks = 0

    def click(name: str) -> None:
        nonlocal clicks
        page.locator(".list").get_by_role("button", name=name, exact=True).click()
        clicks += 1

    click("Search messages")
    look(page, "compensation")
    expect(page.get_by_text("150 matches in 15 sessions")).to_be_visible()
    click("Select all 15")
    click("Save as df")
    expect(page.get_by_text("Saved as df: a DataFrame of 450 rows")).to_be_visible()
    assert clicks == 3
    mentioning = {f"flight-{number:02}" for number in range(MENTIONING)}
    assert set(namespace["df"]["session_id"]) == set(browser.selection) == mentioning
    expect(page.get_by_role("button", name="Export 15 sessions")).to_be_visible()


def test_a_filter_without_matches_offers_a_search_in_messages(page: Page) -> None:
    page.get_by_label("Filter sessions by id").fill("compensation")
    expect(page.get_by_text("No id matches “compensation”")).to_be_visible()
    page.locator(".state").get_by_role("button", name="Search messages").click()
    groups = page.get_by_role("listbox", name="Matches").locator(".group")
    expect(groups.first).to_contain_text("flight-")
    expect(page.locator(".hit mark").first).to_have_text("compensation")
    page.get_by_role("button", name="Back to all sessions").click()
    expect(page.locator(".cost")).to_contain_text("42 sessions")  # the words went into the search


def test_a_session_of_the_matches_is_selected_by_its_box_and_by_space(
    page: Page, browser: HistoryBrowser
) -> None:
    page.get_by_role("button", name="Search messages").first.click()
    look(page, "compensation")
    group = page.locator(".group").first
    group.locator(".tick").click()
    expect(group).to_have_attribute("aria-selected", "true")
    [session_id] = browser.selection
    page.get_by_role("listbox", name="Matches").press("ArrowDown")
    expect(page.locator(".title")).to_have_text(session_id)
    page.get_by_role("listbox", name="Matches").press(" ")
    expect(group).to_have_attribute("aria-selected", "false")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(receipt", "This is not a regular expression: missing ) at position 9."),
        ("(x+x+)+y", "takes too long and was stopped"),
    ],
)
def test_a_bad_expression_is_an_error_at_its_field(page: Page, pattern: str, message: str) -> None:
    page.get_by_role("button", name="Search messages").first.click()
    page.get_by_label("Regular expression").check()
    look(page, pattern)
    field = page.get_by_role("searchbox", name="Search messages")
    expect(page.locator(".find [role=alert]")).to_contain_text(message)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("listbox", name="Sessions")).to_be_visible()
    page.get_by_label("Regular expression").uncheck()
    expect(field).to_have_attribute("aria-invalid", "false")


def test_what_an_expression_matched_is_marked_in_its_messages_only(page: Page) -> None:
    page.get_by_role("button", name="Search messages").first.click()
    page.get_by_label("Regular expression").check()
    page.locator(".find").get_by_label("Role").select_option("Human")
    look(page, r"\bre\w+t")
    expect(page.locator(".hit mark").first).to_have_text("receipt")
    page.locator(".hit", has_text="A receipt, and").click()
    assert marked(page) == ["receipt", "Receipt"]


def test_going_to_a_match_opens_what_hides_it_and_marks_every_one(page: Page) -> None:
    page.locator(".list input[type=search]").fill("folded")
    page.locator(".session", has_text="folded").click()
    page.get_by_role("button", name="Search messages").first.click()
    look(page, "receipt")
    said = page.locator(".find [role=status]")
    expect(said).to_have_text("1 of 4 matches")
    expect(page.locator(".words.folded")).to_have_count(0)  # the instructions were folded
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # to the arguments of the call
    expect(said).to_have_text("3 of 4 matches")
    expect(page.locator(".call details[open]")).to_contain_text("needs a receipt")
    page.keyboard.press("Enter")  # to the result, which stands with its call
    expect(said).to_have_text("4 of 4 matches")
    expect(page.locator(".result:not(.folded)")).to_contain_text("one receipt")
    words = marked(page)
    assert len(words) >= 30 + 1 + 2
    assert {word.lower() for word in words} == {"receipt"}


def test_going_to_a_match_in_text_that_is_cut_shows_it_marked(page: Page) -> None:
    page.locator(".list input[type=search]").fill("long texts")
    page.locator(".session", has_text="long texts").click()
    expect(page.locator(".msg").first).to_be_attached()
    page.get_by_role("button", name="Search messages").first.click()
    look(page, "lighthouse")
    said = page.locator(".find [role=status]")
    expect(said).to_have_text("1 of 13 matches")
    in_view = """() => {
      const box = document.querySelector('.feed').getBoundingClientRect();
      return [...CSS.highlights.get('chatmem') ?? []].some(range => {
        const {left, top} = range.getBoundingClientRect();
        return top >= box.top && document.elementFromPoint(left, top + 2)?.contains(range.startContainer);
      });
    }"""
    page.wait_for_function(in_view)
    assert marked(page)[0] == "lighthouse"
    page.get_by_role("button", name="Previous match").click()  # the last one, behind 250,000 characters
    expect(said).to_have_text("13 of 13 matches")
    expect(page.locator(".msg").last).to_contain_text("lighthouse at the end")
    page.wait_for_function(in_view)


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (lambda page: page.locator(".find").get_by_label("Role").select_option("Human"), "1 of 1 match"),
        (lambda page: page.get_by_label("Tool", exact=True).fill("book"), "1 of 2 matches"),
        (lambda page: page.get_by_label("Errors only").check(), "No matches in 4 messages of 1 session"),
        (lambda page: page.get_by_label("Whole words").check(), "1 of 4 matches"),
    ],
)
def test_another_filter_starts_a_new_search(page: Page, change: Callable[[Page], object], count: str) -> None:
    page.locator(".list input[type=search]").fill("folded")
    page.locator(".session", has_text="folded").click()
    page.get_by_role("button", name="Search messages").first.click()
    look(page, "receipt")
    said = page.locator(".find [role=status]")
    expect(said).to_have_text("1 of 4 matches")
    page.keyboard.press("Enter")
    change(page)
    page.keyboard.press("Tab")
    expect(said).to_have_text(count)


def test_a_number_copies_the_line_that_opens_its_message(
    page: Page, browser: HistoryBrowser, kernel: RealKernel, namespace: dict[str, Any]
) -> None:
    namespace["my_browser"] = browser
    keep = "event => { window.copied = event.clipboardData.getData('text/plain'); }"
    page.evaluate(f"() => addEventListener('copy', {keep})")
    page.locator(".list input[type=search]").fill("flight-03")
    page.locator(".session", has_text="flight-03").click()
    page.get_by_role("button", name="#29", exact=True).click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("() => window.copied")
    assert copied == 'my_browser.select("flight-03", message=29)'
    page.get_by_role("feed").press("Home")
    expect(page.locator(".msg[aria-posinset='29']")).not_to_be_in_viewport()
    exec(compile(copied, "cell", "exec"), namespace)
    kernel.tell(page)
    expect(page.locator(".msg[aria-posinset='29']")).to_be_in_viewport()


def test_select_with_a_message_brings_it_in_view(
    page: Page, browser: HistoryBrowser, kernel: RealKernel, blank: Blank
) -> None:
    browser.select("flight-03", message=5)
    kernel.tell(page)
    there = page.locator(".msg[aria-posinset='5']")
    expect(there).to_be_in_viewport()
    expect(there).to_have_attribute("aria-current", "true")
    browser.select("flight-03", message=20)  # it is open already
    kernel.tell(page)
    expect(page.locator(".msg[aria-posinset='20']")).to_be_in_viewport()
    second = blank(kernel)  # as after Run All: Python was there before the page
    expect(second.locator(".msg[aria-posinset='20']")).to_be_in_viewport()


def test_a_range_is_selected_with_shift_also_where_it_was_never_seen(
    page: Page, browser: HistoryBrowser
) -> None:
    page.get_by_label("Sort sessions").select_option("By id")
    expect(page.locator(".session").first).to_contain_text("flight-00")
    rows = page.locator(".session")
    rows.nth(1).locator(".tick").click()
    rows.nth(3).click(modifiers=["Shift"])
    expect(page.get_by_text("3 selected")).to_be_visible()
    assert browser.selection == ["flight-01", "flight-02", "flight-03"]
    sessions = page.get_by_role("listbox", name="Sessions")
    sessions.press("Shift+ArrowUp")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Select all 42").click()
    expect(page.get_by_role("button", name="Export 42 sessions")).to_be_visible()
    assert len(browser.selection) == 42
