"""Every failure of Momento and of the way to it: one of ours, one of the SDK's, its cause kept, no secret."""

from __future__ import annotations

import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

import grpc
import pytest
from momento import CredentialProvider
from momento.errors import SdkException

from chatmem_nb import errors
from chatmem_nb.errors import StoreError
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from tests.colours import Coloured

SECRET = "s3cr3t-t0ken-that-nobody-may-see"
Code = grpc.StatusCode


class Refusing(grpc.GenericRpcHandler):
    """Answers every call with one status."""

    def __init__(self, code: grpc.StatusCode, details: str, err: str | None) -> None:
        self._refusal = code, details, err

    def service(self, handler_call_details: Any) -> Any:
        def refuse(request: bytes, context: Any) -> bytes:
            code, details, err = self._refusal
            if err:
                context.set_trailing_metadata((("err", err),))
            context.abort(code, details)
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(refuse)


def provider(host: str, port: int) -> CredentialProvider:
    return CredentialProvider(SECRET, host, host, host, port)


@contextmanager
def refusing(
    code: grpc.StatusCode, details: str = "as it says", err: str | None = None
) -> Iterator[CredentialProvider]:
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(
            threads, handlers=[Refusing(code, details, err)], options=[("grpc.so_reuseport", 0)]
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield provider("127.0.0.1", port)
        server.stop(None).wait()


@contextmanager
def wrong_token() -> Iterator[CredentialProvider]:
    with LocalMomento(token="another") as server:
        yield provider(server.host, server.port)


@contextmanager
def nobody_listens() -> Iterator[CredentialProvider]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield provider("127.0.0.1", taken.getsockname()[1])


@contextmanager
def no_such_host() -> Iterator[CredentialProvider]:
    yield provider("no-such-host.invalid", 8080)


@contextmanager
def no_tls() -> Iterator[CredentialProvider]:
    """Port 443 has the SDK talk TLS, to whatever the host says."""
    with LocalMomento() as server:
        yield provider(f"127.0.0.1:{server.port}", 443)


@contextmanager
def answering(page: bytes) -> Iterator[CredentialProvider]:
    """A server that answers every connection with `page`, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1_000)
                        connection.sendall(page)

        thread = threading.Thread(target=serve)
        thread.start()
        yield provider("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def page() -> Any:
    return answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>")


def nothing() -> Any:
    return answering(b"")


TABLE: list[tuple[str, Callable[[], Any], type[StoreError], str]] = [
    ("wrong token", wrong_token, errors.StoreAuthError, "API key"),
    ("unauthenticated", lambda: refusing(Code.UNAUTHENTICATED), errors.StoreAuthError, "API key"),
    ("not permitted", lambda: refusing(Code.PERMISSION_DENIED), errors.StoreAuthError, "may not do this"),
    ("no cache", lambda: refusing(Code.NOT_FOUND), errors.StoreNotFoundError, "cache"),
    ("no list", lambda: refusing(Code.FAILED_PRECONDITION), errors.WrongTypeError, "not a session"),
    ("throttled", lambda: refusing(Code.RESOURCE_EXHAUSTED), errors.StoreThrottledError, "throttling"),
    (
        "throttled, by err",
        lambda: refusing(Code.RESOURCE_EXHAUSTED, "", "throughput_rate_limit_exceeded"),
        errors.StoreThrottledError,
        "throttling",
    ),
    (
        "element too large",
        lambda: refusing(Code.RESOURCE_EXHAUSTED, "", "element_size_limit_exceeded"),
        errors.StoreLimitError,
        "record is larger",
    ),
    (
        "session too large",
        lambda: refusing(Code.RESOURCE_EXHAUSTED, "", "item_size_limit_exceeded"),
        errors.StoreLimitError,
        "start a new one",
    ),
    (
        "request too large",
        lambda: refusing(Code.RESOURCE_EXHAUSTED, "", "request_size_limit_exceeded"),
        errors.StoreLimitError,
        "request is larger",
    ),
    ("invalid", lambda: refusing(Code.INVALID_ARGUMENT), errors.StoreError, "invalid .as it says"),
    ("unimplemented", lambda: refusing(Code.UNIMPLEMENTED), errors.StoreError, "does not know"),
    ("out of range", lambda: refusing(Code.OUT_OF_RANGE), errors.StoreError, "does not know"),
    ("unavailable", lambda: refusing(Code.UNAVAILABLE), errors.StoreUnavailableError, "as it says"),
    ("internal", lambda: refusing(Code.INTERNAL), errors.StoreUnavailableError, "as it says"),
    ("unknown", lambda: refusing(Code.UNKNOWN), errors.StoreUnavailableError, "failed"),
    ("aborted", lambda: refusing(Code.ABORTED), errors.StoreUnavailableError, "failed"),
    ("data loss", lambda: refusing(Code.DATA_LOSS), errors.StoreUnavailableError, "failed"),
    ("cancelled", lambda: refusing(Code.CANCELLED), errors.StoreUnavailableError, "cancelled"),
    ("deadline", lambda: refusing(Code.DEADLINE_EXCEEDED), errors.StoreTimeoutError, "in time"),
    (
        "a cut answer",
        lambda: refusing(Code.INTERNAL, "Received RST_STREAM with error code 2"),
        errors.StoreResponseError,
        "not from Momento",
    ),
    (
        "a page of a proxy that speaks HTTP/2",
        lambda: refusing(Code.UNAVAILABLE, "Received http2 header with status: 502"),
        errors.StoreResponseError,
        "not from Momento",
    ),
    ("a page of a proxy that does not", page, errors.StoreUnavailableError, "cannot reach Momento"),
    ("a connection that ends at once", nothing, errors.StoreUnavailableError, "cannot reach Momento"),
    ("nobody listens", nobody_listens, errors.StoreUnavailableError, "refused"),
    ("no such host", no_such_host, errors.StoreUnavailableError, "no-such-host.invalid"),
    ("no TLS", no_tls, errors.StoreUnavailableError, "cannot reach Momento"),
]


RETRIED = (errors.StoreThrottledError, errors.StoreUnavailableError, errors.StoreResponseError)


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize(
    ("service", "kind", "text"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_each_failure_is_one_of_ours_and_one_of_the_sdks(
    service: Callable[[], Any], kind: type[StoreError], text: str, colour: str
) -> None:
    with service() as credentials, ExitStack() as stack:
        # Errors that may pass are retried until the timeout; others end the call, on a slow machine too.
        timeout_s = 0.8 if issubclass(kind, RETRIED) else 10.0
        made = MomentoSessionStore.from_credentials(credentials, "c", timedelta(hours=1), timeout_s=timeout_s)
        store = Coloured(made, colour)
        stack.callback(store.end)
        for call in (lambda: store.read("s"), lambda: store.append("s", ["words of a chat"])):
            with pytest.raises(StoreError, match=text) as failed:
                call()
            _check(failed.value, kind)


def _check(error: StoreError, kind: type[StoreError]) -> None:
    assert isinstance(error, kind)
    assert isinstance(error, SdkException)
    cause = error.__cause__
    assert isinstance(cause, SdkException)
    assert type(cause).__module__.startswith("momento.")
    assert (error.error_code, error.service) == (cause.error_code, cause.service)
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    for text in (str(error), repr(error), shown, str(cause), repr(cause)):
        assert SECRET not in text
    assert "words of a chat" not in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_key_that_no_header_can_hold_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """A client made by hand, with a key that `credential_provider` would have refused."""
    with LocalMomento() as server:
        bad = CredentialProvider(SECRET + "\n", server.host, server.host, server.host, server.port)
        with (
            MomentoSessionStore.from_credentials(bad, "c", timedelta(hours=1)) as store,
            pytest.raises(errors.StoreAuthError, match="cannot be sent") as failed,
        ):
            store.read("s")
    _check(failed.value, errors.StoreAuthError)
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


def test_nothing_of_a_store_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with LocalMomento(token=SECRET) as server, server.store(key_prefix="<b>") as store:
        store.append("s", ["r"])
        server.faults.add("drop_after", times=3)
        store.read("s")
        shown = [repr(store), store._repr_html_(), str(store), repr(vars(store)), caplog.text]
        shown += [repr(vars(part)) for part in vars(store).values() if hasattr(part, "__dict__")]
    assert [text for text in shown if SECRET in text or SECRET[:10] in text] == []
    assert "<b>" not in store._repr_html_()
    assert "&lt;b&gt;" in store._repr_html_()


def test_every_kind_of_store_error_has_one_of_momento() -> None:
    from chatmem_nb.stores.momento import errors as momento_errors

    ours = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StoreError)}
    kinds = [kind for kind in vars(momento_errors).values() if isinstance(kind, type)]
    for kind in ours:
        assert any(issubclass(one, kind) and issubclass(one, SdkException) for one in kinds), kind
