"""Two ticked sessions beside each other in a sheet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from stand_in import StandIn, Talk

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def ticked(blank: Blank, *names: str) -> tuple[Page, StandIn, Locator]:
    kernel = StandIn({name: Talk(3) for name in ("one", "two", "three")})
    page = blank(kernel)
    for name in names:
        page.locator(".session", has_text=name).locator(".tick").click()
    return page, kernel, page.get_by_role("button", name="Compare", exact=True)


def test_two_selected_sessions_are_compared_in_the_order_of_selection(blank: Blank) -> None:
    page, kernel, compare = ticked(blank, "two", "one")
    compare.click()
    sheet = page.get_by_role("dialog", name="Compare")
    expect(sheet.locator("del")).to_have_text("nine")
    expect(sheet.locator("ins")).to_have_css("background-color", "rgb(1, 2, 3)")
    assert sheet.locator("td.cm-equal").evaluate("cell => cell.colSpan") == 2
    assert kernel.asked("compare") == [{"a": "two", "b": "one"}]
    expect(sheet.get_by_role("button", name="Copy code")).to_have_attribute(
        "title", 'browser.compare("two", "one")'
    )
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
def test_one_or_three_sessions_are_not_compared(blank: Blank, names: tuple[str, ...]) -> None:
    _, _, compare = ticked(blank, *names)
    expect(compare).to_have_count(0)


def test_a_comparison_that_is_refused_says_why(blank: Blank) -> None:
    page, kernel, compare = ticked(blank, "one", "two")
    kernel.broken["compare"] = {"type": "too_large", "message": "These sessions are larger than 50 MB."}
    compare.click()
    expect(page.get_by_text("These sessions are larger than 50 MB.")).to_be_visible()
    expect(compare).to_be_enabled()


def test_keys_typed_on_a_folded_run_stay_in_the_widget(blank: Blank) -> None:
    page, _, compare = ticked(blank, "one", "two")
    compare.click()
    expect(page.locator("dialog summary")).to_have_attribute("data-lm-suppress-shortcuts", "true")
