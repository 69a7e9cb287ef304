"""The one seam at which whatever the SDK or the network raises becomes an error of ours."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from upstash_redis.errors import UpstashError

from .deadline import Again
from .errors import (
    CLOSED,
    UpstashAuthError,
    UpstashClosedError,
    UpstashEvalRefusedError,
    UpstashLimitError,
    UpstashNotFoundError,
    UpstashResponseError,
    UpstashStoreError,
    UpstashThrottledError,
    UpstashTimeoutError,
    UpstashTooLargeError,
    UpstashUnavailableError,
    UpstashWrongTypeError,
)
from .http import Exchange

_CUT = (json.JSONDecodeError, UnicodeDecodeError)


@contextmanager
def mapped(exchange: Exchange, hide: Callable[[str], str]) -> Iterator[None]:
    """Turn whatever the SDK, or the network beneath it, raises into one of our errors.

    A plain context manager, so that it holds around `await` too. `hide` takes the token out of a text.
    """
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - the SDK lets AttributeError, KeyError and all of httpx through
        error = _error_for(exc, exchange)
        error.args = tuple(hide(str(arg)) for arg in error.args)
        raise error from _without_secrets(exc, hide)


def _without_secrets(exc: BaseException, hide: Callable[[str], str]) -> BaseException:
    """The same error and its own causes, without their frames: the SDK's hold the token's header."""
    link: BaseException | None = exc
    while link is not None:
        link.__traceback__ = None
        link.args = tuple(hide(arg) if isinstance(arg, str) else arg for arg in link.args)
        link = link.__cause__ or link.__context__
    return exc


def _error_for(exc: Exception, exchange: Exchange) -> UpstashStoreError:
    if isinstance(exc, UpstashStoreError):
        return exc
    if exchange.status is None or isinstance(exc, httpx.HTTPError | TimeoutError):
        return _network_error(exc, exchange)
    text = str(exc) if isinstance(exc, UpstashError) else _error_text(exchange.body)
    if text is not None and (error := _service_error(_shortened(text), exchange.status)):
        return error
    if error := _status_error(exchange):
        return error
    if text is not None:
        return UpstashStoreError(f"Upstash answered with an error: {_shortened(text)}")
    return _response_error(exc, exchange)


def _error_text(body: bytes) -> str | None:
    """The error that a whole body is: the SDK stumbles over it in place of a pipeline's list."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return str(answer["error"]) if isinstance(answer, dict) and answer.get("error") else None


def _shortened(text: str) -> str:
    """`text` without the command that Upstash repeats in it, which would quote the chat, and without the
    line of a script that it came from."""
    text = re.sub(r"^ERR Error running script.*?@user_script: ?\d+: ", "", text)
    return re.split(r",? command was:", text, maxsplit=1)[0][:300]


# The beginnings and phrases of what Upstash and Redis answer, first match first.
_SERVICE_ERRORS: tuple[tuple[str, type[UpstashStoreError], Again, str], ...] = (
    (
        r"^WRONGTYPE",
        UpstashWrongTypeError,
        Again.NEVER,
        "the key holds something that is no session, a value of another type: "
        "choose another session_id or key_prefix",
    ),
    (
        r"^(WRONGPASS|NOAUTH)|^Unauthorized",
        UpstashAuthError,
        Again.NEVER,
        "Upstash refused the token: check that url and token belong to the same database",
    ),
    (
        r"(?i)(noperm|unknown command|not (available|supported|allowed)|disabled|unsupported).*\beval\b"
        r"|\beval\b.*(not (available|supported|allowed)|disabled|unsupported)",
        UpstashEvalRefusedError,
        Again.NEVER,
        "this token may not run scripts",
    ),
    (
        r"^NOPERM",
        UpstashAuthError,
        Again.NEVER,
        "this token may not do that; a read-only token reads, and changes nothing",
    ),
    (
        r"max concurrent|max (commands|requests) per second",
        UpstashThrottledError,
        Again.ALWAYS,
        "Upstash has too many requests at the moment",
    ),
    (
        r"(?i)max request size",
        UpstashTooLargeError,
        Again.NEVER,
        "the request or its answer is larger than this database takes; lower max_request_bytes",
    ),
    (
        r"(?i)max .*exceeded|quota exceeded|^OOM|limit exceeded",
        UpstashLimitError,
        Again.NEVER,
        "a limit of this database is reached",
    ),
    (
        r"^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN)",
        UpstashUnavailableError,
        Again.ALWAYS,
        "Upstash cannot answer at the moment",
    ),
)


def _service_error(text: str, status: int) -> UpstashStoreError | None:
    for pattern, kind, again, advice in _SERVICE_ERRORS:
        if re.search(pattern, text):
            return _made(kind, f"{advice} (it says: {text})", again)
    return None


def _status_error(exchange: Exchange) -> UpstashStoreError | None:
    status = exchange.status or 0
    said = f"HTTP {status}"
    if status == 401:
        return UpstashAuthError(
            f"Upstash refused the token ({said}): check that url and token belong to the same database"
        )
    if status == 403:
        return UpstashAuthError(
            f"Upstash refused the request ({said}): this token or address may not do that"
        )
    if status == 404:
        return UpstashNotFoundError(
            f"there is no database at this url ({said}): copy the REST url from the console"
        )
    if status == 413:
        return UpstashTooLargeError(f"the request is too large ({said}): lower max_request_bytes")
    if status == 429:
        return UpstashThrottledError(f"Upstash has too many requests at the moment ({said})")
    if status >= 500:
        page = " with a web page in place of an answer" if exchange.is_html else ""
        kind = UpstashResponseError if exchange.is_html else UpstashUnavailableError
        return kind(f"Upstash, or a proxy before it, failed{page} ({said}): try again later")
    return None


def _response_error(exc: Exception, exchange: Exchange) -> UpstashStoreError:
    status = exchange.status or 0
    if 300 <= status < 400:
        return _made(
            UpstashResponseError,
            f"the url leads elsewhere (HTTP {status}): use the https:// one",
            Again.NEVER,
        )
    if exchange.is_html:
        return _made(
            UpstashResponseError,
            f"a web page came in place of an answer (HTTP {status}): is the url that of a database?",
            Again.NEVER,
        )
    # A cut answer passes; something that is no Upstash at all does not.
    again = Again.ALWAYS if exchange.is_json and isinstance(exc, _CUT) else Again.BRIEFLY
    return _made(UpstashResponseError, f"the answer is cut, or none of Upstash's (HTTP {status})", again)


def _network_error(exc: Exception, exchange: Exchange) -> UpstashStoreError:
    causes = list(_causes(exc))
    host = exchange.host
    if isinstance(exc, (httpx.TimeoutException, TimeoutError)):
        return UpstashTimeoutError(f"{host} did not answer within {exchange.deadline.timeout_s:g} s")
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        reason = getattr(tls, "verify_message", "") or tls.reason or "handshake failed"
        return _made(UpstashUnavailableError, f"no secure connection to {host}: {reason}", Again.NEVER)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _made(
            UpstashUnavailableError,
            f"{host} is not known (DNS): check the url and the network; "
            "the name of a deleted database is forgotten too",
            Again.BRIEFLY,
        )
    if isinstance(exc, (httpx.ConnectError, httpx.ProxyError)):
        error = _made(UpstashUnavailableError, f"{host} takes no connection: check the url", Again.BRIEFLY)
        error.never_arrived = True
        return error
    if isinstance(exc, (httpx.TransportError, httpx.DecodingError)) and exchange.status is not None:
        return UpstashResponseError(f"the answer of {host} is cut")
    if isinstance(exc, httpx.TransportError):
        return UpstashUnavailableError(f"the connection to {host} was lost before the answer came")
    if isinstance(exc, RuntimeError) and "closed" in str(exc):
        return UpstashClosedError(CLOSED)
    return _made(
        UpstashUnavailableError,
        f"no request could be sent ({type(exc).__name__}): check HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE",
        Again.NEVER,
    )


def _causes(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _made(kind: type[UpstashStoreError], text: str, again: Again) -> UpstashStoreError:
    error = kind(text)
    error.again = again
    return error
