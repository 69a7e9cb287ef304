"""One message: its words, its tools and their results, its figures, its raw record, its copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from stand_in import StandIn, Talk, plain_entry

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def shown(blank: Blank, *entries: dict[str, Any], **mounting: Any) -> tuple[Page, StandIn]:
    """A session of these entries, open."""
    kernel = StandIn({"talk": Talk(len(entries), lambda i: plain_entry(0) | entries[i])})
    kernel.session = "talk"
    page = blank(kernel, **mounting)
    page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def bar(page: Page, at: int = 0) -> Locator:
    page.locator(".msg").nth(at).hover()
    return page.locator(".msgbar").nth(at)


def pasted(page: Page) -> str:
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.press("Control+V")
    return page.get_by_label("Message", exact=True).input_value()


@pytest.mark.parametrize("role", ["human", "ai", "system", "tool", "other"])
def test_a_role_is_named_and_has_a_mark_of_its_own(blank: Blank, role: str) -> None:
    page, _ = shown(blank, {"role": role})
    name = {"human": "Human", "ai": "AI", "system": "System", "tool": "Tool", "other": "Other"}[role]
    expect(page.get_by_role("article", name=f"{name}, message 1")).to_contain_text(name)
    expect(page.locator(f".glyph .i-{role}")).to_be_visible()


def test_a_call_and_its_result_stand_together(blank: Blank) -> None:
    call = {
        "name": "search_flights",
        "line": 'to="OSL"',
        "result": {"index": 1, "text": "SK 1461, 9:00"},
    }
    asks = {"role": "ai", "html": "", "tool_calls": [call], "tool_calls_total": 1}
    answer = {
        "role": "tool",
        "html": None,
        "answers": {"name": "search_flights", "index": 0},
    }
    page, _ = shown(blank, asks, answer)
    card = page.locator(".call")
    expect(card).to_contain_text('search_flights(to="OSL")ok')
    expect(card.get_by_role("group", name="Result")).to_have_text("SK 1461, 9:00")
    assert "call_1" not in page.locator(".feed").inner_text()
    own = page.locator(".msg").nth(1)
    expect(own).to_contain_text("Result of search_flights is shown with its call")
    assert own.evaluate("row => row.offsetHeight") < 34
    own.get_by_role("button", name="#1").click()
    expect(page.locator(".msg").nth(0)).to_be_in_viewport()


def test_a_failed_call_and_an_unanswered_one_say_so(blank: Blank) -> None:
    failed = {"name": "pay", "result": {"index": 1, "failure": "status", "text": "declined"}}
    amber = {"name": "look", "result": {"index": 2, "failure": "text", "text": "Error: none"}}
    empty = {"name": "wipe", "result": {"index": 3, "text": ""}}
    page, _ = shown(blank, {"role": "ai", "tool_calls": [failed, amber, empty, {"name": "book"}]})
    cards = page.locator(".call")
    expect(cards.nth(0).locator(".state-failed")).to_have_text("failed")
    expect(cards.nth(1).locator(".state-looks-failed")).to_have_text("looks failed")
    expect(cards.nth(2)).to_contain_text("ok")
    expect(cards.nth(2)).to_contain_text("The result is empty.")
    expect(cards.nth(3)).to_contain_text("no answer yet")
    colours = [
        cards.nth(i).evaluate("card => getComputedStyle(card).borderInlineStartColor") for i in (0, 1, 2)
    ]
    assert len(set(colours)) == 3


def test_further_tool_calls_come_when_asked_for(blank: Blank) -> None:
    calls = [{"name": f"tool_{i}", "args": "{}", "result": None} for i in range(20)]
    page, kernel = shown(blank, {"role": "ai", "tool_calls": calls, "tool_calls_total": 60})
    expect(page.locator(".call")).to_have_count(20)
    page.get_by_role("button", name="Show more of 60 tool calls").click()
    expect(page.locator(".call")).to_have_count(60)
    assert kernel.asked("calls")[0]["start"] == 20


def test_reasoning_is_folded(blank: Blank) -> None:
    block = {"kind": "reasoning", "label": "reasoning", "bytes": None, "html": "<p>First, the quay.</p>"}
    page, _ = shown(blank, {"blocks": [block]})
    expect(page.get_by_text("First, the quay.")).to_be_hidden()
    page.locator("summary", has_text="reasoning").click()
    expect(page.get_by_text("First, the quay.")).to_be_visible()


def test_a_picture_is_shown_only_when_asked_for(blank: Blank) -> None:
    block = {"kind": "image", "label": "image, map.png", "bytes": 12_345, "html": None, "showable": True}
    page, kernel = shown(blank, {"blocks": [block]})
    expect(page.locator(".part")).to_contain_text("image, map.png12.3 kB")
    assert page.locator("img").count() == 0
    page.get_by_role("button", name="Show image").click()
    expect(page.get_by_role("img", name="image, map.png")).to_have_attribute(
        "src", "data:image/png;base64," + DOT
    )
    assert kernel.asked("image")[0]["block"] == 0


DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_the_figures_of_a_message_are_shown(blank: Blank) -> None:
    figures = {
        "role": "ai",
        "model": "gpt-4o-mini",
        "finish_reason": "stop",
        "tokens": {"input": 1200, "output": 34, "total": 1234},
        "name": "planner",
    }
    page, _ = shown(blank, figures)
    facts = page.locator(".msg .facts")
    expect(facts).to_contain_text("gpt-4o-mini")
    expect(facts).to_contain_text("1,200 in, 34 out")
    expect(facts).not_to_contain_text("stop")  # as most end
    expect(page.locator(".msghead")).to_contain_text("planner")
    expect(page.locator(".msghead time")).to_have_attribute("datetime", "2026-03-01T10:20:30Z")


def test_a_record_that_cannot_be_read_keeps_its_place(blank: Blank) -> None:
    page, _ = shown(blank, {}, {"error": "not JSON at 1", "raw": '{"type": broken', "html": ""}, {})
    bad = page.get_by_role("article", name="Unreadable record, message 2")
    expect(bad).to_contain_text("not JSON at 1")
    expect(bad.get_by_role("group", name="Raw record")).to_have_text('{"type": broken')
    expect(page.locator(".msg")).to_have_count(3)


def test_the_raw_record_is_one_click_away(blank: Blank) -> None:
    page, _ = shown(blank, {})
    bar(page).get_by_role("button", name="Raw JSON").click()
    sheet = page.get_by_role("dialog", name="Message #1")
    expect(sheet.get_by_role("group", name="Raw JSON")).to_contain_text("12345678901234567890")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


@pytest.mark.parametrize("form", ["text", "Markdown", "JSON"])
def test_a_message_is_copied_in_each_form(blank: Blank, form: str) -> None:
    page, kernel = shown(blank, {})
    bar(page).get_by_role("button", name="Raw JSON").click()
    sheet = page.get_by_role("dialog", name="Message #1")
    sheet.get_by_role("button", name=f"Copy as {form}").click()
    expect(sheet.get_by_text("Copied")).to_be_visible()
    page.keyboard.press("Escape")
    assert pasted(page) == f"{form.lower()} of [0]"
    assert kernel.asked("copy")[0]["indexes"] == [0]


def test_its_words_are_copied_with_one_click(blank: Blank) -> None:
    page, _ = shown(blank, {})
    bar(page).get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert pasted(page) == "text of [0]"


def test_code_has_a_button_that_copies_it(blank: Blank) -> None:
    html = '<pre class="cm-code" data-lang="python"><code><span class="nb">print</span>(1)\n</code></pre>'
    page, _ = shown(blank, {"html": html})
    page.get_by_role("group", name="Code").hover()
    page.get_by_role("button", name="Copy code").click()
    assert pasted(page) == "print(1)\n"


def test_a_wide_table_scrolls_in_its_own_box(blank: Blank) -> None:
    cells = "".join(f"<td>column_{i}_with_a_long_name</td>" for i in range(40))
    page, _ = shown(blank, {"html": f"<table><tbody><tr>{cells}</tr></tbody></table>"}, width=360)
    box = page.get_by_role("group", name="Table")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert page.locator(".feed").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_a_clipped_message_is_shown_whole_part_by_part(blank: Blank) -> None:
    page, kernel = shown(blank, {"clipped": 2000})
    page.get_by_role("button", name="Show all 2,000 characters").click()
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("group", name="Full text")).to_have_count(2)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert [ask["offset"] for ask in kernel.asked("full")] == [0, 1000]


def test_a_line_of_a_million_characters_wraps(blank: Blank) -> None:
    page, _ = shown(blank, {"html": f"<p>{'x' * 1_000_000}</p>"}, {"html": "<p>after it</p>"})
    assert page.locator(".feed").evaluate("box => box.scrollWidth <= box.clientWidth")
    page.get_by_role("feed").press("End")
    expect(page.get_by_text("after it")).to_be_in_viewport()


def test_a_missing_field_breaks_nothing(blank: Blank) -> None:
    page, _ = shown(blank, {"html": "<p>bare</p>"})
    bare = {"index": 0, "role": "ai", "html": "<p>very bare</p>", "error": None}
    kernel = StandIn({"talk": Talk(1, lambda i: bare)})
    kernel.session = "talk"
    other = blank(kernel)
    expect(other.get_by_text("very bare")).to_be_visible()
    page.close()


def test_tall_messages_open_at_their_end_as_well(blank: Blank) -> None:
    page, _ = shown(blank, *[{"html": "<p>tall</p>" * 20}] * 8, {"html": "<p>the newest</p>"})
    expect(page.get_by_text("the newest")).to_be_in_viewport()
