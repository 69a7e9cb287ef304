"""Connecting from the page: what was typed, the environment, what is wrong, and no secret anywhere."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import HistoryBrowser, InvalidInputError, StoreClosedError
from chatmem_nb.histories import StoreHistory
from chatmem_nb.local import LocalMomento, LocalUpstash, offline
from chatmem_nb.records import encode
from tests.wire.browser_page import Page, kept_comms
from tests.wire.connect_form import SECRET, V2_KEY


@pytest.fixture
def page(unconnected_page: Page) -> Page:
    return unconnected_page


@pytest.fixture(scope="module")
def upstash() -> Iterator[LocalUpstash]:
    with LocalUpstash(token=SECRET) as server:
        yield server


@pytest.fixture(scope="module")
def momento() -> Iterator[LocalMomento]:
    with LocalMomento(token=SECRET) as server:
        yield server


def test_a_browser_of_nothing_shows_the_form(page: Page) -> None:
    hello = page.ask("hello")
    assert (hello["connected"], hello["service"], hello["target"]) == (False, None, "")
    assert [client["service"] for client in hello["clients"]] == ["upstash", "momento", "local"]
    offers = {client["service"]: client for client in hello["clients"]}
    fields = {name: [field["name"] for field in offer["inputs"]] for name, offer in offers.items()}
    assert fields["upstash"] == ["url", "token", "key_prefix"]
    assert fields["momento"] == ["api_key", "endpoint", "cache_name", "key_prefix"]
    assert not any(entry["set"] for client in hello["clients"] for entry in client["env"])
    for method in ("sessions", "undo"):
        assert page.refused(method).type == "not_connected"
    assert page.refused("append", session_id="a", role="human", content="x").type == "not_connected"


def test_upstash_is_connected_by_what_was_typed(page: Page, upstash: LocalUpstash) -> None:
    answer = page.ask("connect", service="upstash", url=f" {upstash.url} ", token=SECRET, key_prefix="")
    assert (answer["connected"], answer["service"]) == (True, "Upstash Redis")
    assert answer["target"] in upstash.url
    assert page.browser.connected is True
    page.ask("append", session_id="a", role="human", content="hi")
    assert page.browser.store.key_prefix == "message_store:"
    assert "UpstashSessionStore.from_env()" in page.ask("code")["code"]


def test_momento_is_connected_by_what_was_typed(page: Page, momento: LocalMomento) -> None:
    endpoint = f"{momento.host}:{momento.port}"
    answer = page.ask(
        "connect", service="momento", api_key=SECRET, endpoint=endpoint, cache_name="c", key_prefix="p:"
    )
    assert (answer["service"], answer["target"]) == ("Momento", "c")
    page.ask("append", session_id="a", role="human", content="hi")
    assert "from_env('c', key_prefix='p:')" in page.ask("code")["code"]


def test_both_are_connected_from_the_environment(
    page: Page, upstash: LocalUpstash, momento: LocalMomento, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**offline.environment(upstash), **offline.environment(momento)}.items():
        monkeypatch.setenv(name, value)
    clients = page.ask("hello")["clients"]
    assert [entry["set"] for entry in clients[0]["env"]] == [True, True]
    assert page.ask("connect", service="upstash", use_env=True)["service"] == "Upstash Redis"
    assert page.ask("connect", service="momento", use_env=True)["service"] == "Momento"
    assert SECRET not in page.everything()


def test_a_local_service_with_samples_is_connected(page: Page) -> None:
    assert page.ask("connect", service="local")["target"] == "this machine"
    assert page.ask("sessions")["found"] > 5
    page.ask("connect", service="local", kind="momento")
    assert page.ask("sessions")["found"] > 5


@pytest.mark.parametrize(
    ("params", "type", "field"),
    [
        ({"service": "upstash"}, "invalid", "url"),
        ({"service": "upstash", "url": "URL"}, "invalid", "token"),
        ({"service": "upstash", "url": "example.com", "token": SECRET}, "invalid", "url"),
        ({"service": "upstash", "url": "redis://x:1", "token": SECRET}, "invalid", "url"),
        ({"service": "upstash", "url": "URL", "token": f"{SECRET} \n x"}, "invalid", "token"),
        ({"service": "upstash", "url": "URL", "token": f"{SECRET}é"}, "invalid", "token"),
        ({"service": "upstash", "url": "URL", "token": "wrong"}, "auth", "token"),
        ({"service": "upstash", "url": f"http://x:{SECRET}@127.0.0.1:1", "token": "x"}, "invalid", "url"),
        ({"service": "upstash", "url": "URL", "token": [SECRET]}, "invalid", "token"),
        ({"service": "upstash", "use_env": True}, "invalid", None),
        ({"service": "momento"}, "invalid", "api_key"),
        ({"service": "momento", "api_key": SECRET}, "invalid", "api_key"),
        ({"service": "momento", "api_key": f"{SECRET} x"}, "invalid", "api_key"),
        ({"service": "momento", "api_key": V2_KEY, "endpoint": "example.com"}, "invalid", "api_key"),
        ({"service": "momento", "api_key": "wrong", "endpoint": "ENDPOINT"}, "auth", "api_key"),
        ({"service": "momento", "use_env": True}, "invalid", None),
        ({"service": "redis"}, "invalid", "service"),
        ({}, "invalid", "service"),
        ({"service": "local", "kind": "x"}, "invalid", "kind"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_without_the_secret(
    page: Page,
    upstash: LocalUpstash,
    momento: LocalMomento,
    params: dict[str, Any],
    type: str,
    field: str | None,
) -> None:
    places = {"URL": upstash.url, "ENDPOINT": f"{momento.host}:{momento.port}"}
    params = {
        name: places.get(value, value) if isinstance(value, str) else value for name, value in params.items()
    }
    error = page.refused("connect", **params)
    assert (error.type, error.field) == (type, field)
    assert error.message
    assert page.ask("hello")["connected"] is False
    assert SECRET not in page.everything()


def test_no_secret_stays_anywhere_but_in_the_client(page: Page, upstash: LocalUpstash) -> None:
    page.ask("connect", service="upstash", url=upstash.url, token=SECRET)
    browser = page.browser
    browser.select("a", create=True)
    bundle = browser._repr_mimebundle_()
    for text in (
        page.everything(),
        repr(browser),
        json.dumps(browser.get_state()),
        json.dumps(bundle),
        browser.code,
    ):
        assert SECRET not in text
    kept = [found for found in gc.get_objects() if isinstance(found, dict) and found.get("token") == SECRET]
    assert not [found for found in kept if "service" in found], "the message that brought it is still held"


def test_a_failed_attempt_leaves_what_was_connected(page: Page, upstash: LocalUpstash) -> None:
    page.ask("connect", service="upstash", url=upstash.url, token=SECRET)
    page.refused("connect", service="upstash", url=upstash.url, token="wrong")
    assert page.ask("hello")["connected"] is True
    page.ask("sessions")


def test_disconnecting_closes_what_was_opened_here_and_forgets(page: Page, upstash: LocalUpstash) -> None:
    page.ask("connect", service="upstash", url=upstash.url, token=SECRET)
    store = page.browser.store
    page.ask("append", session_id="gone", role="human", content="x")
    page.open("gone")
    page.ask("clear", session_ids=["gone"])
    answer = page.ask("disconnect")
    assert (answer["connected"], answer["session"], answer["undo"]) == (False, "", None)
    assert page.event(event="changed", what="connection", connected=False)
    with pytest.raises(StoreClosedError):
        store.length("a")
    page.ask("connect", service="upstash", url=upstash.url, token=SECRET)
    assert "nothing to undo" in page.refused("undo").message


def test_a_store_that_was_given_is_never_closed(upstash: LocalUpstash) -> None:
    with upstash.store() as store:
        with kept_comms():
            browser = HistoryBrowser(store)
        browser.disconnect()
        assert browser.store is None
        assert store.length("a") >= 0
        browser.connect(StoreHistory(store, "b"))
        assert (browser.session_id, browser.connected) == ("b", True)
        with pytest.raises(InvalidInputError, match="takes a store"):
            browser.connect(5)
        with pytest.raises(InvalidInputError, match="a store or a history"):
            browser.connect(None)
        browser.close()


def test_what_was_shown_of_one_service_is_stale_on_the_next(
    page: Page, upstash: LocalUpstash, momento: LocalMomento
) -> None:
    with upstash.store() as store:
        store.append("same", [encode(HumanMessage("from upstash"))])
    page.ask("connect", service="upstash", url=upstash.url, token=SECRET)
    at = page.open("same")
    page.ask("connect", service="local", kind="momento")
    assert page.refused("window", **at, start=0, stop=5).type == "stale"


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"service": "upstash", "token": "x"}, "url", "Enter the REST URL."),
        ({"service": "upstash", "url": "https://example.upstash.io"}, "token", "Enter the REST token."),
        ({"service": "momento"}, "api_key", "Enter the API key."),
    ],
)
def test_an_empty_field_is_asked_for_by_its_label(
    page: Page, typed: dict[str, str], field: str, says: str
) -> None:
    error = page.refused("connect", **typed)
    assert (error.message, error.field) == (says, field)
