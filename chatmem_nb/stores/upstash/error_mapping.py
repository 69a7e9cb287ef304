"""From whatever the SDK, or the network beneath it, raises to an error of this package.

This is the one place that reads what the service says.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import httpx
from upstash_redis.errors import UpstashError

from .errors import (
    UpstashAuthError,
    UpstashFlagsRefusedError,
    UpstashLimitError,
    UpstashNotFoundError,
    UpstashResponseError,
    UpstashScriptsRefusedError,
    UpstashStoreError,
    UpstashThrottledError,
    UpstashUnavailableError,
    UpstashWrongTypeError,
    timed_out,
)
from .http_limits import Exchange, ResponseTooLargeError, UnsupportedEncodingError

_A_FEW_ATTEMPTS = 3
"""Where a wrong url or a lasting fault looks like a failure that passes."""

Kind = TypeVar("Kind", bound=UpstashStoreError)


def error_for(exc: Exception, exchange: Exchange, hide: Callable[[str], str]) -> UpstashStoreError:
    """Return the error for what the SDK, or the network beneath it, raised during `exchange`.

    `hide` removes the token from a text.
    """
    error = exc if isinstance(exc, UpstashStoreError) else _error_for(exc, exchange)
    error.args = tuple(hide(str(arg)) for arg in error.args)
    error.retry_after_s = exchange.retry_after_s
    if error is not exc:
        error.__cause__ = _without_secrets(exc, hide)
    return error


def _without_secrets(exc: BaseException, hide: Callable[[str], str]) -> BaseException:
    """Return `exc`, it and its causes without their frames, which hold the header with the token."""
    for link in _causes(exc):
        link.__traceback__ = None
        link.args = tuple(hide(arg) if isinstance(arg, str) else arg for arg in link.args)
    return exc


def _causes(exc: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = exc
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _error_for(exc: Exception, exchange: Exchange) -> UpstashStoreError:
    if isinstance(exc, ResponseTooLargeError):
        return _too_large(f"the response is larger than {exc.limit:,} bytes", maybe_applied=True)
    if isinstance(exc, UnsupportedEncodingError):
        return _made(
            UpstashResponseError,
            "invalid response: compressed more than once, or by an unknown method; check url and proxies",
            maybe_applied=True,
            retryable=True,
            max_attempts=_A_FEW_ATTEMPTS,
        )
    if exchange.status is None or isinstance(exc, httpx.HTTPError | TimeoutError):
        return _network_error(exc, exchange)
    text = str(exc) if isinstance(exc, UpstashError) else _error_text(exchange.body)
    text = None if text is None else _shortened(text)
    if text is not None and (error := _service_error(text)):
        return error
    if error := _status_error(exchange, exchange.status):
        return error
    if text is not None:
        return UpstashStoreError(f"Upstash reports an error: {text}")
    return _response_error(exc, exchange, exchange.status)


def _error_text(body: bytes) -> str | None:
    """Return the error that a whole body is. For a pipeline, the SDK expects a list and finds none."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return str(response["error"]) if isinstance(response, dict) and response.get("error") else None


def _shortened(text: str) -> str:
    """Return `text` without the script's line, and without the command, which would quote the chat."""
    text = re.sub(r"^ERR Error running script.*?@user_script: ?[\d?]+: ", "", text)
    text = re.sub(r",? script: [0-9a-f]{40}, on @user_script:\d+\.$", "", text)
    return re.split(r",? (?:command was|with args beginning with):", text, maxsplit=1)[0][:300]


def _made(
    kind: type[Kind],
    text: str,
    *,
    maybe_applied: bool = False,
    retryable: bool = False,
    max_attempts: int | None = None,
) -> Kind:
    error = kind(text)
    error.maybe_applied, error.retryable, error.max_attempts = maybe_applied, retryable, max_attempts
    return error


def _too_large(what: str, *, maybe_applied: bool = False) -> UpstashLimitError:
    error = _made(
        UpstashLimitError,
        f"{what}; read fewer records at once, or set max_request_bytes to the limit of the database's plan",
        maybe_applied=maybe_applied,
    )
    error.response_too_large = True
    return error


@dataclass(frozen=True, slots=True)
class _ServiceError:
    """How one kind of error begins that Upstash or Redis sends, and what to do about it. Each says that
    nothing was done."""

    pattern: str
    kind: type[UpstashStoreError]
    advice: str
    retryable: bool = False
    max_attempts: int | None = None
    response_too_large: bool = False


# The first that matches. Codes: https://upstash.com/docs/redis/troubleshooting, and src/server.c of Redis 7.
_SERVICE_ERRORS = (
    _ServiceError(
        r"^WRONGTYPE",
        UpstashWrongTypeError,
        "the key holds a value of another type, not a session; choose another session_id or key_prefix",
    ),
    _ServiceError(
        r"^(WRONGPASS|NOAUTH)|^Unauthorized",
        UpstashAuthError,
        "Upstash refused the token; check that url and token belong to the same database",
    ),
    _ServiceError(
        # Redis 7, Redis 6, the embedded engine of LocalUpstash; then servers older than EVAL_RO
        r"(?i)flag in script shebang|error compiling script"
        r"|(unknown command|not (available|supported|allowed)).*\beval_ro\b",
        UpstashFlagsRefusedError,
        "this server knows neither the flags of a script nor EVAL_RO; use one that runs Lua scripts as "
        "Redis 6 or later does",
    ),
    _ServiceError(
        r"(?i)(noperm|unknown command|not (available|supported|allowed)|disabled|unsupported).*\beval(_ro)?\b"
        r"|\beval\b.*(not (available|supported|allowed)|disabled|unsupported)",
        UpstashScriptsRefusedError,
        "this token may not run scripts (EVAL), by which every change is made; use the standard token, "
        "not the read-only one",
    ),
    _ServiceError(
        r"(?i)^NOPERM.*\bscan\b",
        UpstashAuthError,
        "this token may not list sessions (SCAN); use the standard token, or name the sessions to read",
    ),
    _ServiceError(
        r"^NOPERM|can't run this command or subcommand",
        UpstashAuthError,
        "this token may not do that; use the standard token, not the read-only one",
    ),
    _ServiceError(
        r"max concurrent|max (commands|requests) per second",
        UpstashThrottledError,
        "too many requests at the moment; send fewer at the same time",
        retryable=True,
    ),
    _ServiceError(
        r"(?i)max request size",
        UpstashLimitError,
        "the request or its response is larger than this database takes; lower max_request_bytes",
        response_too_large=True,
    ),
    _ServiceError(
        r"^OOM",
        UpstashLimitError,
        "the memory limit of the database is reached; delete sessions, set a ttl, or choose a larger plan",
    ),
    _ServiceError(
        r"(?i)max .*exceeded|quota exceeded|limit exceeded",
        UpstashLimitError,
        "a limit of this database is reached; see its usage in the console, or choose a larger plan",
    ),
    _ServiceError(
        r"^READONLY",
        UpstashUnavailableError,
        "this server is a read-only replica; use the url of the primary, or wait for the failover to end",
        retryable=True,
        max_attempts=_A_FEW_ATTEMPTS,
    ),
    _ServiceError(
        r"^MISCONF",
        UpstashUnavailableError,
        "the server accepts no writes because it cannot save to disk; free disk space, and see its log",
        retryable=True,
        max_attempts=_A_FEW_ATTEMPTS,
    ),
    _ServiceError(
        r"^NOREPLICAS",
        UpstashUnavailableError,
        "the server accepts no writes because too few replicas are connected; check them, or try again later",
        retryable=True,
    ),
    _ServiceError(
        r"^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN)\b",
        UpstashUnavailableError,
        "the server cannot respond at the moment; try again later",
        retryable=True,
    ),
    _ServiceError(
        r"^(MOVED|ASK|CROSSSLOT)\b",
        UpstashUnavailableError,
        "the server is a Redis Cluster, which keeps keys on several nodes; use a database that is not "
        "sharded",
    ),
)


def _service_error(text: str) -> UpstashStoreError | None:
    for known in _SERVICE_ERRORS:
        if re.search(known.pattern, text):
            said = f"{known.advice} (the server says: {text})"
            error = _made(known.kind, said, retryable=known.retryable, max_attempts=known.max_attempts)
            if isinstance(error, UpstashLimitError):
                error.response_too_large = known.response_too_large
            return error
    return None


def _status_error(exchange: Exchange, status: int) -> UpstashStoreError | None:
    said = f"HTTP {status}"
    if status == 401:
        return UpstashAuthError(
            f"Upstash refused the token ({said}); check that url and token belong to the same database"
        )
    if status == 403:
        return UpstashAuthError(
            f"Upstash refused the request ({said}); check what this token and this IP address may do"
        )
    if status == 404:
        return UpstashNotFoundError(
            f"there is no database at this url ({said}); copy the REST url from the console"
        )
    if status == 413:
        return _too_large(f"the request is too large ({said})")
    if status == 429:
        return UpstashThrottledError(f"too many requests at the moment ({said}); send fewer at the same time")
    if status >= 500:
        page = " with a web page instead of a response" if exchange.is_html else ""
        kind = UpstashResponseError if exchange.is_html else UpstashUnavailableError
        return kind(f"Upstash, or a proxy before it, failed{page} ({said}); try again later")
    return None


def _response_error(exc: Exception, exchange: Exchange, status: int) -> UpstashStoreError:
    if 300 <= status < 400:
        return _made(UpstashResponseError, f"the url redirects (HTTP {status}); use the https:// url")
    if exchange.is_html:
        return _made(
            UpstashResponseError,
            f"a web page came instead of a response (HTTP {status}); is the url that of a database?",
            maybe_applied=True,
        )
    # A truncated response passes; something that is not Upstash at all does not.
    passing = exchange.is_json and isinstance(exc, json.JSONDecodeError | UnicodeDecodeError)
    return _made(
        UpstashResponseError,
        f"invalid response: truncated, or not from Upstash (HTTP {status}); check the url",
        maybe_applied=True,
        retryable=True,
        max_attempts=None if passing else _A_FEW_ATTEMPTS,
    )


def _network_error(exc: Exception, exchange: Exchange) -> UpstashStoreError:
    causes, host = list(_causes(exc)), exchange.host
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        error = timed_out(host, exchange.call_s)
        error.maybe_applied = not isinstance(exc, httpx.ConnectTimeout | httpx.PoolTimeout)
        return error
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        reason = getattr(tls, "verify_message", "") or tls.reason or "handshake failed"
        return _made(
            UpstashUnavailableError, f"no secure connection to {host}: {reason}; check url and certificates"
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _made(
            UpstashUnavailableError,
            f"cannot resolve {host} (DNS); check the url and the network: the name of a deleted database "
            "disappears too",
            retryable=True,
            max_attempts=_A_FEW_ATTEMPTS,
        )
    if isinstance(exc, httpx.ConnectError | httpx.ProxyError):
        return _made(
            UpstashUnavailableError,
            f"cannot connect to {host}; check the url",
            retryable=True,
            max_attempts=_A_FEW_ATTEMPTS,
        )
    if isinstance(exc, httpx.TransportError | httpx.DecodingError) and exchange.status is not None:
        return UpstashResponseError(f"the response of {host} is truncated; try again")
    if isinstance(exc, httpx.TransportError):
        return UpstashUnavailableError(f"the connection to {host} was lost before a response came; try again")
    return _made(
        UpstashUnavailableError,
        f"no request could be sent ({type(exc).__name__}); check HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE",
    )
