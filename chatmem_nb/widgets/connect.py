"""The way to a store: from Python, from the form of the page, or to a local server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from ..errors import ChatMemError
from ..stores.protocol import SessionStore, service_of
from .addresses import check_endpoint, check_host
from .connect_errors import connection_error
from .connect_fields import FIELDS, offer_of
from .protocol.requests import ConnectParams
from .request_errors import RequestError
from .request_parsing import RequestContext
from .state import BrowserState, ConnectedStore

UPSTASH: Final = "Upstash Redis"
MOMENTO: Final = "Momento"
DEFAULT_CACHE: Final = "chatmem"
_PREFIX: Final = "message_store:"
_MOMENTO_LIFE: Final = timedelta(hours=24)
"""The longest that Momento gives, for what this browser appends."""
_PRICES: Final = {
    UPSTASH: "Upstash bills each command, listing included; the free plan ends at 500,000 a month.",
    MOMENTO: "Momento counts an operation for each 1,024 bytes of each message.",
}


class ConnectionForm:
    """The methods of the page that connect and disconnect."""

    def __init__(self, state: BrowserState) -> None:
        self._state = state

    def described(self, *, offers: bool) -> dict[str, Any]:
        """Return what a view needs to begin: what is connected and open, and, with `offers`, the form."""
        connection = self._state.connection
        service = (service_of(connection.store) or type(connection.store).__name__) if connection else None
        return {
            "connected": connection is not None,
            "number": self._state.connections,
            "reachable": self._state.reachable,
            "service": service,
            "target": connection.target if connection else "",
            "session": self._state.session_id or "",
            "selection": list(self._state.selection),
            "clients": [offer_of(name) for name in FIELDS] if offers else [],
            "price_note": _PRICES.get(service or "", ""),
        }

    async def connect(self, params: ConnectParams, context: RequestContext) -> None:
        """Make a store of what was typed or of the environment, ask it once, and take it."""
        service = params.service
        try:
            connection = await asyncio.to_thread(_MAKERS[service], params)
            await _ask_once(connection)
        except ChatMemError as exc:
            raise connection_error(exc, params) from None
        await self.take(connection)

    async def take(self, connection: ConnectedStore | None, *, wanted: str | None = None) -> None:
        """Show the store of `connection`, or none; close the previous one if it was made here."""
        before = self._state.connect(connection, wanted=wanted)
        if before is not None:
            await _close(before)


def connection_to(store: SessionStore) -> ConnectedStore:
    """Return a connection to a store that the caller has made and will close."""
    return ConnectedStore(store, _target_of(store), "store = browser.store", owned=False)


async def _close(connection: ConnectedStore) -> None:
    if connection.owned:
        await connection.store.aclose()
    if connection.close_also is not None:
        await asyncio.to_thread(connection.close_also)


async def _ask_once(connection: ConnectedStore) -> None:
    """Make one cheap request, so that a wrong token or address is known now and not at the first click."""
    try:
        await connection.store.alength("chatmem_nb connection check")
    except BaseException:  # a cancellation too: nobody else could close it
        await _close(connection)
        raise


def _target_of(store: SessionStore) -> str:
    for name in ("target", "host", "cache_name"):
        value = getattr(store, name, None)
        if isinstance(value, str) and value:
            return value
    return ""


def _upstash(params: ConnectParams) -> ConnectedStore:
    from ..stores.upstash import UpstashSessionStore

    prefix = params.key_prefix or _PREFIX
    extra = "" if prefix == _PREFIX else f"key_prefix={prefix!r}"
    code = f"store = chatmem_nb.UpstashSessionStore.from_env({extra})"
    if params.use_env:
        store = UpstashSessionStore.from_env(key_prefix=prefix)
    else:
        url = params.url.strip()
        store = UpstashSessionStore(
            url, params.token.strip(), key_prefix=prefix
        )  # checks them, and makes no request yet
        check_host(urlsplit(url).hostname or "", field="url")
    return ConnectedStore(store, _target_of(store), code, owned=True)


def _momento(params: ConnectParams) -> ConnectedStore:
    from ..stores.momento import MomentoSessionStore, credential_provider

    prefix = params.key_prefix or _PREFIX
    typed = params.cache_name.strip()
    cache = typed or os.environ.get("MOMENTO_CACHE_NAME") or DEFAULT_CACHE
    extra = "" if prefix == _PREFIX else f", key_prefix={prefix!r}"
    code = f"store = chatmem_nb.MomentoSessionStore.from_env({cache!r}{extra})"
    if params.use_env:
        store = MomentoSessionStore.from_env(cache, key_prefix=prefix)
    else:
        typed_endpoint = params.endpoint.strip()
        if typed_endpoint:
            check_endpoint(typed_endpoint, field="endpoint")
        provider = credential_provider(
            params.api_key.strip(),
            endpoint=typed_endpoint or None,
        )
        # Some keys name their own endpoints, so a key is an address that was typed as well.
        for endpoint in {provider.cache_endpoint, provider.control_endpoint, provider.token_endpoint}:
            check_endpoint(str(endpoint), field="endpoint")
        store = MomentoSessionStore.from_credentials(provider, cache, _MOMENTO_LIFE, key_prefix=prefix)
    return ConnectedStore(store, cache, code, owned=True)


def _local(params: ConnectParams) -> ConnectedStore:
    # The one bridge to the local servers, taken only when someone asks for one.
    kind = params.kind
    try:
        from ..local.offline import local_server

        store = local_server("momento" if kind == "momento" else "upstash").store()
    except ImportError as exc:
        missing = (exc.name or "a package").split(".")[0][:60]
        raise RequestError(
            "invalid", f'A local server needs {missing}, which is missing: pip install "chatmem_nb[demo]"'
        ) from None
    code = f"from chatmem_nb.local.offline import local_server\n\nstore = local_server({kind!r}).store()"
    return ConnectedStore(store, "this machine", code, owned=True)


_MAKERS: dict[str, Callable[[ConnectParams], ConnectedStore]] = {
    "upstash": _upstash,
    "momento": _momento,
    "local": _local,
}
