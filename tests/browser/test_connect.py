"""The connect form: prefilled from the environment, careful with secrets, plain about what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from blank_page import choose
from playwright.sync_api import Page, expect
from stand_in import StandIn, Talk

pytestmark = pytest.mark.browser
Blank = Callable[..., Page]


def hear_of_connection(page: Page, **changed: object) -> None:
    """Tell the page of its connection, as the kernel does."""
    event = {"event": "changed", "what": "connection", "connected": True, "number": 1, "reachable": True}
    page.evaluate("event => hear(event)", event | changed)


SECRET = "AXs3cr3t-token-value"


def test_a_secret_leaves_its_field_before_it_is_sent(blank: Blank) -> None:
    kernel = StandIn(connected=False)
    kernel.silent = {"connect"}
    page = blank(kernel)
    page.get_by_label("REST URL").fill("https://eu1-x.upstash.io")
    page.get_by_label("REST token").fill(SECRET)
    page.evaluate(
        """() => {
          const field = document.querySelector('input[type=password]');
          const send = model.send;
          model.send = message => { window.fieldAtSend = field.value; return send(message); };
        }"""
    )
    page.get_by_role("button", name="Connect", exact=True).click()
    page.wait_for_function("() => window.fieldAtSend !== undefined")
    assert page.evaluate("() => fieldAtSend") == ""
    assert kernel.asked("connect")[0]["token"] == SECRET
    assert SECRET not in page.evaluate("() => JSON.stringify(traits)")
    assert SECRET not in page.content()
    assert page.evaluate("() => [...document.querySelectorAll('input')].map(i => i.value)").count(SECRET) == 0


def test_a_secret_is_sent_once_and_only_as_a_message(blank: Blank) -> None:
    kernel = StandIn(connected=False)
    page = blank(kernel)
    page.get_by_label("REST token").fill(SECRET)
    page.get_by_label("REST token").press("Enter")
    page.locator(".session").first.wait_for()
    assert str(kernel.seen).count(SECRET) == 1
    assert page.evaluate("() => Object.keys(traits).sort()") == [
        "connected",
        "height",
        "read_only",
        "session",
    ]


def test_what_is_wrong_is_said_beside_its_field(blank: Blank) -> None:
    kernel = StandIn(connected=False)
    kernel.broken["connect"] = {"type": "invalid", "message": "The url needs https://", "field": "url"}
    page = blank(kernel)
    page.get_by_label("REST URL").fill("x.upstash.io")
    page.get_by_label("REST token").fill(SECRET)
    page.get_by_role("button", name="Connect", exact=True).click()
    url = page.get_by_label("REST URL")
    expect(url).to_have_attribute("aria-invalid", "true")
    expect(url).to_be_focused()
    expect(url).to_have_value("x.upstash.io")
    expect(page.locator(f"[id='{url.get_attribute('aria-describedby')}']")).to_have_text(
        "The url needs https://"
    )
    expect(page.get_by_label("REST token")).to_have_value("")


def test_an_error_of_no_field_stands_above_the_button(blank: Blank) -> None:
    kernel = StandIn(connected=False)
    kernel.broken["connect"] = {"type": "unavailable", "message": "Nobody answers."}
    page = blank(kernel)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Nobody answers.")).to_be_visible()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()


def test_the_environment_is_named_and_offered(blank: Blank) -> None:
    kernel = StandIn(connected=False)
    kernel.extra_env = True
    page = blank(kernel)
    expect(page.get_by_label("Environment variables")).to_contain_text("UPSTASH_REDIS_REST_URLset")
    kernel.broken["connect"] = {"type": "unavailable", "message": "Connection refused."}
    connect = page.get_by_role("button", name="Connect from the environment")
    connect.click()
    expect(page.locator(".env").get_by_role("alert")).to_have_text("Connection refused.")  # beside its button
    del kernel.broken["connect"]
    connect.click()
    page.locator(".session").first.wait_for()
    assert kernel.asked("connect") == [{"service": "upstash", "use_env": True}] * 2


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("Upstash Redis", ["REST URL", "REST token", "Key prefix"]),
        ("Momento", ["API key", "Endpoint", "Cache name", "Key prefix"]),
        ("Local demo", []),
    ],
)
def test_each_service_has_its_own_fields(blank: Blank, service: str, fields: list[str]) -> None:
    page = blank(StandIn(connected=False))
    page.get_by_role("radio", name=service).click()
    assert page.locator(".field label").all_text_contents() == fields
    expect(page.get_by_role("radio", name=service)).to_be_focused()


def test_disconnect_brings_the_form_back(blank: Blank) -> None:
    page = blank(StandIn())
    choose(page, "Disconnect", "More")
    expect(page.get_by_role("heading", name="Open stored conversations")).to_be_visible()
    expect(page.locator(".msg, .session")).to_have_count(0)


def test_a_browser_with_a_given_store_cannot_disconnect(blank: Blank) -> None:
    kernel = StandIn()
    kernel.may["connect"] = False
    page = blank(kernel)
    page.locator(".session").first.wait_for()
    expect(page.get_by_role("button", name="Search messages")).to_be_visible()
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitem", name="Export all sessions")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Disconnect")).to_have_count(0)
    kernel.connected = False
    kernel.number = 2
    hear_of_connection(page, connected=False, number=2)
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    expect(page.get_by_role("button", name="Connect")).to_have_count(0)
    expect(page.locator("input")).to_have_count(0)


def test_a_store_that_python_connects_takes_the_place_of_the_one_shown(blank: Blank) -> None:
    kernel = StandIn({"same name": Talk(3), "other": Talk(2)})
    kernel.session = "same name"
    page = blank(kernel)
    expect(page.locator(".msg:not(.waiting)")).to_have_count(3)
    kernel.talks = {"same name": Talk(5)}
    kernel.number, kernel.target, kernel.may["connect"] = 2, "another.upstash.io", False
    hear_of_connection(page, number=2)
    expect(page.locator(".target")).to_have_text("another.upstash.io")
    expect(page.locator(".session")).to_have_count(1)
    expect(page.locator(".msg:not(.waiting)")).to_have_count(5)
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitem", name="Export all sessions")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Disconnect")).to_have_count(0)


@pytest.mark.slow
def test_a_silent_kernel_is_reported_after_four_seconds_until_it_replies(blank: Blank) -> None:
    kernel = StandIn()
    kernel.silent = {"*"}
    page = blank(kernel)
    began_ms = page.evaluate("() => performance.now()")
    banner = page.get_by_role("alert").filter(has_text="The kernel has stopped")
    expect(banner).to_be_hidden()
    expect(banner).to_be_visible()
    assert page.evaluate("() => performance.now()") - began_ms > 3_000
    kernel.silent = set()
    expect(banner).to_be_hidden(timeout=9_000)


def test_a_closed_comm_counts_as_no_kernel(blank: Blank) -> None:
    page = blank(StandIn())
    page.locator(".session").first.wait_for()
    page.evaluate("() => { model.send = () => { throw new Error('comm is closed'); }; }")
    page.locator(".session").first.click()
    expect(page.get_by_role("alert").filter(has_text="The kernel has stopped")).to_be_visible()


def test_an_unreachable_server_is_reported_and_requests_are_repeated_when_it_is_back(blank: Blank) -> None:
    kernel = StandIn()
    kernel.broken["open"] = {"type": "unavailable", "message": "The server does not answer."}
    page = blank(kernel)
    page.locator(".session").first.click()
    expect(page.get_by_text("This session could not be opened")).to_be_visible()
    hear_of_connection(page, reachable=False)
    expect(page.get_by_role("alert").filter(has_text="The server cannot be reached")).to_be_visible()
    kernel.broken.clear()
    hear_of_connection(page)
    expect(page.get_by_text("The server cannot be reached")).to_be_hidden()
    expect(page.locator(".msg:not(.waiting)").last).to_contain_text("Message number 39")
