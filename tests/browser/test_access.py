"""Everything by keyboard alone, no key lost to the notebook, nothing for axe, and room on a narrow page."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from blank_page import choose, next_frame, settle
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk, plain_entry

from chatmem_nb.comparison import Comparison, style
from chatmem_nb.records import encode_all, parse_all

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
THEMES = ["light", "dark"]


CALL = {"name": "search", "line": "q=1", "args": '{"q": 1}'}


def rich_entry(index: int) -> dict[str, Any]:
    """Messages that hold every kind of thing that the page can show."""
    code = (
        '<pre class="cm-code" data-lang="python"><code><span class="k">def</span> <span class="nf">f</span>:'
    )
    code += ' <span class="c1"># why</span>\n  <span class="k">return</span> <span class="mi">42</span>,'
    code += ' <span class="s1">&#39;x&#39;</span>, <span class="nb">len</span></code></pre>'
    table = "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
    kinds: list[dict[str, Any]] = [
        {"role": "human", "html": "<p>Look at <code>f</code> and <a href='https://example.org'>this</a></p>"},
        {
            "role": "ai",
            "html": f"<h2>Answer</h2>{code}{table}<blockquote><p>quoted</p></blockquote>",
            "model": "m",
        },
        {
            "role": "ai",
            "html": "",
            "tool_calls": [
                CALL | {"result": {"index": 3, "failure": "status", "text": "no"}},
                CALL | {"result": {"index": 3, "failure": "text", "text": "Error: no"}},
                CALL | {"result": {"index": 3, "text": "long " * 200}},
                CALL,
            ],
        },
        {"role": "tool", "html": "<p>no</p>", "answers": {"name": "search", "index": 2}},
        {"role": "system", "html": "<p>Be kind.</p>" * 40, "name": "rules"},
        {"role": "human", "error": "no type", "raw": '{"x": 1}', "html": ""},
        {"role": "ai", "html": "<p>clipped</p>", "clipped": 90_000, "tool_calls_total": 30},
        {
            "role": "ai",
            "html": "<p>b</p>",
            "blocks": [{"kind": "reasoning", "label": "reasoning", "html": "<p>r</p>"}],
        },
        {
            "role": "other",
            "blocks": [{"kind": "image", "label": "image, a.png", "bytes": 99, "showable": True}],
        },
    ]
    return plain_entry(1) | kinds[index % len(kinds)]


LABEL = {"star": True, "tags": ["wrong", "good"], "note": "asked twice", "author": "ann", "at": None}


class Rich(StandIn):
    """A kernel with everything that the page can show, labels and a real comparison among it."""

    def __init__(self) -> None:
        talks = {"rich": Talk(18, rich_entry), **{f"talk {i}": Talk(i, ttl_s=60.0 * i) for i in range(30)}}
        super().__init__(talks)
        self.palette = [{"name": "wrong", "colour": "#d1242f"}, {"name": "good", "colour": ""}]
        self.labels = {"talk 2": LABEL}
        talks["rich"].added = {0: rich_entry(0) | {"label": LABEL}, 4: rich_entry(4) | {"label": LABEL}}
        self.gone = [{"index": None, "was": 7, "label": LABEL}]

    def on_compare(self, params: dict[str, Any]) -> dict[str, Any]:
        ask = {"name": "look_up", "args": {"city": "Oslo"}, "id": "c1"}
        told = ToolMessage("Error: no", tool_call_id="c1", status="error")
        same = [SystemMessage("Be kind. " * 100), *[HumanMessage(f"say {i}") for i in range(8)]]
        left = [*same, AIMessage("It is nine."), HumanMessage("Then?"), AIMessage("", tool_calls=[ask]), told]
        right = [*same, AIMessage("It is ten."), HumanMessage("Thanks.")]
        records = (parse_all(encode_all(left)), parse_all(encode_all(right)))
        html = Comparison((params["a"], params["b"]), records).body(limit=1_000_000)
        return {"html": html, "style": style()}


def rich() -> Rich:
    return Rich()


def violations(page: Page) -> list[Any]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    found: list[Any] = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
          .map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary.slice(0, 300)])"""
    )
    return found


def states(page: Page, kernel: StandIn) -> dict[str, Callable[[], Any]]:
    """Each state of the page, and how to come to it from the one before."""

    def button(name: str) -> Callable[[], Any]:
        return lambda: page.get_by_role("button", name=name, exact=True).click()

    def message(number: int, name: str) -> Callable[[], Any]:
        def click() -> None:
            page.locator(f".msg[aria-posinset='{number}']").hover()
            page.locator(f".msg[aria-posinset='{number}']").get_by_role(
                "button", name=name, exact=True
            ).click()

        return click

    return {
        "sessions": lambda: page.locator(".session").first.wait_for(),
        "ticked": lambda: page.locator(".tick").nth(1).click(),
        "two ticked": lambda: page.locator(".tick").nth(3).click(),
        "compare": button("Compare"),
        "compared": lambda: page.keyboard.press("Escape"),
        "transcript end": lambda: (
            page.locator(".session").first.click(),
            page.locator(".msg:not(.waiting)").last.wait_for(),
        ),
        "transcript start": lambda: page.get_by_role("feed").press("Home"),
        "opened folds": lambda: [fold.click() for fold in page.locator("summary:visible").all()],
        "menu": button("Session tools"),
        "no menu": lambda: page.keyboard.press("Escape"),
        "keys": lambda: choose(page, "Keyboard shortcuts", "More"),
        "no keys": lambda: page.keyboard.press("Escape"),
        "export": lambda: choose(page, "Export session"),
        "taken": lambda: page.keyboard.press("Escape"),
        "go to": lambda: choose(page, "Go to"),
        "gone": lambda: page.keyboard.press("Escape"),
        "start again": lambda: page.get_by_role("feed").press("Home"),
        "label message": message(1, "Label"),
        "labelled message": lambda: page.keyboard.press("Escape"),
        "label session": button("Label session"),
        "labelled session": lambda: page.keyboard.press("Escape"),
        "raw": message(1, "Raw JSON"),
        "no sheet": lambda: page.keyboard.press("Escape"),
        "delete": message(1, "Delete message"),
        "kept": button("Cancel"),
        "composer": lambda: page.get_by_label("Message", exact=True).focus(),
        "preview": button("Preview"),
        "clear": lambda: choose(page, "Clear session"),
        "not cleared": button("Cancel"),
        "find": button("Search messages"),
        "found": lambda: (
            setattr(kernel, "hits", [FOUND]),
            page.get_by_label("Search in").select_option("All sessions"),
            page.get_by_role("searchbox", name="Search messages").press("Enter"),
            page.get_by_role("listbox", name="Matches").locator(".hit").click(),
        ),
        "bad expression": lambda: (
            kernel.broken.update(find={"type": "invalid", "message": "missing )", "field": "text"}),
            page.get_by_role("searchbox", name="Search messages").press("Enter"),
            page.get_by_label("Regular expression").check(),
        ),
    }


FOUND = {"session_id": "rich", "index": 1, "role": "ai", "snippet": "an answer", "at": [3, 9]}


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_any_state(blank: Blank, theme: str) -> None:
    kernel = rich()
    page = blank(kernel, theme=theme, height=900, traits={"height": "860px"})
    found = {}
    for name, reach in states(page, kernel).items():
        reach()
        next_frame(page)
        found[name] = violations(page)
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", ["form", "form error", "failed", "no kernel", "empty", "missing", "narrow"])
def test_axe_finds_nothing_where_things_are_missing(blank: Blank, theme: str, kind: str) -> None:
    kernel = StandIn({} if kind == "empty" else None, connected="form" not in kind)
    kernel.extra_env = kind == "form"
    if kind == "failed":
        kernel.broken["sessions"] = {"type": "timeout", "message": "No answer in 10 s."}
    if kind == "form error":
        kernel.broken["connect"] = {"type": "auth", "message": "The token is not known.", "field": "token"}
    if kind == "no kernel":
        kernel.silent = {"*"}
    page = blank(kernel, theme=theme, width=360 if kind == "narrow" else 1100)
    if kind == "form error":
        page.get_by_role("button", name="Connect", exact=True).click()
    if kind == "no kernel":
        page.get_by_role("alert").filter(has_text="The kernel has stopped").wait_for()
    if kind == "missing":
        page.get_by_label("Filter sessions by id").fill("nobody")
        page.get_by_text("No id matches").wait_for()
    if kind != "no kernel":
        settle(page)
    assert violations(page) == []


@pytest.mark.slow
def test_no_key_reaches_the_notebook_from_a_focused_element(blank: Blank) -> None:
    kernel = rich()
    page = blank(kernel, height=900, traits={"height": "860px"})
    bare = {}
    for name, reach in states(page, kernel).items():
        reach()
        bare[name] = page.evaluate(
            """() => [...document.querySelectorAll('.chatmem *')]
              .filter(e => e.tabIndex >= 0 || e.hasAttribute('tabindex') || e.matches('a, button, input, summary'))
              .filter(e => e.dataset.lmSuppressShortcuts !== 'true').map(e => e.outerHTML.slice(0, 90))"""
        )
    assert {name: nodes for name, nodes in bare.items() if nodes} == {}


def test_shortcuts_with_ctrl_reach_the_notebook(blank: Blank) -> None:
    page = blank(rich())
    page.locator(".session").first.wait_for()
    # As Lumino does: at the document, in the capture phase, by the mark of the element itself.
    page.evaluate(
        """() => {
          window.host = [];
          document.addEventListener('keydown', event => {
            if (!event.target.hasAttribute('data-lm-suppress-shortcuts')) host.push(event.key);
          }, true);
        }"""
    )
    page.get_by_role("listbox", name="Sessions").focus()
    for key in ("d", "d", "b", "Control+s", "x", "Escape"):
        page.keyboard.press(key)
    page.locator(".session").first.click()
    text = page.get_by_label("Message", exact=True)
    text.focus()
    for key in ("d", "Control+Enter", "Control+a", "Control+z", "Control+s"):
        page.keyboard.press(key)
    assert [key for key in page.evaluate("() => host") if key != "Control"] == ["s", "s"]


def test_the_feed_takes_the_focus_of_a_message_that_scrolls_away(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(4000)})
    kernel.session = "talk"
    page = blank(kernel)
    page.locator(".msg:not(.waiting)").last.focus()
    page.locator(".feed").evaluate("box => { box.scrollTop = 0; }")
    page.locator(".msg:not(.waiting)[aria-posinset='1']").wait_for()
    assert page.evaluate("() => document.activeElement.className") == "feed"


def test_arrow_keys_move_through_the_messages(blank: Blank) -> None:
    kernel = StandIn({"talk": Talk(300)})
    kernel.session = "talk"
    page = blank(kernel)
    page.locator(".msg:not(.waiting)").first.wait_for()
    page.get_by_role("feed").press("End")
    for _ in range(40):
        page.keyboard.press("ArrowUp")
        next_frame(page)
    expect(page.locator(".msg:focus")).to_have_attribute("aria-posinset", "260")
    expect(page.locator(".msg:focus")).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(page.locator(".msg:focus")).to_have_attribute("aria-posinset", "1")


def test_everything_can_be_done_by_keyboard(blank: Blank) -> None:
    kernel = rich()
    page = blank(kernel)
    page.locator(".session").first.wait_for()

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            label = "() => document.activeElement.ariaLabel ?? document.activeElement.textContent"
            if page.evaluate(label) == name:
                return
        raise AssertionError(f"Tab never came to {name}")

    tab_to("Sessions")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".title")).to_have_text("talk 0")
    tab_to("Message")
    page.keyboard.type("from the keyboard")
    page.keyboard.press("Control+Enter")
    page.locator(".msg:not(.waiting)").wait_for()
    page.keyboard.press("Shift+Tab")
    page.get_by_role("feed").press("End")
    page.keyboard.press("Tab")
    expect(page.get_by_title("Copy a link to this message")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("article").get_by_role("button", name="Label")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Message #1")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Raw JSON")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tab_to("Delete message")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No messages yet")).to_be_visible()


@pytest.mark.parametrize("width", [360, 500, 800])
def test_nothing_is_wider_than_the_page(blank: Blank, width: int) -> None:
    kernel = rich()
    kernel.talks = {"a very long name " * 12: Talk(18, rich_entry), **kernel.talks}
    page = blank(kernel, width=width)
    page.locator(".session").first.wait_for()
    fits = "() => document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.locator(".session").nth(0).click()
    page.locator(".msg:not(.waiting)").last.wait_for()
    page.get_by_role("button", name="Search messages").click()
    assert page.evaluate(fits)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.chatmem button')].filter(b => b.checkVisibility())
          .filter(b => b.getBoundingClientRect().right > innerWidth + 1).map(b => b.outerHTML.slice(0, 80))"""
    )
    assert outside == []


def test_a_narrow_page_shows_one_pane_at_a_time(blank: Blank) -> None:
    page = blank(rich(), width=360)
    page.locator(".session").first.click()
    expect(page.get_by_role("feed")).to_be_visible()
    expect(page.get_by_role("listbox", name="Sessions")).to_be_hidden()
    page.get_by_role("button", name="Back to sessions").click()
    expect(page.get_by_role("listbox", name="Sessions")).to_be_visible()
    expect(page.get_by_role("feed")).to_be_hidden()


def test_nothing_moves_where_motion_is_reduced(blank: Blank) -> None:
    kernel = rich()
    kernel.silent = {"sessions"}
    page = blank(kernel)
    page.locator(".skeletons").first.wait_for()
    assert page.evaluate("() => document.getAnimations().length") == 0


def test_enter_on_a_session_focuses_its_messages(blank: Blank) -> None:
    page = blank(rich())
    box = page.get_by_role("listbox", name="Sessions")
    page.locator(".session").first.wait_for()
    option = box.get_by_role("option").first
    expect(option).to_have_attribute("aria-posinset", "1")
    expect(option).to_have_attribute("aria-setsize", "31")
    box.press("Enter")
    expect(page.get_by_role("feed")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("feed").press("c")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.locator(".msg:not(.waiting)").first.get_by_role("heading", level=3)).to_be_attached()
