"""Append, paste, delete, clear, undo; and none of it where the browser is read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blank_page import choose, settle
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk, plain_entry

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def opened(blank: Blank, length: int = 40) -> tuple[Page, StandIn]:
    kernel = StandIn({"trip to Oslo": Talk(length), "other": Talk(7)})
    kernel.session = "trip to Oslo"
    page = blank(kernel)
    if length:
        page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)


def test_ctrl_enter_appends_and_the_end_is_shown(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_label("Message", exact=True).focus()
    page.get_by_label("Role", exact=True).last.select_option("AI")
    write(page, "line one\nline two")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".msg[aria-posinset='41']")).to_contain_text("appended")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    [sent] = kernel.asked("append")
    assert (sent["role"], sent["content"], sent["session_id"]) == ("ai", "line one\nline two", "trip to Oslo")
    expect(page.locator(".session", has_text="trip to Oslo").locator(".num").first).to_have_text("41")


def test_a_failed_append_keeps_the_typed_text(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["append"] = {"type": "throttled", "message": "Too many requests; try again."}
    write(page, "a long thought")
    page.get_by_role("button", name="Append", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Too many requests")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("a long thought")
    kernel.broken.clear()
    page.get_by_role("button", name="Append", exact=True).click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.get_by_text("Too many requests")).to_be_hidden()


def test_enter_alone_makes_a_new_line(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_label("Message", exact=True).press_sequentially("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    expect(page.get_by_label("Message", exact=True)).to_have_value("one\ntwo")
    assert kernel.asked("append") == []


def test_a_tool_message_takes_the_id_of_its_call(blank: Blank) -> None:
    page, kernel = opened(blank)
    expect(page.get_by_label("Tool call id")).to_be_hidden()
    page.get_by_label("Message", exact=True).focus()
    page.get_by_label("Role", exact=True).last.select_option("Tool")
    page.get_by_label("Tool call id").fill("call_1")
    write(page, "42")
    page.get_by_role("button", name="Append", exact=True).click()
    page.locator(".msg[aria-posinset='41']").wait_for()
    assert kernel.asked("append")[0]["tool_call_id"] == "call_1"


def test_the_preview_shows_the_markdown(blank: Blank) -> None:
    page, _ = opened(blank)
    write(page, "**bold**")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("group", name="Preview").locator("strong")).to_have_text("8")
    write(page, "**bolder**")
    expect(page.get_by_role("group", name="Preview").locator("strong")).to_have_text("10")


def test_the_first_message_of_an_empty_session_appears(blank: Blank) -> None:
    page, _ = opened(blank, 0)
    expect(page.get_by_role("heading", name="No messages yet")).to_be_visible()
    write(page, "first")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".msg:not(.waiting)")).to_have_count(1)


def test_pasted_json_is_checked_before_anything_is_stored(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_label("Message", exact=True).focus()
    page.get_by_label("Role", exact=True).last.select_option("JSON")
    page.get_by_role("button", name="Preview").click()
    write(page, "[bad]")
    expect(page.get_by_role("group", name="Preview")).to_have_text("Line 2: there is no role")
    page.get_by_role("button", name="Append", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Line 2: there is no role")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("[bad]")
    write(page, '[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]')
    expect(page.get_by_role("group", name="Preview")).to_have_text("2 messages to append.")
    assert kernel.talks["trip to Oslo"].length == 40
    page.get_by_role("button", name="Append", exact=True).click()
    expect(page.locator(".msg[aria-posinset='42']")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert kernel.asked("append") == []


def test_a_message_is_deleted_after_a_question_and_comes_back(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.locator(".msg[aria-posinset='40']").hover()
    page.locator(".msg[aria-posinset='40']").get_by_role("button", name="Delete message").click()
    sheet = page.get_by_role("dialog", name="Delete this message?")
    expect(sheet).to_contain_text("Message #40 (AI) of session trip to Oslo")
    expect(sheet.get_by_role("button", name="Cancel")).to_be_focused()
    sheet.get_by_role("button", name="Delete message").click()
    expect(page.get_by_text("39 messages")).to_be_visible()
    assert kernel.asked("remove")[0]["index"] == 39
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("40 messages")).to_be_visible()
    expect(page.get_by_text("The removal restored")).to_be_visible()


def moved_up(index: int) -> dict[str, Any]:
    """The conversation after another client removed its first message."""
    return plain_entry(index + 1) | {"identity": f"text of {index + 1}"}


def test_a_message_that_another_client_moved_is_not_deleted(blank: Blank) -> None:
    page, kernel = opened(blank)
    row = page.locator(".msg[aria-posinset='39']")
    row.hover()
    row.get_by_role("button", name="Delete message").click()
    kernel.talks["trip to Oslo"] = Talk(39, moved_up)
    page.get_by_role("dialog").get_by_role("button", name="Delete message").click()
    expect(page.locator(".toast")).to_contain_text("Changed meanwhile: nothing was done.")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("39 messages")).to_be_visible()
    expect(row).to_contain_text("Message number 39")
    assert kernel.talks["trip to Oslo"].length == 39
    row.hover()
    row.get_by_role("button", name="Delete message").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete message").click()
    expect(page.get_by_text("38 messages")).to_be_visible()
    assert [ask["identity"] for ask in kernel.asked("remove")] == ["text of 38", "text of 39"]


@pytest.mark.parametrize("action", ["Copy", "Raw JSON"])
def test_no_other_message_is_shown_in_place_of_one_that_moved(blank: Blank, action: str) -> None:
    page, kernel = opened(blank)
    kernel.talks["trip to Oslo"] = Talk(39, moved_up)
    row = page.locator(".msg[aria-posinset='39']")
    row.hover()
    row.get_by_role("button", name=action, exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Changed meanwhile: nothing was done.")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row).to_contain_text("Message number 39")


def test_clearing_names_the_session_and_counts_its_messages(blank: Blank) -> None:
    page, kernel = opened(blank)
    choose(page, "Clear session")
    sheet = page.get_by_role("dialog", name="Clear 1 session?")
    expect(sheet.get_by_label("Sessions to clear")).to_have_text("trip to Oslo40 messages")
    expect(sheet).to_contain_text("You can undo this until the cell is re-run.")
    page.keyboard.press("Escape")
    assert kernel.asked("clear") == []
    choose(page, "Clear session")
    sheet.get_by_role("button", name="Clear 40 messages").click()
    expect(page.locator(".session")).to_have_count(1)
    expect(page.get_by_role("heading", name="Select a session")).to_be_visible()
    assert kernel.asked("clear") == [{"session_ids": ["trip to Oslo"]}]
    page.locator(".bar").get_by_role("button", name="Undo").click()
    expect(page.locator(".session")).to_have_count(2)


def test_selected_sessions_are_cleared_together(blank: Blank) -> None:
    page, _ = opened(blank)
    for tick in page.locator(".tick").all():
        tick.click()
    page.get_by_role("button", name="Clear selected sessions").click()
    sheet = page.get_by_role("dialog", name="Clear 2 sessions?")
    expect(sheet.get_by_role("listitem")).to_have_count(2)
    sheet.get_by_role("button", name="Clear 47 messages").click()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    expect(page.get_by_text("2 selected")).to_be_hidden()


def test_messages_added_during_a_clear_are_shown_and_announced(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.later = {"trip to Oslo": Talk(2)}
    choose(page, "Clear session")
    page.get_by_role("button", name="Clear 40 messages").click()
    expect(page.get_by_text("Kept 2 messages appended by others.")).to_be_visible()
    expect(page.locator(".msg:not(.waiting)")).to_have_count(2)


def test_a_failed_clear_says_why_in_its_sheet(blank: Blank) -> None:
    page, kernel = opened(blank)
    kernel.broken["clear"] = {"type": "unavailable", "message": "The server does not answer."}
    choose(page, "Clear session")
    page.get_by_role("button", name="Clear 40 messages").click()
    sheet = page.get_by_role("dialog", name="Clear 1 session?")
    expect(sheet.get_by_role("alert").filter(has_text="The server does not answer.")).to_be_visible()


def test_a_session_that_is_no_more_is_shown_as_empty(blank: Blank) -> None:
    page, _ = opened(blank)
    event = {"event": "changed", "what": "session", "session": "trip to Oslo", "epoch": 99, "total": 0}
    page.evaluate("event => hear(event)", event)
    expect(page.get_by_role("heading", name="No messages yet")).to_be_visible()


def test_a_change_by_another_keeps_the_place(blank: Blank) -> None:
    page, kernel = opened(blank, 400)
    page.locator(".feed").evaluate("box => { box.scrollTop = box.scrollHeight / 2; }")
    settle(page)
    top = page.locator(".msg:not(.waiting)").first.get_attribute("aria-posinset")
    kernel.epoch = 7
    event = {"event": "changed", "what": "session", "session": "trip to Oslo", "epoch": 7, "total": 399}
    page.evaluate("event => hear(event)", event)
    settle(page)
    now = page.locator(".msg:not(.waiting)").first.get_attribute("aria-posinset")
    assert abs(int(now or 0) - int(top or 0)) < 25
    assert kernel.asked("window")[-1]["epoch"] == 7


def test_a_read_only_browser_offers_no_changes(blank: Blank) -> None:
    kernel = StandIn({"trip to Oslo": Talk(40), "other": Talk(7)})
    kernel.session = "trip to Oslo"
    kernel.may = dict.fromkeys(kernel.may, False)
    kernel.keep()
    page = blank(kernel, traits={"read_only": True})
    page.locator(".tick").first.click()
    page.locator(".msg:not(.waiting)").last.hover()
    expect(page.get_by_text("Read only")).to_be_visible()
    expect(page.get_by_role("button", name="Raw JSON")).to_be_visible()
    for name in ("Append", "Preview", "New", "Clear selected sessions", "Delete message", "Undo"):
        assert page.get_by_role("button", name=name, exact=True).count() == 0, name
    page.locator(".msg:not(.waiting)").last.focus()
    page.keyboard.press("Delete")
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("button", name="Session tools").click()
    expect(page.get_by_role("menuitem", name="Export session")).to_be_visible()
    assert page.get_by_role("menuitem", name="Clear session").count() == 0


def test_read_only_can_be_set_later(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_label("Message", exact=True).focus()
    expect(page.get_by_role("button", name="Append", exact=True)).to_be_visible()
    kernel.may["write"] = False
    page.evaluate("() => setTrait('read_only', true)")
    expect(page.get_by_role("button", name="Append", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Session tools").click()
    assert page.get_by_role("menuitem", name="Clear session").count() == 0
