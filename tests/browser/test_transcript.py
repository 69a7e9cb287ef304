"""The transcript: any number of messages, and only those on the screen in the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blank_page import choose, next_frame, report_progress, settle
from playwright.sync_api import Locator, Page, expect
from stand_in import StandIn, Talk, plain_entry

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]
MILLION = 1_000_000


def opened(blank: Blank, length: int, **mounting: Any) -> tuple[Page, StandIn]:
    kernel = StandIn({"talk": Talk(length)})
    kernel.session = "talk"
    page = blank(kernel, **mounting)
    page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def message(page: Page, number: int) -> Locator:
    return page.locator(f".msg:not(.waiting)[aria-posinset='{number}']")


def go_to(page: Page, what: str) -> None:
    choose(page, "Go to")
    page.get_by_label("1200 or 2026-01-31").fill(what)
    page.keyboard.press("Enter")


def visible(page: Page) -> list[int]:
    """The numbers of the messages on the screen."""
    found: list[int] = page.evaluate(
        """() => {
          const box = document.querySelector('.feed').getBoundingClientRect();
          return [...document.querySelectorAll('.msg')].filter(row => {
            const {top, bottom} = row.getBoundingClientRect();
            return bottom > box.top && top < box.bottom;
          }).map(row => Number(row.getAttribute('aria-posinset')));
        }"""
    )
    return found


def gap(page: Page) -> float:
    """Pixels between the end of the last message and the end of the view; 0 when it is fully scrolled."""
    return float(
        page.evaluate(
            """() => {
              const box = document.querySelector('.feed').getBoundingClientRect();
              const last = [...document.querySelectorAll('.msg')].at(-1).getBoundingClientRect();
              return last.bottom - box.bottom;
            }"""
        )
    )


@pytest.mark.parametrize("length", [1, 2, 30, 100, MILLION])
def test_it_opens_at_the_newest_message(blank: Blank, length: int) -> None:
    page, _ = opened(blank, length)
    expect(message(page, length)).to_be_in_viewport()
    if length > 10:
        settle(page)
        assert abs(gap(page)) < 4


def test_a_million_messages_cost_one_window(blank: Blank) -> None:
    page, kernel = opened(blank, MILLION)
    settle(page)
    [window] = kernel.asked("window")
    assert (window["start"], window["stop"]) == (MILLION - 25, MILLION)
    assert page.locator(".msg").count() < 40
    assert page.evaluate("() => document.querySelector('.pad').offsetHeight") < 9_000_000


@pytest.mark.parametrize("number", [1, 2, 499_999, 777_777, MILLION])
def test_a_jump_lands_on_its_message(blank: Blank, number: int) -> None:
    page, kernel = opened(blank, MILLION)
    go_to(page, f"{number:,}")
    expect(message(page, number)).to_be_in_viewport()
    assert len(kernel.asked("window")) <= 3


def test_a_date_is_located_by_the_kernel(blank: Blank) -> None:
    page, kernel = opened(blank, 100)
    go_to(page, "2026-03-04")
    expect(message(page, 8)).to_be_in_viewport()
    assert kernel.asked("locate")[0]["date"] == "2026-03-04"


def test_start_and_end_are_a_click_away(blank: Blank) -> None:
    page, _ = opened(blank, 5000)
    choose(page, "First message")
    expect(message(page, 1)).to_be_in_viewport()
    choose(page, "Last message")
    expect(message(page, 5000)).to_be_in_viewport()


@pytest.mark.slow
@pytest.mark.parametrize("length", [300, MILLION])
def test_scrolling_passes_every_message_in_order(blank: Blank, length: int) -> None:
    page, _ = opened(blank, length)
    page.locator(".feed").hover()
    seen = visible(page)
    for _ in range(50):
        before = page.locator(".feed").evaluate("box => box.scrollTop")
        page.mouse.wheel(0, -150)
        page.wait_for_function("top => document.querySelector('.feed').scrollTop !== top", arg=before)
        next_frame(page)
        seen += visible(page)
    first, last = min(seen), max(seen)
    assert last == length
    assert first < length - 30
    assert set(range(first, last + 1)) == set(seen)


def test_dragging_the_bar_reaches_any_part(blank: Blank) -> None:
    page, _ = opened(blank, MILLION)
    page.locator(".feed").evaluate("box => { box.scrollTop = box.scrollHeight / 2; }")
    settle(page)
    shown = int(page.locator(".msg:not(.waiting)").first.get_attribute("aria-posinset") or 0)
    assert abs(shown - MILLION // 2) < 2_000
    page.locator(".feed").evaluate("box => { box.scrollTop = 0; }")
    expect(message(page, 1)).to_be_in_viewport()


def test_an_answer_that_comes_late_does_not_move_what_is_read(blank: Blank) -> None:
    page, kernel = opened(blank, 1000)
    go_to(page, "500")
    expect(message(page, 500)).to_be_in_viewport()
    before = message(page, 500).bounding_box()
    kernel.talks["talk"].make = lambda i: plain_entry(i) | {"html": "<p>tall</p>" * 12}
    page.evaluate("() => document.querySelector('.feed').dispatchEvent(new Event('scroll'))")
    page.locator(".feed").hover()
    top = page.locator(".feed").evaluate("box => box.scrollTop")
    page.mouse.wheel(0, -30)
    page.wait_for_function("top => document.querySelector('.feed').scrollTop !== top", arg=top)
    settle(page)
    after = message(page, 500).bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"] - 30) < 3


def test_a_fast_switch_never_shows_the_other_session(blank: Blank) -> None:
    def of(name: str) -> Callable[[int], dict[str, Any]]:
        return lambda i: plain_entry(i) | {"html": f"<p>belongs to {name}</p>"}

    kernel = StandIn({name: Talk(60, of(name)) for name in ("A", "B")})
    page = blank(kernel)
    # Answers of A are held back until B is on the screen.
    page.evaluate(
        """() => {
          const send = model.send;
          window.held = [];
          model.send = m => m.params.session_id === 'A' ? held.push(m) : send(m);
          window.release = () => held.forEach(send);
        }"""
    )
    page.locator(".session").nth(0).click()
    page.locator(".session").nth(1).click()
    expect(page.locator(".msg").last).to_contain_text("belongs to B")
    page.evaluate("() => release()")
    settle(page)
    expect(page.locator(".title")).to_have_text("B")
    assert page.get_by_text("belongs to A").count() == 0
    for i in range(12):
        page.locator(".session").nth(i % 2).click()
    expect(page.locator(".title")).to_have_text("B")
    expect(page.locator(".msg").last).to_contain_text("belongs to B")
    assert page.get_by_text("belongs to A").count() == 0


def test_a_stale_window_opens_the_session_anew(blank: Blank) -> None:
    page, kernel = opened(blank, 4000)
    kernel.broken["window"] = {"type": "stale", "message": "changed"}
    go_to(page, "100")
    page.wait_for_function("() => heard.some(m => m.ok === false)")
    kernel.broken.clear()
    expect(page.locator(".msg:not(.waiting)").first).to_be_visible()
    assert len(kernel.asked("open")) >= 2
    expect(page.get_by_text("Messages could not be read")).to_be_hidden()


def test_messages_that_cannot_be_read_say_why(blank: Blank) -> None:
    page, kernel = opened(blank, 4000)
    kernel.broken["window"] = {"type": "timeout", "message": "No answer in 10 s."}
    go_to(page, "100")
    expect(page.get_by_text("No answer in 10 s.")).to_be_visible()
    kernel.broken.clear()
    page.get_by_role("button", name="Try again").click()
    expect(message(page, 100)).to_be_visible()


def test_new_messages_follow_at_the_end_and_are_marked_elsewhere(blank: Blank) -> None:
    page, kernel = opened(blank, 100)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    assert kernel.asked("follow")[-1] == {"session_id": "talk", "on": True, "visible": True}

    def grow(total: int) -> None:
        kernel.talks["talk"].length = total
        event = {
            "event": "changed",
            "what": "session",
            "session": "talk",
            "epoch": kernel.epoch,
            "total": total,
        }
        page.evaluate("event => hear(event)", event)

    grow(102)
    expect(message(page, 102)).to_be_in_viewport()
    page.get_by_role("feed").press("Home")
    expect(message(page, 1)).to_be_in_viewport()
    grow(105)
    settle(page)
    expect(message(page, 1)).to_be_in_viewport()
    page.get_by_role("button", name="New messages").click()
    expect(message(page, 105)).to_be_in_viewport()
    expect(page.get_by_role("button", name="New messages")).to_be_hidden()


def test_a_browser_out_of_view_tells_the_kernel_so(blank: Blank) -> None:
    page, kernel = opened(blank, 100)
    page.get_by_role("button", name="Follow").click()
    page.evaluate("() => { document.body.style.paddingTop = '3000px'; }")
    page.wait_for_function("() => sent.filter(m => m.method === 'follow').length > 1")
    settle(page)
    assert kernel.asked("follow")[-1]["visible"] is False


def test_statistics_of_a_short_session_come_by_themselves(blank: Blank) -> None:
    page, kernel = opened(blank, 50)
    expect(page.locator(".stats")).to_contain_text("search_flights ×12, book ×3")
    assert kernel.asked("stats") == []
    assert [(ask["start"], ask["stop"]) for ask in kernel.asked("window")] == [(0, 50)]
    expect(page.locator(".stats")).to_contain_text("2026-03-01 to 2026-03-09")


def test_statistics_of_a_long_session_are_counted_when_asked_and_can_be_stopped(blank: Blank) -> None:
    page, kernel = opened(blank, 50_000)
    assert kernel.asked("stats") == []
    kernel.silent = {"stats"}
    choose(page, "Statistics")
    report_progress(page, "stats", done=1500, total=50000, note="messages read")
    assert kernel.asked("stats")[0]["all"] is True
    expect(page.get_by_text("messages read: 1,500 of 50,000")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Cancel").click()
    expect(page.locator(".toast")).to_be_hidden()
    assert len(kernel.asked("cancel")) == 1


def test_two_views_of_one_model_do_not_take_each_others_answers(blank: Blank) -> None:
    page, kernel = opened(blank, 40)
    page.evaluate("() => mountInto('two')")
    two = page.locator("#two")
    expect(two.locator(".msg:not(.waiting)").last).to_contain_text("Message number 39")
    views = {asked["view"] for asked in kernel.seen}
    assert len(views) == 2
    # What one view opens, the kernel tells both.
    kernel.talks["other"] = Talk(3)
    event = {"event": "changed", "what": "session", "session": "other", "epoch": 9, "total": 3}
    page.evaluate("event => hear(event)", event)
    for place in ("#one", "#two"):
        expect(page.locator(place).locator(".title")).to_have_text("other")
        expect(page.locator(place).locator(".msg:not(.waiting)")).to_have_count(3)


def test_python_can_close_the_session(blank: Blank) -> None:
    page, _ = opened(blank, 40)
    event = {"event": "changed", "what": "session", "session": None, "epoch": None, "total": None}
    page.evaluate("event => hear(event)", event)
    expect(page.get_by_role("heading", name="Select a session")).to_be_visible()


def test_cleanup_leaves_nothing_behind(blank: Blank) -> None:
    page, _ = opened(blank, 40)
    page.evaluate("() => cleanup()")
    assert page.evaluate("() => Object.values(ears).flat().length") == 0
    assert page.locator(".chatmem").count() == 0
    sent = page.evaluate("() => sent.length")
    page.evaluate(
        "() => hear({event: 'changed', what: 'connection', connected: false, number: 1, reachable: true})"
    )
    page.keyboard.press("a")
    page.wait_for_timeout(600)
    assert page.evaluate("() => sent.length") == sent


def test_a_session_that_python_selects_is_shown_on_a_narrow_page_too(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(5), "other": Talk(3)})
    page = blank(kernel, width=360)
    page.locator(".session").first.wait_for()
    event = {"event": "changed", "what": "session", "session": "other", "epoch": 1, "total": 3}
    page.evaluate("event => hear(event)", event)
    expect(page.locator(".msg:not(.waiting)").first).to_be_visible()
