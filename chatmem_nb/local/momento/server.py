"""LocalMomento: Momento Cache, served from this process."""

from __future__ import annotations

import errno
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc

from chatmem_nb.local.access import check_address
from chatmem_nb.local.faults import FaultPlan
from chatmem_nb.local.momento.caches import Account
from chatmem_nb.local.momento.grpc_server import GrpcHandler
from chatmem_nb.local.momento.limits import MomentoLimits
from chatmem_nb.local.usage import Usage

if TYPE_CHECKING:
    from momento import CredentialProvider

    from chatmem_nb.stores.momento import MomentoSessionStore

_WORKERS = 128
"""Maximum number of concurrent calls, each in a thread; one that a fault delays occupies its thread."""

_DOCUMENTED = MomentoLimits()


class LocalMomento:
    """Momento Cache on this machine, for the unmodified official SDK.

    It supports all calls of the Python SDK's cache clients; the others, listed in the docstring of this
    package, fail with UNIMPLEMENTED. Data is lost when it closes. `latency` delays every call, `faults`
    injects faults, and `commands` counts operations, to compare with a store's `commands`.

    Raises: OSError if `port` is in use; InvalidInputError for a `host` that other machines can reach, without
    `expose` or with an empty token.

    >>> with LocalMomento() as server, server.store("langchain") as store:
    ...     MomentoChatMessageHistory.from_store(store, "talk").add_user_message("Hello!")
    ...     store.length("talk")
    1
    """

    def __init__(
        self,
        port: int = 0,
        token: str | None = None,
        *,
        host: str = "127.0.0.1",
        expose: bool = False,
        latency: timedelta = timedelta(0),
        limits: MomentoLimits | None = _DOCUMENTED,
    ) -> None:
        limits = limits or MomentoLimits(message_bytes=None, element_bytes=None, ttl=None)
        self._token = secrets.token_urlsafe(32) if token is None else token
        check_address(host, self._token, expose=expose)
        self.faults = FaultPlan()
        """Faults to inject into the next calls; see FaultPlan."""
        self.commands = Usage()
        """Calls of all clients; `billed` counts Momento's operations."""
        self._handler = GrpcHandler(Account(limits), self._token, self.faults, self.commands)
        self.latency = latency
        self._workers = ThreadPoolExecutor(_WORKERS, "local-momento")
        handlers: Any = (self._handler,)  # duck-typed: grpc calls its `service`
        self._server = grpc.server(self._workers, handlers=handlers, options=_options(limits))
        self.host, self.port = host, self._bind(host, port)
        self._server.start()

    def _bind(self, host: str, port: int) -> int:
        try:
            return int(
                self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
            )
        except RuntimeError as error:
            self._workers.shutdown()
            raise OSError(errno.EADDRINUSE, f"port {port} of {host} is in use; choose another") from error

    def __repr__(self) -> str:
        return f"<LocalMomento {self.host}:{self.port}>"

    @property
    def latency(self) -> timedelta:
        """A delay of each call; may be changed at any time."""
        return self._handler.latency

    @latency.setter
    def latency(self, latency: timedelta) -> None:
        self._handler.latency = latency

    @property
    def token(self) -> str:
        """The token that clients authenticate with; empty if authentication is off."""
        return self._token

    @property
    def credential_provider(self) -> CredentialProvider:
        """This server's address and token, for the official clients.

        If `http_proxy` is set, gRPC uses the proxy for 127.0.0.1 too, unless `no_proxy` excludes it.
        """
        from momento import CredentialProvider

        return CredentialProvider(self._token, self.host, self.host, self.host, self.port)

    def store(
        self, cache_name: str = "chatmem", default_ttl: timedelta = timedelta(days=1), **kwargs: Any
    ) -> MomentoSessionStore:
        """Return a store on this server, with a client of its own; close it after use."""
        from chatmem_nb.stores.momento import MomentoSessionStore

        return MomentoSessionStore.from_credentials(
            self.credential_provider, cache_name, default_ttl, **kwargs
        )

    def close(self) -> None:
        """Stop the server; calls in progress fail with UNAVAILABLE. Idempotent."""
        self.faults.close()
        self._server.stop(None).wait()
        self._workers.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _options(limits: MomentoLimits) -> list[tuple[str, int]]:
    received = -1 if limits.message_bytes is None else limits.message_bytes
    return [
        ("grpc.max_receive_message_length", received),
        ("grpc.so_reuseport", 0),  # else two servers share a port, and each gets half of the calls
        ("grpc.server_handshake_timeout_ms", limits.handshake_timeout // timedelta(milliseconds=1)),
        ("grpc.max_connection_idle_ms", limits.idle_timeout // timedelta(milliseconds=1)),
        # The SDK pings idle connections, which a gRPC server by default considers abuse and closes.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
        ("grpc.http2.max_ping_strikes", 0),
    ]
