"""Every failure of Upstash and of the way to it: which error of ours it is, and what it does not show."""

from __future__ import annotations

import gc
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
from tests.odd_server import Talk, answers, odd_server
from tests.wire.upstash_failures import (
    ROWS,
    TOKEN,
    error,
)


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
    check(failed.value, errors.StoreUnavailableError, "connection refused")
    assert failed.value.__cause__ is not None


def test_a_name_that_is_not_known(open_store: Callable[..., Coloured]) -> None:
    store = open_store("https://no-such-database.invalid", timeout_s=10)
    with pytest.raises(errors.StoreUnavailableError) as failed:
        store.append("s", ["r"])
    check(failed.value, errors.StoreUnavailableError, "no host of this name")
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
