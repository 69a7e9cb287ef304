"""The SDK's clients of one database: one for each process, and one for each event loop in it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit

import httpx
from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from ...errors import InvalidInputError
from .._loops import LoopClients
from ..processes import PerProcess
from .errors import closed
from .network import aclose_connections, close_connections, limit_network

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Clients:
    """Clients of the database at `url`, made at first use; no I/O.

    The token is kept in closures only, which no `repr` shows.

    Raises: InvalidInputError, which never shows the invalid value: it may contain a secret.
    """

    def __init__(self, url: object, token: object, timeout_s: float) -> None:
        checked_url, checked_token = _checked_url(url), _checked_token(token)
        self.host = urlsplit(checked_url).netloc
        self._make, make_async = _factories(checked_url, checked_token, timeout_s)
        self._hide: Callable[[str], str] = lambda text: text.replace(checked_token, "***")
        self._own = PerProcess(lambda: _ProcessClients(make_async))
        self._closed = False

    def hide(self, text: str) -> str:
        """Return `text` without the token."""
        return self._hide(text)

    def check_open(self) -> None:
        """Raises: StoreClosedError after `close`."""
        if self._closed:
            raise closed()

    @property
    def sync(self) -> Redis:
        """The client of this process."""
        own = self._own.get()
        if own.client is None:
            with own.lock:
                self.check_open()
                if own.client is None:
                    own.client = self._make()
        return own.client

    async def of_loop(self) -> AsyncRedis:
        """Return the client of the running loop."""
        return await self._own.get().loops.get()

    def close(self) -> None:
        """Close every client of this process; those of event loops a moment later, in their loops."""
        self._close_sync()
        self._own.get().loops.close()

    async def aclose(self) -> None:
        """Close every client of this process."""
        self._close_sync()
        await self._own.get().loops.aclose()

    def _close_sync(self) -> None:
        own = self._own.get()
        with own.lock:
            self._closed = True
            client, own.client = own.client, None
        if client is not None:
            client.close()  # type: ignore[no-untyped-call]  # upstash-redis leaves it without types
            close_connections(client._http._client)


class _ProcessClients:
    """The clients that one process has opened."""

    def __init__(self, make_async: Callable[[], AsyncRedis]) -> None:
        self.lock = Lock()
        self.client: Redis | None = None
        self.loops = LoopClients(make_async, _aclose)


async def _aclose(client: AsyncRedis) -> None:
    await client.close()
    await aclose_connections(client._http._client)


def _factories(
    url: str, token: str, timeout_s: float
) -> tuple[Callable[[], Redis], Callable[[], AsyncRedis]]:
    parts = urlsplit(url)
    local = parts.hostname in _LOOPBACK  # which HTTP_PROXY would capture too
    tls = parts.scheme == "https"  # loading the certificates takes 30 ms
    sync_token = _SyncToken()

    def make() -> Redis:
        client = Redis(url, token, rest_encoding=None, rest_retries=0, allow_telemetry=False)
        if local:
            client._http._client.close()
            client._http._client = httpx.Client(trust_env=False, verify=tls)
        # upstash-redis 1.8.0 has no public way to its HTTP client, which waits without end.
        http = client._http._client
        http.timeout = httpx.Timeout(timeout_s)
        http.event_hooks = {"request": [sync_token.send], "response": [sync_token.receive]}
        limit_network(http)
        return client

    def make_async() -> AsyncRedis:
        client = AsyncRedis(url, token, rest_encoding=None, rest_retries=0, allow_telemetry=False)
        if local:
            client._http._client = httpx.AsyncClient(trust_env=False, verify=tls)
        http = client._http._client
        http.timeout = httpx.Timeout(timeout_s)
        http.event_hooks = {"request": [sync_token.asend], "response": [sync_token.areceive]}
        limit_network(http)
        return client

    return make, make_async


class _SyncToken:
    """The newest sync token, by which Upstash reads from a replica only once that has seen what was written.

    The SDK's clients know each of their own; those of one store share it, since what one of them wrote
    another may read.
    """

    def __init__(self) -> None:
        self._newest: str | None = None

    def send(self, request: httpx.Request) -> None:
        if self._newest is not None:
            request.headers["Upstash-Sync-Token"] = self._newest

    def receive(self, response: httpx.Response) -> None:
        self._newest = response.headers.get("Upstash-Sync-Token") or self._newest

    async def asend(self, request: httpx.Request) -> None:
        self.send(request)

    async def areceive(self, response: httpx.Response) -> None:
        self.receive(response)


def _checked_url(url: object) -> str:
    if url is not None and not isinstance(url, str):
        raise InvalidInputError(f"url must be text, got {type(url).__name__}", field="url")
    if not url:
        raise InvalidInputError(
            "url is missing; pass the REST URL, or set UPSTASH_REDIS_REST_URL and use from_env()", field="url"
        )
    if url.startswith(("redis://", "rediss://")):
        raise InvalidInputError(
            "url is for the Redis protocol; pass the REST URL, which begins with https://", field="url"
        )
    if not url.isprintable() or " " in url:
        raise InvalidInputError("url contains a space or a line break; remove it", field="url")
    if url[0] in "\"'`" or url[-1] in "\"'`":
        raise InvalidInputError("url begins or ends with a quotation mark; remove it", field="url")
    if not url.startswith(("https://", "http://")):
        fault = "another scheme than https" if "://" in url else "no scheme"
        raise InvalidInputError(
            f"url has {fault}; pass the REST URL, which begins with https://", field="url"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise InvalidInputError(
            "url has no host or an invalid port; copy the REST URL from the console", field="url"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInputError(
            "url contains more than an address; pass the token as `token`, and nothing after the path",
            field="url",
        )
    return url.rstrip("/")


def _checked_token(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise InvalidInputError(
            "token is missing; pass the REST token, or set UPSTASH_REDIS_REST_TOKEN and use from_env()",
            field="token",
        )
    # httpx refuses such a header with an error that shows it.
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInputError(
            "token contains a space, a line break or a non-ASCII character; copy it from the console again",
            field="token",
        )
    return token
