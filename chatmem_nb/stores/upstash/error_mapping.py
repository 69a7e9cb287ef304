"""From whatever the SDK, or the network beneath it, raises to an error of this package.

What the service itself says is read in `service_errors`.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator

import httpx
from upstash_redis.errors import UpstashError

from .errors import (
    UpstashAuthError,
    UpstashLimitError,
    UpstashNotFoundError,
    UpstashResponseError,
    UpstashStoreError,
    UpstashThrottledError,
    UpstashUnavailableError,
    timed_out,
)
from .http_limits import HttpAttempt, ResponseTooLargeError, UnsupportedEncodingError
from .service_errors import A_FEW_ATTEMPTS, made, service_error, shortened


def error_for(exc: Exception, attempt: HttpAttempt, hide: Callable[[str], str]) -> UpstashStoreError:
    """Return the error for what the SDK, or the network beneath it, raised during `attempt`.

    `hide` removes the token from a text.
    """
    if isinstance(exc, UpstashStoreError):
        error = exc
    else:
        error = _error_for(exc, attempt)
        error.own_text = error.own_text or str(error)
    error.args = tuple(hide(str(arg)) for arg in error.args)
    error.retry_after_s = attempt.retry_after_s
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


def _error_for(exc: Exception, attempt: HttpAttempt) -> UpstashStoreError:
    if isinstance(exc, ResponseTooLargeError):
        return _too_large(f"the response is larger than {exc.limit:,} bytes", maybe_applied=True)
    if isinstance(exc, UnsupportedEncodingError):
        return made(
            UpstashResponseError,
            "invalid response: compressed more than once, or by an unknown method; check the URL and proxies",
            maybe_applied=True,
            retryable=True,
            max_attempts=A_FEW_ATTEMPTS,
        )
    if attempt.status is None or isinstance(exc, httpx.HTTPError | TimeoutError):
        return _network_error(exc, attempt)
    text = str(exc) if isinstance(exc, UpstashError) else _error_text(attempt.body)
    text = None if text is None else shortened(text)
    if text is not None and (error := service_error(text)):
        return error
    if error := _status_error(attempt, attempt.status):
        return error
    if text is not None:
        reported = UpstashStoreError(f"Upstash reports an error: {text}")
        reported.own_text = "Upstash reports an error. Are the URL and the token right?"
        return reported
    return _response_error(exc, attempt, attempt.status)


def _error_text(body: bytes) -> str | None:
    """Return the error that a whole body is. For a pipeline, the SDK expects a list and finds none."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return str(response["error"]) if isinstance(response, dict) and response.get("error") else None


def _too_large(what: str, *, maybe_applied: bool = False) -> UpstashLimitError:
    error = made(
        UpstashLimitError,
        f"{what}; read fewer records at once, or set max_request_bytes to the limit of the database's plan",
        maybe_applied=maybe_applied,
    )
    error.response_too_large = True
    return error


def _status_error(attempt: HttpAttempt, status: int) -> UpstashStoreError | None:
    said = f"HTTP {status}"
    if status == 401:
        return UpstashAuthError(
            f"Upstash refused the token ({said}). Copy it whole, from the same database as the URL."
        )
    if status == 403:
        return UpstashAuthError(
            f"Upstash refused the request ({said}). Check what this token and this IP address may do."
        )
    if status == 404:
        return UpstashNotFoundError(
            f"there is no database at this URL ({said}). Copy the REST URL from the console."
        )
    if status == 413:
        return _too_large(f"the request is too large ({said})")
    if status == 429:
        return UpstashThrottledError(f"rate limit exceeded ({said}); send fewer requests at the same time")
    if status >= 500:
        page = " with a web page instead of a response" if attempt.is_html else ""
        kind = UpstashResponseError if attempt.is_html else UpstashUnavailableError
        return kind(f"Upstash, or a proxy before it, failed{page} ({said}); try again later")
    return None


def _response_error(exc: Exception, attempt: HttpAttempt, status: int) -> UpstashStoreError:
    if 300 <= status < 400:
        return made(UpstashResponseError, f"the URL redirects (HTTP {status}). Use the https:// URL.")
    if attempt.is_html:
        return made(
            UpstashResponseError,
            f"{attempt.host} sent a web page, and no response of Upstash (HTTP {status}). Is the URL right?",
            maybe_applied=True,
        )
    # A truncated response passes; something that is not Upstash at all does not.
    passing = attempt.is_json and isinstance(exc, json.JSONDecodeError | UnicodeDecodeError)
    return made(
        UpstashResponseError,
        f"the response is truncated, or not from Upstash (HTTP {status}). Is the URL right?",
        maybe_applied=True,
        retryable=True,
        max_attempts=None if passing else A_FEW_ATTEMPTS,
    )


def _network_error(exc: Exception, attempt: HttpAttempt) -> UpstashStoreError:
    causes, host = list(_causes(exc)), attempt.host
    if isinstance(exc, httpx.TimeoutException | TimeoutError):
        error = timed_out(host, attempt.call_s)
        error.maybe_applied = not isinstance(exc, httpx.ConnectTimeout | httpx.PoolTimeout)
        return error
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        return made(UpstashUnavailableError, _unreached(host, f"no secure connection ({_tls_reason(tls)})"))
    reason = "connection refused" if _any_is(causes, ConnectionRefusedError) else "no connection"
    if is_unknown := _any_is(causes, socket.gaierror):
        reason = "there is no host of this name, or no network"
    if is_unknown or isinstance(exc, httpx.ConnectError | httpx.ProxyError):
        return made(
            UpstashUnavailableError,
            _unreached(host, reason),
            retryable=True,
            max_attempts=A_FEW_ATTEMPTS,
        )
    if isinstance(exc, httpx.TransportError | httpx.DecodingError) and attempt.status is not None:
        return UpstashResponseError(f"the response of {host} is truncated; try again")
    if isinstance(exc, httpx.TransportError):
        return UpstashUnavailableError(f"the connection to {host} was lost before a response came; try again")
    return made(
        UpstashUnavailableError,
        f"no request could be sent ({type(exc).__name__}); check HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE",
    )


def _any_is(causes: list[BaseException], kind: type[BaseException]) -> bool:
    return any(isinstance(cause, kind) for cause in causes)


def _unreached(host: str, reason: str) -> str:
    return f"cannot reach Upstash at {host}: {reason}. Is the URL right?"


def _tls_reason(error: ssl.SSLError) -> str:
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return "the server does not speak HTTPS"
    return str(getattr(error, "verify_message", "") or error.reason or "handshake failed")
