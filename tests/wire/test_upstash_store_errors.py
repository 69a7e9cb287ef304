"""Every failure of Upstash and of the way to it: which error of ours it is, and what it does not show."""

from __future__ import annotations

import gc
import json
import pickle
import socket
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from upstash_redis.errors import UpstashError

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.fault_proxy import read_message
from tests.odd_server import Talk, answers, odd_server

TOKEN = "AX-secret-token-0123456789"
HTML = b"<!doctype html><html><body>Welcome</body></html>"


def error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def cut(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"result":'
        )
        connection.shutdown(socket.SHUT_RDWR)


def gone(connection: socket.socket) -> None:
    read_message(connection)


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def trickle(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
        )
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)


def trickling_head(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


def no_http(connection: socket.socket) -> None:
    while connection.recv(65_536):
        connection.sendall(b"-ERR unknown command\r\n\r\n")


# What comes, which error it is, and what its text tells.
TABLE: list[tuple[str, Talk, type[errors.StoreError], str]] = [
    (
        "wrong token",
        answers("401 Unauthorized", error("WRONGPASS invalid or missing auth token")),
        errors.StoreAuthError,
        "refused the token",
    ),
    (
        "unauthorized",
        answers("401 Unauthorized", error("Unauthorized")),
        errors.StoreAuthError,
        "refused the token",
    ),
    (
        "unauthorized page",
        answers("401 Unauthorized", HTML, "text/html"),
        errors.StoreAuthError,
        "refused the token",
    ),
    ("forbidden", answers("403 Forbidden", b"no"), errors.StoreAuthError, "HTTP 403"),
    (
        "read-only token",
        answers("400 Bad Request", error("NOPERM this user has no permissions to run the 'lpush' command")),
        errors.StoreAuthError,
        "read-only",
    ),
    (
        "scripts and all else refused",
        answers("400 Bad Request", error("NOPERM this user has no permissions to run the 'eval' command")),
        errors.StoreAuthError,
        "may not",
    ),
    (
        "no database",
        answers("404 Not Found", b"not found", "text/plain"),
        errors.StoreNotFoundError,
        "no database",
    ),
    (
        "daily limit",
        answers(
            "400 Bad Request", error("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.")
        ),
        errors.StoreLimitError,
        "10000",
    ),
    (
        "monthly limit",
        answers("400 Bad Request", error("ERR max requests limit exceeded. Limit: 500000")),
        errors.StoreLimitError,
        "500000",
    ),
    (
        "limit with 429",
        answers("429 Too Many Requests", error("ERR max daily request limit exceeded.")),
        errors.StoreLimitError,
        "daily",
    ),
    (
        "request too large",
        answers("400 Bad Request", error("ERR max request size exceeded. Limit: 10485760 bytes")),
        errors.StoreLimitError,
        "max_request_bytes",
    ),
    (
        "request too large for a proxy",
        answers("413 Payload Too Large", HTML, "text/html"),
        errors.StoreLimitError,
        "max_request_bytes",
    ),
    (
        "record too large",
        answers("400 Bad Request", error("ERR max single record size exceeded.")),
        errors.StoreLimitError,
        "single record",
    ),
    (
        "key too large",
        answers("400 Bad Request", error("ERR max key size exceeded. Limit: 32768 bytes")),
        errors.StoreLimitError,
        "key size",
    ),
    (
        "database full",
        answers("400 Bad Request", error("ERR DB capacity quota exceeded")),
        errors.StoreLimitError,
        "quota",
    ),
    (
        "out of memory",
        answers("400 Bad Request", error("OOM command not allowed when used memory > 'maxmemory'.")),
        errors.StoreLimitError,
        "limit",
    ),
    *(
        (
            text.split()[0],
            answers("400 Bad Request", error(text)),
            kind,
            advice,
        )
        for text, kind, advice in (
            (
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
                errors.StoreLimitError,
                "delete sessions",
            ),
            (
                "READONLY You can't write against a read only replica.",
                errors.StoreUnavailableError,
                "url of the primary",
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
                "disk. Commands that may modify the data set are disabled",
                errors.StoreUnavailableError,
                "free disk space",
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                errors.StoreUnavailableError,
                "replicas",
            ),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "CLUSTERDOWN The cluster is down",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                errors.StoreUnavailableError,
                "try again later",
            ),
            ("MOVED 3999 127.0.0.1:6381", errors.StoreUnavailableError, "not sharded"),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                errors.StoreUnavailableError,
                "not sharded",
            ),
        )
    ),
    (
        "an error in a script of Redis 7",
        answers(
            "400 Bad Request",
            error(
                "OOM command not allowed when used memory > 'maxmemory'. script: "
                "bce4d57edee0281bf9a66a0718e800aa5257aed6, on @user_script:1."
            ),
        ),
        errors.StoreLimitError,
        "'maxmemory'.)",
    ),
    ("throttled", answers("429 Too Many Requests", error("too many")), errors.StoreThrottledError, "429"),
    (
        "throttled page",
        answers("429 Too Many Requests", HTML, "text/html"),
        errors.StoreThrottledError,
        "429",
    ),
    (
        "connections",
        answers("400 Bad Request", error("ERR max concurrent connections exceeded")),
        errors.StoreThrottledError,
        "rate limit",
    ),
    (
        "loading",
        answers("400 Bad Request", error("LOADING Redis is loading the dataset in memory")),
        errors.StoreUnavailableError,
        "at the moment",
    ),
    (
        "failed",
        answers("500 Internal Server Error", error("ERR internal")),
        errors.StoreUnavailableError,
        "HTTP 500",
    ),
    ("bad gateway", answers("502 Bad Gateway", HTML, "text/html"), errors.StoreResponseError, "web page"),
    (
        "unavailable",
        answers("503 Service Unavailable", b"", "text/plain"),
        errors.StoreUnavailableError,
        "HTTP 503",
    ),
    ("some web site", answers("200 OK", HTML, "text/html"), errors.StoreResponseError, "web page"),
    (
        "a web site's refusal",
        answers("405 Method Not Allowed", HTML, "text/html"),
        errors.StoreResponseError,
        "web page",
    ),
    (
        "a redirect",
        answers("301 Moved", b"", "text/plain", "Location: https://elsewhere.example/\r\n"),
        errors.StoreResponseError,
        "redirects",
    ),
    ("cut", cut, errors.StoreResponseError, "truncated"),
    (
        "cut, with a length that fits",
        answers("200 OK", b'{"result": [1, '),
        errors.StoreResponseError,
        "truncated",
    ),
    ("empty", answers("200 OK", b""), errors.StoreResponseError, "truncated"),
    ("a foreign answer", answers("200 OK", b'{"ok": true}'), errors.StoreResponseError, "not from Upstash"),
    ("a list", answers("200 OK", b"[]"), errors.StoreResponseError, "not from Upstash"),
    (
        "no text",
        answers("200 OK", b"\xff\xfe\x00", "text/plain"),
        errors.StoreResponseError,
        "not from Upstash",
    ),
    (
        "a wrong kind",
        answers("200 OK", b'{"result": {"a": 1}}'),
        errors.StoreResponseError,
        "expected an integer",
    ),
    (
        "an unknown error",
        answers("400 Bad Request", error("ERR something new")),
        errors.StoreError,
        "something new",
    ),
    (
        "no such encoding",
        answers("200 OK", b"no gzip", extra="Content-Encoding: gzip\r\n"),
        errors.StoreResponseError,
        "truncated",
    ),
    ("connection lost", gone, errors.StoreUnavailableError, "lost"),
    ("silence", silent, errors.StoreTimeoutError, "did not respond"),
    ("a trickle", trickle, errors.StoreTimeoutError, "did not respond"),
    ("a trickling head", trickling_head, errors.StoreTimeoutError, "did not respond"),
    ("no HTTP", no_http, errors.StoreUnavailableError, "lost"),
]


# What passes, perhaps: it is tried again until the time is over. The others fail at once, or nearly.
PASSING = {
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "TRYAGAIN",
    "throttled",
    "throttled page",
    "connections",
    "loading",
    "failed",
    "bad gateway",
    "unavailable",
    "cut",
    "cut, with a length that fits",
    "empty",
    "no such encoding",
    "connection lost",
    "silence",
    "a trickle",
    "a trickling head",
    "no HTTP",
}
ROWS = [pytest.param(*row[1:], 0.8 if row[0] in PASSING else 10.0, id=row[0]) for row in TABLE]


@pytest.fixture
def open_store(colour: str) -> Iterator[Callable[..., Coloured]]:
    opened: list[Coloured] = []

    def open_store(url: str, **options: Any) -> Coloured:
        store = UpstashSessionStore(url, TOKEN, **{"timeout_s": 10.0, **options})
        opened.append(Coloured(store, colour))
        return opened[-1]

    yield open_store
    for store in opened:
        store.end()


def check(failed: BaseException, kind: type[errors.StoreError], text: str) -> None:
    """It is ours and the SDK's, says what to do, has its cause, and shows neither token nor chat."""
    assert isinstance(failed, kind)
    assert isinstance(failed, UpstashError)
    assert isinstance(failed, errors.StoreError)
    assert text in str(failed)
    shown = "".join(traceback.TracebackException.from_exception(failed, capture_locals=True).format())
    assert TOKEN not in shown
    assert "secret words" not in str(failed)
    again = pickle.loads(pickle.dumps(failed))
    assert (type(again), str(again)) == (type(failed), str(failed))


@pytest.mark.parametrize(("talk", "kind", "text", "timeout_s"), ROWS)
def test_each_failure_is_an_error_of_ours(
    open_store: Callable[..., Coloured],
    talk: Talk,
    kind: type[errors.StoreError],
    text: str,
    timeout_s: float,
) -> None:
    with odd_server(talk) as url:
        store = open_store(url, timeout_s=timeout_s)
        began = time.monotonic()
        with pytest.raises(errors.ChatMemError) as failed:
            store.append("s", ["secret words"])
        assert time.monotonic() - began < 5
        check(failed.value, kind, text)


@pytest.mark.parametrize(("talk", "kind", "text", "timeout_s"), ROWS)
def test_each_failure_of_a_pipeline_is_an_error_of_ours(
    talk: Talk, kind: type[errors.StoreError], text: str, timeout_s: float
) -> None:
    with odd_server(talk) as url, UpstashSessionStore(url, TOKEN, timeout_s=timeout_s) as store:
        with pytest.raises(errors.ChatMemError) as failed:
            list(store.read_many(["s", "t"]))
        check(failed.value, kind, "" if kind is errors.StoreResponseError else text)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b"7", b'[{"result": 3}]', b'[{"a": 1}, {}]', b'["x", "y"]']
)
def test_a_response_of_another_shape_is_invalid(open_store: Callable[..., Coloured], body: bytes) -> None:
    with odd_server(answers("200 OK", body)) as url:
        store = open_store(url)
        for call in (
            lambda: list(store.read_many(["s", "t"])),
            lambda: list(store.session_ids()),
            lambda: store.summaries(["s"]),
            lambda: store.read("s"),
            lambda: store.length("s"),
        ):
            with pytest.raises(errors.StoreResponseError) as failed:
                call()
            check(failed.value, errors.StoreResponseError, "")


@pytest.mark.parametrize(
    "result", ["null", "7", '"text"', "[]", "{}", "[1, 2]", '["0"]', '["x", []]', "[[1]]"]
)
def test_a_result_of_another_type_is_invalid(open_store: Callable[..., Coloured], result: str) -> None:
    with odd_server(answers("200 OK", f'{{"result": {result}}}'.encode())) as url:
        store = open_store(url)
        for verb, fits in (
            (lambda: list(store.session_ids()), ()),
            (lambda: store.summaries(["s"]), ()),
            (lambda: store.read("s"), ("[]", '["0"]')),
            (lambda: store.append("s", ["r"]), ("7",)),
        ):
            if result in fits:
                verb()
                continue
            with pytest.raises(errors.StoreResponseError) as failed:
                verb()
            check(failed.value, errors.StoreResponseError, "Upstash")


def test_nobody_listens(open_store: Callable[..., Coloured]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = open_store(f"http://127.0.0.1:{port}", timeout_s=10)
    began = time.monotonic()
    with pytest.raises(errors.StoreUnavailableError) as failed:
        store.append("s", ["r"])
    assert time.monotonic() - began < 5
    check(failed.value, errors.StoreUnavailableError, "cannot connect")
    assert failed.value.__cause__ is not None


def test_a_name_that_is_not_known(open_store: Callable[..., Coloured]) -> None:
    store = open_store("https://no-such-database.invalid", timeout_s=10)
    with pytest.raises(errors.StoreUnavailableError) as failed:
        store.append("s", ["r"])
    check(failed.value, errors.StoreUnavailableError, "cannot resolve")
    assert "no-such-database.invalid" in str(failed.value)


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_that_nobody_vouches_for(
    open_store: Callable[..., Coloured], own_certificate: ssl.SSLContext
) -> None:
    with odd_server(answers("200 OK", b'{"result": 1}'), own_certificate) as url:
        store = open_store(url, timeout_s=10)
        began = time.monotonic()
        with pytest.raises(errors.StoreUnavailableError) as failed:
            store.append("s", ["r"])
        assert time.monotonic() - began < 5
        check(failed.value, errors.StoreUnavailableError, "no secure connection")


@pytest.fixture
def collected() -> Iterator[None]:
    """Has what this test left behind collected in its own time, and not in that of another."""
    yield
    gc.collect()


# asyncio (3.11) leaves the socket open where a TLS handshake is cancelled; the collector closes it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("collected")
def test_https_where_http_is_spoken(open_store: Callable[..., Coloured]) -> None:
    with odd_server(answers("400 Bad Request", b"")) as url:
        store = open_store(url.replace("http:", "https:"), timeout_s=0.8)
        with pytest.raises(errors.StoreUnavailableError) as failed:
            store.append("s", ["r"])
        check(failed.value, errors.StoreUnavailableError, "")


def test_a_server_that_repeats_the_token_does_not_bring_it_into_a_text(
    open_store: Callable[..., Coloured],
) -> None:
    with odd_server(
        answers("400 Bad Request", error(f"ERR bad header Authorization: Bearer {TOKEN}"))
    ) as url:
        store = open_store(url)
        for call in (lambda: store.append("s", ["r"]), lambda: list(store.read_many(["s"]))):
            with pytest.raises(errors.StoreError) as failed:
                call()
            check(failed.value, errors.StoreError, "***")


def test_what_upstash_repeats_of_a_command_is_not_shown(open_store: Callable[..., Coloured]) -> None:
    said = error('ERR something new, command was: ["EVAL","...","secret words"]')
    with odd_server(answers("400 Bad Request", said)) as url:
        with pytest.raises(errors.StoreError) as failed:
            open_store(url).append("s", ["secret words"])
        check(failed.value, errors.StoreError, "something new")
        shown = "".join(traceback.format_exception(failed.value))
        assert "Error" in shown


def test_handlers_written_for_the_sdk_go_on_working(colour: str) -> None:
    with LocalUpstash() as server:
        store = Coloured(UpstashSessionStore(server.url, "wrong"), colour)
        with pytest.raises(UpstashError) as failed:
            store.append("s", ["r"])
        assert isinstance(failed.value, errors.StoreAuthError)
        assert isinstance(failed.value.__cause__, UpstashError)
        store.end()


def test_a_refusal_is_not_billed(colour: str) -> None:
    with LocalUpstash() as server:
        store = Coloured(UpstashSessionStore(server.url, "wrong"), colour)
        with pytest.raises(errors.StoreAuthError):
            store.append("s", ["r"])
        assert (store.store.commands.requests, store.store.commands.billed) == (1, 0)
        store.end()


BAD_URLS = [
    "",
    None,
    7,
    "example.upstash.io",
    "ftp://example.upstash.io",
    "redis://default:pw@example.upstash.io:6379",
    "rediss://default:pw@example.upstash.io:6379",
    "https://",
    "https://:443",
    "https://example.upstash.io:port",
    "https://example.upstash.io:99999",
    "https://user:pw@example.upstash.io",
    "https://example.upstash.io/?_token=pw",
    "https://example.upstash.io/#pw",
    "https://example.upstash.io\n",
    " https://example.upstash.io",
    "https://exa mple.upstash.io",
    "https://[::1",
    TOKEN,
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_one_is_refused_without_showing_it(url: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as failed:
        UpstashSessionStore(url, TOKEN)
    shown = "".join(traceback.format_exception(failed.value))
    assert TOKEN not in str(failed.value)
    assert "pw@" not in shown
    assert "=pw" not in shown
    assert "url" in str(failed.value)


@pytest.mark.parametrize(
    "token", ["", None, 7, f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\x00", f"é{TOKEN}", "a\tb", "a\r\nX: y"]
)
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(token: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as failed:
        UpstashSessionStore("https://example.upstash.io", token)
    shown = "".join(traceback.format_exception(failed.value))
    assert TOKEN not in shown
    assert "token" in str(failed.value)


def test_url_and_token_come_from_the_environment_as_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalUpstash() as server:
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", server.url)
        monkeypatch.delenv("UPSTASH_REDIS_REST_TOKEN", raising=False)
        with pytest.raises(errors.InvalidInputError, match=r"^UPSTASH_REDIS_REST_TOKEN must be set"):
            UpstashSessionStore.from_env()
        monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", server.token)
        with UpstashSessionStore.from_env(key_prefix="env:") as store:
            assert store.append("s", ["r"]) == 1
            assert store.key_prefix == "env:"
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", "")
        with pytest.raises(errors.InvalidInputError, match=r"^UPSTASH_REDIS_REST_URL must be set"):
            UpstashSessionStore.from_env()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with LocalUpstash() as server:
        store = Coloured(server.store(), colour)
        assert store.append("s", ["r"]) == 1
        store.end()


def test_a_proxy_that_cannot_be_used_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, open_store: Callable[..., Coloured]
) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://user:pw@127.0.0.1:9")
    with pytest.raises(errors.StoreUnavailableError) as failed:
        open_store("https://example.invalid").append("s", ["r"])
    check(failed.value, errors.StoreUnavailableError, "ALL_PROXY")
    assert "pw" not in "".join(traceback.format_exception(failed.value))


def test_a_verbose_traceback_of_a_program_shows_no_token() -> None:
    program = f"""
import sys, os
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from chatmem_nb.stores.upstash import UpstashSessionStore
store = UpstashSessionStore("http://127.0.0.1:9", os.environ["SECRET"])
print(repr(store), store, vars(store))
store.append("s", ["r"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"SECRET": TOKEN}, timeout=60
    )
    assert "StoreUnavailableError" in done.stderr or "UpstashUnavailableError" in done.stderr
    assert TOKEN not in done.stderr + done.stdout
