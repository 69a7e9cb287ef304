"""Why the form cannot connect: the cause is named, and no address inside a network is reached."""

from __future__ import annotations

import gc
import socket
import threading
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from chatmem_nb import HistoryBrowser
from chatmem_nb.stores.upstash import UpstashSessionStore
from chatmem_nb.widgets import addresses
from tests.odd_server import Talk, answers, odd_server
from tests.wire.browser_page import Page, kept_comms
from tests.wire.connect_form import SECRET, V2_KEY, key_for


@pytest.fixture
def page(unconnected_page: Page) -> Page:
    return unconnected_page


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
    monkeypatch.setitem(UpstashSessionStore.__init__.__kwdefaults__, "timeout_s", 0.5)  # type: ignore[arg-type]  # it has keywords
    with odd_server(answers(status, body, kind, extra="X-Note: inner words\r\n")) as url:
        error = page.refused("connect", service="upstash", url=url, token=SECRET)
    assert error.message
    assert "inner words" not in page.everything()
