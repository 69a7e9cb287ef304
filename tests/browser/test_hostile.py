"""Hostile text in every field that reaches the page: nothing runs and nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from blank_page import choose, mount, next_frame, settle
from chrome import Chrome, Visit
from hostile import PAYLOADS
from playwright.sync_api import Page, expect
from stand_in import Message, StandIn, Talk

from chatmem_nb.markdown import to_html

pytestmark = pytest.mark.browser
# What the page must never hold: an element that runs or fetches, an attribute that does.
FORBIDDEN = """() => [...document.querySelectorAll('.chatmem *')].filter(e =>
    e.matches('script, iframe, object, embed, link, meta, base, style, svg, math, video, audio, form:not(.card, .find, .line)')
    || (e.matches('img') && !/^data:image/.test(e.src))
    || [...e.attributes].some(a => /^on|^style$|^srcdoc$|^ping$|^background$|^poster$|^formaction$/i.test(a.name)
        && !e.matches('.pad, .block'))
    || (e.hasAttribute('href') && !/^(https?|mailto):/i.test(e.getAttribute('href')))
  ).map(e => e.outerHTML.slice(0, 200))"""


def entry(index: int, *, rendered: bool) -> dict[str, Any]:
    """A message with one payload in every field; as HTML that the kernel made of it, or as it stands."""
    text = PAYLOADS[index % len(PAYLOADS)]
    html = to_html(text) if rendered else text
    return {
        "index": index,
        "role": ("human", "ai", "tool", text)[index % 4],
        "name": text,
        "html": html,
        "clipped": 10,
        "blocks": [
            {"kind": text, "label": text, "bytes": 5, "html": html, "showable": False},
            {"kind": "image", "label": text, "bytes": None, "html": None, "showable": True},
        ],
        "tool_calls": [
            {
                "name": text,
                "line": text,
                "args": json.dumps({text: text}),
                "error": text,
                "result": {"index": 0, "text": text},
            }
        ],
        "tool_calls_total": 2,
        "answers": {"name": text, "index": 0} if index % 3 == 2 else None,
        "model": text,
        "finish_reason": text,
        "tokens": {"input": 1, "output": 2, "total": 3},
        "stored_at": text,
        "error": text if index % 5 == 4 else None,
        "raw": text,
    }


class Hostile(StandIn):
    """A kernel of which every text is hostile: one payload a session, a message, an answer."""

    is_hostile = True

    def __init__(self, *, rendered: bool = True, connected: bool = True) -> None:
        talks = {name: Talk(3) for name in PAYLOADS}
        talks["all"] = Talk(len(PAYLOADS), lambda i: entry(i, rendered=rendered))
        super().__init__(dict(reversed(talks.items())), connected=connected)
        self.rendered = rendered
        self.turn = 0

    @property
    def next(self) -> str:
        self.turn += 1
        return PAYLOADS[self.turn % len(PAYLOADS)]

    def on_hello(self, params: Message) -> Message:
        hello = super().on_hello(params) | {"target": self.next, "price_note": self.next}
        hello["service"] = self.next if self.connected else None
        hello["undo"] = {"available": True, "label": self.next}
        for client in hello["clients"]:
            client["inputs"] = [one | {"label": self.next, "hint": self.next} for one in client["inputs"]]
            client["label"] = self.next
            client["env"] = [{"name": text, "set": True} for text in PAYLOADS]
        return hello

    def summary(self, name: str) -> Message:
        words = {"role": name, "text": name}
        return {
            "session_id": name,
            "length": 3,
            "ttl_s": None,
            "first": words,
            "last": words,
            "last_write": name,
        }

    def on_stats(self, params: Message) -> Message:
        return {"facts": {text: text for text in PAYLOADS}}

    def on_find(self, params: Message) -> Message:
        self.hits = [
            {"session_id": text, "index": 1, "role": text, "snippet": text, "at": [0, 5]} for text in PAYLOADS
        ]
        return super().on_find(params) | {"code": self.next}

    def on_raw(self, params: Message) -> Message:
        return {"raw": self.next, "pretty": PAYLOADS[params["index"]], "chars": 99_999}

    def on_full(self, params: Message) -> Message:
        text = self.next
        return {"text": text, "next": 5, "html": None if self.turn % 2 else to_html(text)}

    def on_image(self, params: Message) -> Message:
        return {"data_url": self.next}

    def on_preview(self, params: Message) -> Message:
        return {"html": to_html(params["text"]) if self.rendered else params["text"]}

    def on_code(self, params: Message) -> Message:
        return {"code": "\n".join(PAYLOADS)}


@pytest.fixture
def guarded(chrome: Chrome) -> Any:
    """Mounts a kernel on a page that counts what ran; at the end nothing did, and nothing was asked of any host."""
    visits: list[Visit] = []
    requests: list[str] = []

    def show(kernel: StandIn) -> Page:
        visit = chrome.visit(viewport={"width": 1100, "height": 700})
        visits.append(visit)
        visit.page.on("request", lambda request: requests.append(request.url))
        visit.page.on("dialog", lambda dialog: visit.errors.append(f"dialog: {dialog.message}"))
        visit.page.add_init_script("window.runs = 0; window.ran = () => { window.runs += 1; };")
        visit.page.goto("about:blank")
        visit.page.evaluate("() => { window.runs = 0; window.ran = () => { window.runs += 1; }; }")
        mount(visit.page, kernel, traits={"height": "690px"})
        visit.page.evaluate("() => { window.runs = 0; window.ran = () => { window.runs += 1; }; }")
        return visit.page

    yield show
    for visit in visits:
        # An image of our own that fails: those of the payloads were asked for earlier, and have failed by then.
        visit.page.evaluate(
            "() => new Promise(done => { const own = new Image(); own.onerror = done; own.src = 'data:,'; })"
        )
        settle(visit.page)
        assert visit.page.evaluate("() => window.runs") == 0
        assert visit.page.evaluate(FORBIDDEN) == []
        assert visit.errors + visit.blocked == []
        visit.close()
    assert [url for url in requests if not url.startswith(("about:", "blob:", "data:"))] == []


def through(page: Page) -> None:
    """Bring every message on the screen once, with all its folds open."""
    feed = page.get_by_role("feed")
    feed.press("Home")
    for _ in range(400):
        page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true; })")
        next_frame(page)
        if feed.evaluate(
            "box => { box.scrollTop += 500; return box.scrollTop + box.clientHeight >= box.scrollHeight; }"
        ):
            break
    expect(page.locator(f".msg[aria-posinset='{len(PAYLOADS)}']")).to_be_in_viewport()


@pytest.mark.slow
@pytest.mark.parametrize("rendered", [True, False], ids=["as the kernel renders it", "as it stands"])
def test_nothing_runs_in_a_transcript(guarded: Callable[[StandIn], Page], rendered: bool) -> None:
    page = guarded(Hostile(rendered=rendered))
    page.locator(".session", has_text="all").first.click()
    page.locator(".msg:not(.waiting)").first.wait_for()
    through(page)
    for link in page.locator(".msg a").all()[:20]:
        link.dispatch_event("mouseover")
        link.dispatch_event("focus")


@pytest.mark.slow
def test_nothing_runs_in_the_list_of_sessions(guarded: Callable[[StandIn], Page]) -> None:
    page = guarded(Hostile())
    box = page.get_by_role("listbox", name="Sessions")
    page.locator(".session").nth(1).wait_for()
    for _ in range(30):
        box.evaluate("box => { box.scrollTop += 500; }")
        next_frame(page)
    page.locator(".session:not(.waiting)").last.click()
    page.locator(".tick:visible").last.click()
    page.get_by_role("button", name="Clear selected sessions").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()


@pytest.mark.slow
def test_nothing_runs_in_sheets_and_notes(guarded: Callable[[StandIn], Page]) -> None:
    kernel = Hostile()
    page = guarded(kernel)
    page.locator(".session", has_text="all").first.click()
    page.get_by_role("feed").press("Home")
    page.locator(".msg:not(.waiting)").first.wait_for()
    for number in range(1, 4):
        row = page.locator(f".msg[aria-posinset='{number}']")
        row.hover()
        row.get_by_role("button", name="Raw JSON").click()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.evaluate(
        "() => document.querySelectorAll('.msg button').forEach(b => b.textContent.startsWith('Show') && b.click())"
    )
    settle(page)
    choose(page, "Export session")
    sheet = page.get_by_role("dialog", name="Export session")
    for text in PAYLOADS[:12]:
        kernel.broken["export"] = {"type": text, "message": text, "field": text}
        sheet.get_by_label("Export as").select_option(label="CSV")
        sheet.get_by_role("button", name="Download").click()
        sheet.get_by_role("alert").first.wait_for()


def test_nothing_runs_in_find(guarded: Callable[[StandIn], Page]) -> None:
    page = guarded(Hostile())
    page.get_by_role("button", name="Search messages").click()
    page.get_by_role("searchbox", name="Search messages").fill("<img src=x onerror=ran()>")
    page.keyboard.press("Enter")
    hits = page.get_by_role("listbox", name="Matches")
    for _ in range(20):
        hits.evaluate("box => { box.scrollTop += 300; }")
        next_frame(page)


@pytest.mark.slow
@pytest.mark.parametrize("rendered", [True, False], ids=["as the kernel renders it", "as it stands"])
def test_nothing_runs_in_the_preview(guarded: Callable[[StandIn], Page], rendered: bool) -> None:
    page = guarded(Hostile(rendered=rendered))
    page.locator(".session").nth(2).click()
    page.get_by_label("Message", exact=True).focus()
    page.get_by_role("button", name="Preview").click()
    for start in range(0, len(PAYLOADS), 8):
        page.evaluate(
            """text => {
              const box = document.querySelector('.composer textarea');
              box.value = text;
              box.dispatchEvent(new Event('input'));
            }""",
            "\n\n".join(PAYLOADS[start : start + 8]).replace("\ud800", ""),
        )
        page.wait_for_function(
            "count => sent.filter(m => m.method === 'preview').length > count", arg=start // 8
        )
        settle(page)


@pytest.mark.slow
def test_nothing_runs_in_the_form(guarded: Callable[[StandIn], Page]) -> None:
    kernel = Hostile(connected=False)
    page = guarded(kernel)
    page.get_by_role("button", name="Connect", exact=True).wait_for()
    for text in PAYLOADS[:25]:
        kernel.broken["connect"] = {"type": text, "message": text, "field": "url"}
        page.get_by_role("button", name="Connect", exact=True).click()
        page.locator(".fielderror, .reason").first.wait_for(state="attached")


def test_a_name_shows_what_cannot_be_seen(guarded: Callable[[StandIn], Page]) -> None:
    kernel = StandIn({"pay\u202efdp.exe\u200b\x00": Talk(3)})
    page = guarded(kernel)
    expect(page.locator(".session bdi.id, .session bdi").first).to_have_text(
        "pay\\u202efdp.exe\\u200b\\u0000"
    )
    page.locator(".session").click()
    choose(page, "Clear session")
    expect(page.get_by_label("Sessions to clear")).to_contain_text("pay\\u202efdp.exe")


def test_data_that_is_no_picture_is_not_shown(guarded: Callable[[StandIn], Page]) -> None:
    kernel = Hostile()
    page = guarded(kernel)
    page.locator(".session", has_text="all").first.click()
    page.get_by_role("feed").press("Home")
    page.locator(".msg:not(.waiting)").first.wait_for()
    page.get_by_role("button", name="Show image").first.click()
    settle(page)
    assert page.locator("img").count() == 0
