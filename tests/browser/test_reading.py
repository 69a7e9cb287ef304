"""Reading: what is open stays readable, what is found is in sight, and nothing has to be done twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blank_page import choose, settle
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk, plain_entry

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]
CHANGED = {"event": "changed", "what": "session", "session": "talk", "epoch": 1, "total": 40}


def opened(blank: Blank, *entries: dict[str, Any], **mounting: Any) -> tuple[Page, StandIn]:
    """A session of these entries, open."""
    kernel = StandIn({"talk": Talk(len(entries), lambda i: plain_entry(0) | entries[i]), "other": Talk(60)})
    kernel.session = "talk"
    page = blank(kernel, **mounting)
    page.locator(".msg:not(.waiting)").first.wait_for()
    return page, kernel


def test_an_event_before_the_reply_to_hello_keeps_its_session(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(400)})
    kernel.events = [{**CHANGED, "total": 400}]  # the reply was made before Python selected the session
    page = blank(kernel)
    expect(page.locator(".title")).to_have_text("talk")
    expect(page.locator(".msg:not(.waiting)")).not_to_have_count(0)
    expect(page.locator(".msg[aria-posinset='400']")).to_be_in_viewport()
    # The panes were not on the page yet, where no row has a height: those in view were read all the same.
    assert sum(window["stop"] - window["start"] for window in kernel.asked("window")) <= 50


def test_a_session_stays_where_it_is_when_the_kernel_is_asked_again_what_it_is(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(400)})
    connected = {"event": "changed", "what": "connection", "connected": True, "number": 1, "reachable": True}
    kernel.events = [{**CHANGED, "total": 400}, connected]  # both before the reply to the first hello
    page = blank(kernel)
    expect(page.locator(".msg[aria-posinset='400']:not(.waiting)")).to_be_in_viewport()
    page.wait_for_function("() => heard.filter(one => one.result?.clients).length === 2")
    settle(page)
    expect(page.locator(".msg[aria-posinset='400']")).to_be_in_viewport()
    assert all(window["start"] > 0 for window in kernel.asked("window"))


def test_enter_breaks_the_line_where_the_host_cancels_it(blank: Blank) -> None:
    page, kernel = opened(blank, {})
    page.evaluate(
        """() => document.addEventListener('beforeinput', event => {
          if (event.inputType === 'insertLineBreak') event.preventDefault();
        }, true)"""
    )
    text = page.get_by_label("Message", exact=True)
    text.press_sequentially("one")
    text.press("Enter")
    text.press_sequentially("two")
    text.press("Shift+Enter")
    expect(text).to_have_value("one\ntwo\n")
    assert kernel.asked("append") == []


@pytest.mark.parametrize("key", ["Control+Enter", "Shift+Enter", "Meta+Enter", "Alt+Enter"])
def test_ctrl_enter_and_shift_enter_in_the_browser_do_not_run_the_cell(blank: Blank, key: str) -> None:
    page, _ = opened(blank, {})
    page.evaluate(
        """() => {
          window.host = [];
          document.addEventListener('keydown', event => {
            if (!event.target.hasAttribute('data-lm-suppress-shortcuts')) host.push(event.key);
          }, true);
        }"""
    )
    places = ["listbox", "feed", "article", "searchbox", "combobox"]
    for place in [*(page.get_by_role(role).first for role in places), page.locator(".bar button").first]:
        place.focus()
        page.keyboard.press(key)
    assert "Enter" not in page.evaluate("() => host")


def test_a_toast_covers_nothing_that_can_be_clicked(blank: Blank) -> None:
    page, _ = opened(blank, *[{}] * 8)
    page.get_by_label("Message", exact=True).fill("draft")
    page.locator(".msg").last.hover()
    page.locator(".msgbar").last.get_by_role("button", name="Copy").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    covered = page.evaluate(
        """() => {
          const toast = document.querySelector('.toast').getBoundingClientRect();
          return [...document.querySelectorAll('.chatmem button, .chatmem textarea')]
            .filter(node => node.checkVisibility() && !node.closest('.toast, .feed'))
            .map(node => [node, node.getBoundingClientRect()])
            .filter(([, box]) => box.bottom > toast.top + 1 && box.top < toast.bottom - 1)
            .map(([node]) => node.outerHTML.slice(0, 80));
        }"""
    )
    assert covered == []
    expect(page.get_by_role("button", name="Append", exact=True)).to_be_in_viewport()


@pytest.mark.slow
def test_without_a_kernel_what_was_open_stays_readable(blank: Blank) -> None:
    page, kernel = opened(blank, {"html": "<p>still here</p>"})
    kernel.silent = {"*"}
    page.locator(".session", has_text="other").click()
    expect(page.get_by_role("alert").filter(has_text="Run this cell again.")).to_be_visible()
    expect(page.get_by_text("still here")).to_be_visible()
    expect(page.locator(".session")).to_have_count(2)
    page.get_by_label("Filter sessions by id").fill("oth")
    expect(page.locator(".session")).to_have_count(2)
    assert page.locator(".dot").get_attribute("data-on") == "false"


@pytest.mark.slow
def test_an_empty_store_shows_what_is_stored_later(blank: Blank) -> None:
    kernel = StandIn({})
    page = blank(kernel)
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    kernel.talks["fresh"] = Talk(3)
    expect(page.locator(".session", has_text="fresh")).to_be_visible(timeout=9_000)
    kernel.talks.clear()
    page.get_by_role("button", name="Refresh").first.click()
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    kernel.talks["again"] = Talk(3)
    page.locator(".state").get_by_role("button", name="Refresh").click()
    expect(page.locator(".session", has_text="again")).to_be_visible()


def test_the_dot_is_not_green_while_the_server_is_lost(blank: Blank) -> None:
    page, _ = opened(blank, {})
    event = {"event": "changed", "what": "connection", "connected": True, "number": 1}
    for reachable in (True, False, True):
        page.evaluate("event => hear(event)", event | {"reachable": reachable})
        expect(page.locator(".dot")).to_have_attribute("data-on", str(reachable).lower())


def test_another_store_is_listed_without_the_filter_of_the_one_before(blank: Blank) -> None:
    page, kernel = opened(blank, {})
    page.get_by_label("Filter sessions by id").fill("other")
    expect(page.locator(".session")).to_have_count(1)
    kernel.number, kernel.talks = 2, {"new store": Talk(2)}
    event = {"event": "changed", "what": "connection", "connected": True, "number": 2, "reachable": True}
    page.evaluate("event => hear(event)", event)
    expect(page.locator(".session", has_text="new store")).to_be_visible()
    expect(page.get_by_label("Filter sessions by id")).to_have_value("")


def test_times_are_local_and_say_utc_in_their_tooltip(blank: Blank) -> None:
    page, _ = opened(blank, {"stored_at": "2026-03-01T10:20:30+00:00"})
    shift = page.evaluate("() => new Date('2026-03-01T10:20:30Z').getTimezoneOffset()")
    hour = 10 - shift // 60
    expect(page.locator(".msg time")).to_have_text(f"2026-03-01 {hour:02}:20")
    expect(page.locator(".msg time")).to_have_attribute("title", "2026-03-01 10:20:30 UTC")


def test_code_reads_from_left_to_right_and_breaks_no_words(blank: Blank) -> None:
    html = '<p>שלום</p><pre class="cm-code"><code>print("EWR")</code></pre>'
    page, _ = opened(blank, {"html": html}, {"tool_calls": [{"name": "f", "result": RESULT}]})
    style = "pre => [getComputedStyle(pre).direction, getComputedStyle(pre).textAlign]"
    assert page.locator(".md pre").evaluate(style) == ["ltr", "left"]
    assert page.locator("pre.result").evaluate("pre => getComputedStyle(pre).overflowWrap") == "break-word"


RESULT = {"index": 2, "text": '{"origin": "EWR"}'}
REASONING = {"kind": "reasoning", "label": "reasoning", "html": "<p>First, the quay.</p>"}


def test_reasoning_stands_above_its_answer(blank: Blank) -> None:
    page, _ = opened(blank, {"html": "<p>the answer</p>", "blocks": [REASONING]})
    thought, answer = (
        page.locator("details.reasoning").bounding_box(),
        page.get_by_text("the answer").bounding_box(),
    )
    assert thought
    assert answer
    assert thought["y"] < answer["y"]


def test_a_small_file_has_its_size_in_bytes(blank: Blank) -> None:
    page, _ = opened(blank, {"blocks": [{"kind": "file", "label": "file, a.txt", "bytes": 5}]})
    expect(page.locator(".part")).to_have_text("file, a.txt5 bytes")


def test_what_was_expanded_stays_so_and_repeats_nothing(blank: Blank) -> None:
    first = {"html": "<p>the cut start</p>", "clipped": 2_000, "blocks": [REASONING]}
    page, kernel = opened(blank, first, *[{}] * 299)
    page.get_by_role("feed").press("Home")
    row = page.locator(".msg[aria-posinset='1']")
    row.get_by_role("button", name="Show all 2,000 characters").click()
    row.get_by_role("button", name="Show more").click()
    expect(row.get_by_role("group", name="Full text")).to_have_count(2)
    expect(page.get_by_text("the cut start")).to_have_count(0)
    row.locator("summary").click()
    page.get_by_role("feed").press("End")
    expect(row).to_have_count(0)
    page.get_by_role("feed").press("Home")
    expect(row.get_by_role("group", name="Full text")).to_have_count(2)
    expect(row.get_by_text("First, the quay.")).to_be_visible()
    assert len(kernel.asked("full")) == 2


def test_the_feed_has_three_quarters_of_the_height(blank: Blank) -> None:
    page, _ = opened(blank, *[{}] * 40)
    page.locator(".stats dl").wait_for()
    share = (
        "() => document.querySelector('.feed').clientHeight / document.querySelector('.chatmem').clientHeight"
    )
    assert page.evaluate(share) >= 0.75
    choose(page, "Expand", "More")
    assert page.evaluate("() => document.querySelector('.chatmem').clientHeight") >= 0.85 * 600


def test_the_composer_is_one_line_until_it_has_the_focus(blank: Blank) -> None:
    page, _ = opened(blank, {})
    append = page.get_by_role("button", name="Append", exact=True)
    expect(append).to_be_hidden()
    page.get_by_label("Message", exact=True).focus()
    expect(append).to_be_visible()
    page.get_by_role("feed").focus()
    expect(append).to_be_hidden()
    page.get_by_label("Message", exact=True).fill("draft")
    page.get_by_role("feed").focus()
    settle(page)
    expect(append).to_be_visible()


def test_the_system_prompt_is_folded_to_three_lines(blank: Blank) -> None:
    page, _ = opened(blank, {"role": "system", "html": "<h1>Policy</h1>" + "<p>Be kind.</p>" * 60})
    words = page.locator(".msg .words")
    assert words.evaluate("node => node.offsetHeight") < 90
    page.get_by_role("button", name="Show all").click()
    assert words.evaluate("node => node.offsetHeight") > 1_000
    page.get_by_role("button", name="Show less").click()
    assert words.evaluate("node => node.offsetHeight") < 90


def test_text_is_at_most_80_characters_wide(blank: Blank) -> None:
    text = "The ferry leaves the east quay at nine and arrives before noon on most days of the year. " * 6
    page, _ = opened(blank, {"html": f"<p>{text}</p>"}, width=1900)
    lines = page.evaluate(
        """text => {
          const p = document.querySelector('.msg .md p');
          const range = document.createRange();
          const tops = [...text.trim()].map((_, i) => {
            range.setStart(p.firstChild, i);
            range.setEnd(p.firstChild, i + 1);
            return range.getBoundingClientRect().top;
          });
          return tops.reduce((all, top) => all.set(top, (all.get(top) ?? 0) + 1), new Map()).size;
        }""",
        text,
    )
    assert len(text) / lines <= 84  # the last line is not full


def with_failed_calls(length: int) -> StandIn:
    """A session in which every tenth message from the fifth on has a call that failed."""

    def entry(index: int) -> dict[str, Any]:
        call = {"name": "pay", "result": {"index": index + 1, "failure": "status", "text": f"no {index}"}}
        if index % 10 == 4:
            return plain_entry(0) | {"role": "ai", "html": None, "tool_calls": [call]}
        answers = {"role": "tool", "html": None, "answers": {"name": "pay", "index": index - 1}}
        return plain_entry(0) | answers if index % 10 == 5 else plain_entry(0)

    kernel = StandIn({"talk": Talk(length, entry)})
    kernel.session, kernel.failed = "talk", list(range(5, length, 10))
    return kernel


def test_n_and_p_step_through_the_failed_calls(blank: Blank) -> None:
    page = blank(with_failed_calls(30))
    page.get_by_role("button", name="3 failed calls").click()
    expect(page.locator(".stats")).to_contain_text("1 of 3")
    expect(page.locator(".msg[aria-posinset='5'] .state-failed")).to_be_in_viewport()
    page.get_by_role("feed").focus()
    page.keyboard.press("n")
    expect(page.locator(".stats")).to_contain_text("2 of 3")
    expect(page.locator(".msg[aria-posinset='15'] .state-failed")).to_be_in_viewport()
    page.keyboard.press("p")
    page.keyboard.press("p")
    expect(page.locator(".stats")).to_contain_text("3 of 3")
    expect(page.locator(".msg[aria-posinset='25'] .state-failed")).to_be_in_viewport()


@pytest.mark.parametrize(("key", "place", "message"), [("n", "1 of 40", 5), ("p", "40 of 40", 395)])
def test_n_and_p_count_the_failed_calls_first(blank: Blank, key: str, place: str, message: int) -> None:
    """Nobody has asked for the figures of a long session yet."""
    page = blank(with_failed_calls(400))
    expect(page.locator(".msg").first).to_be_visible()
    expect(page.locator(".stats")).to_be_empty()
    page.get_by_role("feed").focus()
    page.keyboard.press(key)
    expect(page.locator(".stats")).to_contain_text(place)
    expect(page.locator(f".msg[aria-posinset='{message}'] .state-failed")).to_be_in_viewport()
