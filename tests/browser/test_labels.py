"""Stars, tags and notes: set by keys and in a sheet, shown on messages and sessions, filtered by."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def opened(blank: Blank, *, read_only: bool = False) -> tuple[Page, StandIn]:
    kernel = StandIn({"talk": Talk(5), "other": Talk(3)})
    kernel.session = "talk"
    kernel.palette = [{"name": "wrong", "colour": "rgb(200, 0, 0)"}, {"name": "rude", "colour": "url(x)"}]
    if read_only:
        kernel.may = dict.fromkeys(kernel.may, False)
    page = blank(kernel)
    page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def test_a_number_sets_a_tag_and_removes_it_again(blank: Blank) -> None:
    page, kernel = opened(blank, read_only=True)
    message = page.locator(".msg").nth(1)
    message.focus()
    page.keyboard.press("1")
    expect(message.locator(".chip")).to_have_text("wrong")
    expect(message.locator(".chip")).to_have_css("border-left-color", "rgb(200, 0, 0)")
    page.locator(".msg").nth(1).focus()
    page.keyboard.press("1")
    expect(message.locator(".chip")).to_have_count(0)
    assert [(ask["index"], ask.get("add"), ask.get("remove")) for ask in kernel.asked("label")] == [
        (1, ["wrong"], None),
        (1, None, ["wrong"]),
    ]


def test_l_opens_the_sheet_that_stars_tags_and_notes(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.locator(".msg").nth(2).focus()
    page.keyboard.press("l")
    sheet = page.get_by_role("dialog", name="Label message #3")
    sheet.get_by_label("Star").check()
    sheet.get_by_label("rude").check()
    sheet.get_by_label("Note").fill("line one\nline two")
    sheet.get_by_role("button", name="Save").click()
    message = page.locator(".msg").nth(2)
    expect(message.get_by_role("img", name="Starred")).to_be_visible()
    expect(message).to_contain_text("line one")
    [asked] = kernel.asked("label")
    assert asked["star"] is True
    assert (asked["add"], asked["remove"]) == (["rude"], ["wrong"])


def test_a_session_is_labelled_in_the_list_and_filtered_by(blank: Blank) -> None:
    page, kernel = opened(blank)
    box = page.get_by_role("listbox", name="Sessions")
    box.focus()
    page.keyboard.press("l")
    page.get_by_role("dialog", name="Label session talk").get_by_label("Star").check()
    page.get_by_role("button", name="Save").click()
    row = page.locator(".session", has_text="talk")
    expect(row.get_by_role("img", name="Starred")).to_be_visible()
    page.locator("aside").get_by_label("Label").select_option("Starred")
    page.wait_for_function("() => sent.some(m => m.method === 'sessions' && m.params.label === 'star')")
    assert kernel.asked("label_session")[0]["session_id"] == "talk"


def test_the_search_is_asked_for_a_label(blank: Blank) -> None:
    page, kernel = opened(blank)
    page.get_by_role("button", name="Search messages").click()
    page.locator(".find").get_by_label("Label").select_option("wrong")
    page.locator(".find").get_by_role("button", name="Search", exact=True).click()
    page.wait_for_function("() => sent.some(m => m.method === 'find')")
    assert kernel.asked("find")[0]["label"] == "tag:wrong"


def test_without_labels_there_is_nothing_to_label_with(blank: Blank) -> None:
    page = blank(kernel := StandIn({"talk": Talk(2)}))
    page.locator(".session", has_text="talk").click()
    page.locator(".msg:not(.waiting)").first.wait_for()
    expect(page.get_by_role("button", name="Label", exact=True)).to_have_count(0)
    expect(page.locator("aside").get_by_label("Label")).to_be_hidden()
    page.locator(".msg").first.focus()
    page.keyboard.press("1")
    page.keyboard.press("l")
    expect(page.locator("dialog")).to_have_count(0)
    assert kernel.asked("label") == []


def test_the_header_labels_the_session_and_lists_its_labels_also_of_what_is_gone(blank: Blank) -> None:
    page, kernel = opened(blank)
    label = {"star": True, "tags": ["wrong"], "note": "", "author": "ann", "at": None}
    kernel.talks["talk"].added[3] = kernel.talks["talk"].entry(3) | {"label": label}
    kernel.gone = [{"index": None, "was": 11, "label": label | {"note": "said twice"}}]
    page.get_by_role("button", name="Label session", exact=True).click()
    sheet = page.get_by_role("dialog", name="Label session talk")
    rows = sheet.locator(".labelled li")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("#12, gone")
    expect(rows.nth(1)).to_contain_text("said twice")
    expect(sheet.get_by_text("Messages marked as gone were deleted or changed")).to_be_visible()
    rows.nth(0).get_by_role("button", name="#4").click()
    expect(sheet).to_have_count(0)
    expect(page.locator(".msg[aria-posinset='4']")).to_be_in_viewport()
    page.get_by_role("button", name="Label session", exact=True).click()
    page.get_by_role("dialog").get_by_label("rude").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".session", has_text="talk").locator(".chip")).to_have_text("rude")


def test_a_label_set_elsewhere_is_shown_here(blank: Blank) -> None:
    page, _ = opened(blank)
    label = {"star": False, "tags": ["rude"], "note": "", "author": "bob", "at": None}
    event = {"event": "changed", "what": "label", "session": "talk", "index": 2, "label": label}
    page.evaluate("event => hear(event)", event | {"identity": "text of another"})
    page.evaluate("event => hear(event)", event | {"index": 1, "identity": "text of 1"})
    expect(page.locator(".msg").nth(1).locator(".chip")).to_have_text("rude")
    expect(page.locator(".msg").nth(2).locator(".chip")).to_have_count(0)


def test_the_header_shows_the_label_of_the_open_session(blank: Blank) -> None:
    page, _ = opened(blank)
    page.get_by_role("button", name="Label session").click()
    page.get_by_role("dialog").get_by_label("rude").check()
    page.get_by_role("button", name="Save").click()
    header = page.locator(".talk > header")
    expect(header.locator(".chip")).to_have_text("rude")
    page.get_by_role("option").filter(has_text="other").click()
    expect(header.get_by_text("3 messages")).to_be_visible()
    expect(header.locator(".chip")).to_have_count(0)
    page.get_by_role("option").filter(has_text="talk").click()
    expect(header.locator(".chip")).to_have_text("rude")


def test_labels_of_another_notebook_appear_by_themselves(blank: Blank) -> None:
    page, kernel = opened(blank)
    label = {"star": False, "tags": ["kind"], "note": "", "author": "bob", "at": None}
    kernel.labels["talk"] = label
    kernel.talks["talk"].added[1] = kernel.talks["talk"].entry(1) | {"label": label}
    kernel.tags = [*(kernel.palette or []), {"name": "kind", "colour": "rgb(0, 0, 200)"}]
    page.evaluate("() => hear({event: 'changed', what: 'labels'})")
    for place in (
        page.locator(".msg").nth(1),
        page.locator(".session", has_text="talk"),
        page.locator(".talk > header"),
    ):
        expect(place.locator(".chip")).to_have_text("kind")
    page.locator("aside").get_by_label("Label").select_option("kind")


def test_labels_that_a_file_carries_are_filtered_by_and_not_set(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(5)})
    kernel.tags = [{"name": "kind", "colour": ""}]
    page = blank(kernel)
    page.locator("aside").get_by_label("Label").select_option("kind")
    page.wait_for_function("() => sent.some(m => m.method === 'sessions' && m.params.label === 'tag:kind')")
    page.get_by_role("option").filter(has_text="talk").click()
    expect(page.get_by_role("article")).to_have_count(5)
    expect(page.get_by_role("button", name="Label session")).to_be_hidden()
