"""The SDK's clients as this package needs them: no retries of their own, an end to every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from ...errors import InvalidInputError
from .http import Hooks, quickly
from .network import limit

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Clients:
    """How to make clients of one database. The token stands in closures only, which no `repr` opens."""

    host: str
    """Host and port of the url, for texts."""
    make: Callable[[], Redis]
    make_async: Callable[[], AsyncRedis]
    hide: Callable[[str], str]
    """Takes the token out of a text."""


def clients_for(url: object, token: object, timeout_s: float) -> Clients:
    """Return how to make clients for `url` and `token`, checked. No I/O.

    Raises: InvalidInputError, which never shows what it refuses: it may hold a secret.
    """
    checked_url, checked_token = _checked_url(url), _checked_token(token)
    parts = urlsplit(checked_url)
    local = parts.hostname in _LOOPBACK  # which HTTP_PROXY would capture too
    tls = parts.scheme == "https"  # loading the certificates takes 30 ms
    hooks = Hooks()

    def make() -> Redis:
        client = Redis(checked_url, checked_token, rest_encoding=None, rest_retries=0)
        if local:
            client._http._client.close()
            client._http._client = httpx.Client(trust_env=False, verify=tls)
        # upstash-redis 1.8.0 has no public way to its HTTP client, which waits without end.
        http = client._http._client
        http.timeout = httpx.Timeout(timeout_s)
        http.event_hooks = {"request": [hooks.request], "response": [hooks.response]}
        http.build_request = quickly(http.build_request)  # type: ignore[method-assign]  # on this object alone
        limit(http)
        return client

    def make_async() -> AsyncRedis:
        client = AsyncRedis(checked_url, checked_token, rest_encoding=None, rest_retries=0)
        if local:
            client._http._client = httpx.AsyncClient(trust_env=False, verify=tls)
        http = client._http._client
        http.timeout = httpx.Timeout(timeout_s)
        http.event_hooks = {"request": [hooks.arequest], "response": [hooks.aresponse]}
        http.build_request = quickly(http.build_request)  # type: ignore[method-assign]  # on this object alone
        return client

    def hide(text: str) -> str:
        return text.replace(checked_token, "***")

    return Clients(parts.netloc, make, make_async, hide)


def _checked_url(url: object) -> str:
    if not isinstance(url, str) or not url:
        raise InvalidInputError(
            "url is missing: give the REST url, or set UPSTASH_REDIS_REST_URL and use from_env()"
        )
    if url.startswith(("redis://", "rediss://")):
        raise InvalidInputError("url is that of the Redis protocol: the REST url begins with https://")
    if not url.startswith(("https://", "http://")):
        raise InvalidInputError("url has no scheme: the REST url begins with https://")
    if not url.isprintable() or " " in url:
        raise InvalidInputError("url holds a space or a line break: remove it")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise InvalidInputError("url names no host, or no number for a port")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInputError(
            "url holds more than an address: give the token as `token`, and nothing after the path"
        )
    return url.rstrip("/")


def _checked_token(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise InvalidInputError(
            "token is missing: give the REST token, or set UPSTASH_REDIS_REST_TOKEN and use from_env()"
        )
    # httpx refuses such a header with an error that shows it.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInputError(
            "token holds a space, a line break or a character beyond ASCII: copy it again"
        )
    return token
