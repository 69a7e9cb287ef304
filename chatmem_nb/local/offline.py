"""`open_store`: a store for notebooks, with or without an account."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from ..errors import InvalidInputError
from .samples import sample_conversations, seed

if TYPE_CHECKING:
    from ..stores.protocol import SessionStore
    from . import LocalMomento, LocalUpstash

CACHE_NAME = "chatmem"
"""The cache of the notebooks in Momento, unless MOMENTO_CACHE_NAME names another."""

_servers: dict[str, LocalUpstash | LocalMomento] = {}


def open_store(
    service: Literal["upstash", "momento"] = "upstash", *, ttl: timedelta | None = None
) -> SessionStore:
    """Open the store that environment variables name, or else a local one that holds samples.

    Upstash: UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN. Momento: MOMENTO_API_KEY, and, for a v2
    key, MOMENTO_ENDPOINT. The local server is started once per process, and its data is lost when that ends.
    A store that the environment names is not written to. `ttl` is the TTL that an append sets; None leaves it
    to the service.

    Raises: InvalidInputError if `service` is unknown, or only one of a pair of variables is set.

    >>> store = open_store("upstash")
    >>> "trip-planner" in store.session_ids()
    True
    """
    if service == "upstash":
        if os.environ.get("UPSTASH_REDIS_REST_URL") or os.environ.get("UPSTASH_REDIS_REST_TOKEN"):
            from ..stores.upstash import UpstashSessionStore

            return UpstashSessionStore.from_env(ttl=ttl)
    elif service == "momento":
        if os.environ.get("MOMENTO_API_KEY"):
            from ..stores.momento import MomentoSessionStore

            return MomentoSessionStore.from_env(os.environ.get("MOMENTO_CACHE_NAME", CACHE_NAME), ttl=ttl)
    else:
        raise InvalidInputError(f"service must be 'upstash' or 'momento', got {service!r:.40}")
    return local_server(service).store(ttl=ttl)


def local_server(service: Literal["upstash", "momento"]) -> LocalUpstash | LocalMomento:
    """Return the local server of this process for `service`; the first call starts it, with the samples."""
    if service not in _servers:
        from . import LocalMomento, LocalUpstash

        server = LocalUpstash() if service == "upstash" else LocalMomento()
        atexit.register(server.close)
        with server.store() as store:
            seed(store, sample_conversations())
        _servers[service] = server
    return _servers[service]


def environment(server: LocalUpstash | LocalMomento) -> dict[str, str]:
    """Return the environment variables with which other local processes connect to `server`."""
    if hasattr(server, "url"):
        return {"UPSTASH_REDIS_REST_URL": server.url, "UPSTASH_REDIS_REST_TOKEN": server.token}
    return {"MOMENTO_API_KEY": server.token, "MOMENTO_ENDPOINT": f"{server.host}:{server.port}"}
