"""Connecting from the page: what was typed, the environment, what is wrong, and no secret anywhere."""

from __future__ import annotations

import base64
import gc
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import HistoryBrowser, InvalidInputError, StoreClosedError
from chatmem_nb.histories import StoreHistory
from chatmem_nb.local import LocalMomento, LocalUpstash, offline
from chatmem_nb.records import encode
from chatmem_nb.stores.upstash import UpstashSessionStore
from chatmem_nb.widgets import addresses
from tests.odd_server import Talk, answers, odd_server
from tests.wire.browser_page import Page, kept_comms

VARIABLES = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "MOMENTO_API_KEY", "MOMENTO_ENDPOINT")
SECRET = "VerySecretTokenOfThisTest"


def encoded(claims: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


V2_KEY = f"{encoded({'alg': 'x'})}.{encoded({'t': 'g'})}.{SECRET}"


def key_for(endpoint: str) -> str:
    """A key of Momento's oldest form, which names its own endpoints."""
    claims = {"cp": endpoint, "c": endpoint}
    return f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}.{encoded({'key': SECRET})}"


@pytest.fixture(scope="module")
def upstash() -> Iterator[LocalUpstash]:
    with LocalUpstash(token=SECRET) as server:
        yield server


@pytest.fixture(scope="module")
def momento() -> Iterator[LocalMomento]:
    with LocalMomento(token=SECRET) as server:
        yield server


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "MOMENTO_CACHE_NAME", "MOMENTO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def page() -> Iterator[Page]:
    with kept_comms():
        browser = HistoryBrowser()
        yield Page(browser)
        browser.disconnect()
        browser.close()


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


def nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def plain_http(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


REFUSAL = b'{"error": "no"}'
# How the server at the url behaves, or the url itself; the field that is wrong; and what is said.
CAUSES: dict[str, tuple[Talk | str, str, str]] = {
    "no such host": (
        "https://no-such-database.invalid",
        "url",
        "Cannot reach Upstash at no-such-database.invalid: there is no host of this name, or no network. "
        "Is the URL right?",
    ),
    "refused": (
        nobody_listens(),
        "url",
        "Cannot reach Upstash at HOST: connection refused. Is the URL right?",
    ),
    "silence": (
        silent,
        "url",
        "Upstash at HOST did not respond within 0.5 s. Is the URL right, and the network up? "
        "On a slow one, raise timeout_s.",
    ),
    "no HTTPS": (
        plain_http,
        "url",
        "Cannot reach Upstash at HOST: no secure connection (the server does not speak HTTPS). "
        "Is the URL right?",
    ),
    "wrong token": (
        answers("401 Unauthorized", REFUSAL),
        "token",
        "Upstash refused the token (HTTP 401). Copy it whole, from the same database as the URL.",
    ),
    "forbidden": (
        answers("403 Forbidden", REFUSAL),
        "token",
        "Upstash refused the request (HTTP 403). Check what this token and this IP address may do.",
    ),
    "no database": (
        answers("404 Not Found", b"<p>no</p>", "text/html"),
        "url",
        "There is no database at this URL (HTTP 404). Copy the REST URL from the console.",
    ),
    "a web page": (
        answers("200 OK", b"<p>Welcome</p>", "text/html"),
        "url",
        "HOST sent a web page, and no response of Upstash (HTTP 200). Is the URL right?",
    ),
    "not Upstash": (
        answers("200 OK", b"hello", "text/plain"),
        "url",
        "The response is truncated, or not from Upstash (HTTP 200). Is the URL right?",
    ),
    "a redirect": (
        answers("301 Moved Permanently", b"", "text/plain", "Location: https://example.com/\r\n"),
        "url",
        "The URL redirects (HTTP 301). Use the https:// URL.",
    ),
    "another protocol": (
        "rediss://example.upstash.io:6379",
        "url",
        "The REST URL is for the Redis protocol; pass the REST URL, which begins with https://.",
    ),
    "no scheme": (
        "example.upstash.io",
        "url",
        "The REST URL has no scheme; pass the REST URL, which begins with https://.",
    ),
}


# asyncio (3.11) leaves the socket open where a TLS handshake fails; the collector closes it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("cause", CAUSES)
def test_form_and_environment_name_the_same_cause_and_what_to_do(
    page: Page, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    for made_by in (UpstashSessionStore.__init__, UpstashSessionStore.from_env.__func__):  # type: ignore[attr-defined]  # a classmethod
        monkeypatch.setitem(made_by.__kwdefaults__, "timeout_s", 0.5 if cause == "silence" else 8.0)
    server, field, says = CAUSES[cause]
    with ExitStack() as stack:
        url = server if isinstance(server, str) else stack.enter_context(odd_server(server))
        if cause == "no HTTPS":
            url = url.replace("http:", "https:")
        typed = page.refused("connect", service="upstash", url=url, token=SECRET)
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", url)
        monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", SECRET)
        found = page.refused("connect", service="upstash", use_env=True)
    assert (typed.message, typed.field) == (says.replace("HOST", urlsplit(url).netloc), field)
    same = typed.message.replace("The REST URL", "url") if typed.type == "invalid" else typed.message
    assert (found.message, found.field) == (same, None)
    gc.collect()


MOMENTO_CAUSES = {
    "no such host": ("no-such-host.invalid", "there is no host of this name, or no network"),
    "refused": (urlsplit(nobody_listens()).netloc, "connection refused"),
}


@pytest.mark.parametrize("cause", MOMENTO_CAUSES)
def test_the_form_says_why_momento_cannot_be_reached(page: Page, cause: str) -> None:
    endpoint, says = MOMENTO_CAUSES[cause]
    error = page.refused("connect", service="momento", api_key=V2_KEY + "123", endpoint=endpoint)
    assert (error.message, error.field) == (
        f"Cannot reach Momento: {says}. Is the endpoint right?",
        "endpoint",
    )


LINK_LOCAL = (
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "１６９.254.169.254",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "instance-data.ec2.internal",
)


@pytest.mark.parametrize("host", LINK_LOCAL)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_link_local_addresses_are_not_connected(page: Page, scheme: str, host: str) -> None:
    url = f"{scheme}://{host}:80/latest/meta-data"
    error = page.refused("connect", service="upstash", url=url, token=SECRET)
    assert (error.type, error.field) == ("invalid", "url")
    assert "Link-local addresses" in error.message


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "2852039166"])
@pytest.mark.parametrize("place", ["typed", "in the key"])
def test_link_local_endpoints_are_not_connected(page: Page, place: str, host: str) -> None:
    params = {"api_key": V2_KEY, "endpoint": host} if place == "typed" else {"api_key": key_for(host)}
    error = page.refused("connect", service="momento", **params)
    assert (error.type, error.field) == ("invalid", "endpoint")
    assert "Link-local addresses" in error.message


@pytest.mark.parametrize("host", ["ipv4:169.254.1.1", "unix:/run/x", "dns:///169.254.1.1", "[fe80::1]"])
def test_an_endpoint_is_a_host_name(page: Page, host: str) -> None:
    for params in ({"api_key": V2_KEY, "endpoint": host}, {"api_key": key_for(host)}):
        error = page.refused("connect", service="momento", **params)
        assert (error.type, error.field) == ("invalid", "endpoint")


def test_a_name_that_resolves_to_a_link_local_address_is_not_connected(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def resolve(host: str, *args: Any, **options: Any) -> Any:  # as the owner of a domain may set it up
        return look_up("169.254.169.254" if "example" in host else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    error = page.refused("connect", service="upstash", url="https://x.example", token=SECRET)
    assert (error.type, error.field) == ("invalid", "url")
    error = page.refused("connect", service="momento", api_key=V2_KEY, endpoint="x.example")
    assert (error.type, error.field) == ("invalid", "endpoint")


def test_a_name_that_takes_too_long_to_resolve_is_not_connected(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def resolve(*args: Any, **options: Any) -> Any:
        ended.wait()
        return []

    monkeypatch.setattr(addresses, "LOOKUP_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        error = page.refused("connect", service="upstash", url="https://x.example", token=SECRET)
    finally:
        ended.set()
    assert (error.type, error.field) == ("timeout", "url")


def test_a_store_made_in_python_may_have_any_address() -> None:
    store = UpstashSessionStore("http://169.254.169.254", SECRET)
    with kept_comms():
        browser = HistoryBrowser(store)
    assert browser.connected
    browser.close()
    store.close()


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 x"])
def test_no_redirect_is_followed(page: Page, status: str) -> None:
    reached: list[str] = []

    def elsewhere(connection: socket.socket) -> None:
        reached.append("reached")

    with odd_server(elsewhere) as inner:
        talk = answers(status, b'{"error": "over there"}', extra=f"Location: {inner}/\r\n")
        with odd_server(talk) as url:
            error = page.refused("connect", service="upstash", url=url, token=SECRET)
    assert (error.field, reached) == ("url", [])
    assert "over there" not in page.everything()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        ("200 OK", "application/json", b'{"error": "inner words"}'),
        ("200 OK", "application/json", b'{"error": "WRONGTYPE inner words"}'),
        ("200 OK", "application/json", b'{"error": "ERR max daily request limit exceeded. inner words"}'),
        ("200 OK", "application/json", b'"inner words"'),
        ("200 OK", "text/html", b"<p>inner words</p>"),
        ("200 OK", "text/plain", b"inner words"),
        ("400 inner words", "application/json", b'{"error": "ERR inner words"}'),
        ("401 inner words", "application/json", b'{"error": "Unauthorized inner words"}'),
        ("403 inner words", "application/json", b'{"error": "NOPERM inner words"}'),
        ("404 inner words", "text/plain", b"inner words"),
        ("429 inner words", "application/json", b'{"error": "ERR inner words"}'),
        ("500 inner words", "text/plain", b"inner words"),
    ],
)
def test_the_words_of_a_foreign_server_are_not_shown(
    page: Page, monkeypatch: pytest.MonkeyPatch, status: str, kind: str, body: bytes
) -> None:
    monkeypatch.setitem(UpstashSessionStore.__init__.__kwdefaults__, "timeout_s", 0.5)  # type: ignore[arg-type]
    with odd_server(answers(status, body, kind, extra="X-Note: inner words\r\n")) as url:
        error = page.refused("connect", service="upstash", url=url, token=SECRET)
    assert error.message
    assert "inner words" not in page.everything()


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
