"""LocalUpstash: the REST API of Upstash Redis, served from this process."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from chatmem_nb.local.faults import FaultPlan
from chatmem_nb.local.upstash.access import LOOPBACK, Access
from chatmem_nb.local.upstash.commands import EMBEDDED_LACKS
from chatmem_nb.local.upstash.engine import Engine, open_engine
from chatmem_nb.local.upstash.front import Front
from chatmem_nb.local.upstash.permits import Permits
from chatmem_nb.local.upstash.service import Service

if TYPE_CHECKING:
    from chatmem_nb.stores.upstash import UpstashSessionStore


class LocalUpstash:
    """Upstash Redis on this machine: the official SDKs talk to it as to the service."""

    def __init__(
        self,
        port: int = 0,
        token: str | None = None,
        redis_url: str | None = None,
        path: str | Path | None = None,
        scripts: Literal["own", "any"] = "own",
        *,
        host: str = "127.0.0.1",
        expose: bool = False,
        latency: timedelta = timedelta(0),
        max_request_bytes: int = 10 * 1024 * 1024,
    ) -> None:
        if host not in LOOPBACK and not expose:
            raise ValueError(f"{host!r} is not this machine alone: say expose=True to let others in")
        self.token = secrets.token_urlsafe(24) if token is None else token
        self.faults = FaultPlan()
        self._engine: Future[Engine] = Future()
        permits = Permits(scripts, EMBEDDED_LACKS if redis_url is None else frozenset())
        access = Access(self.token, None if expose else LOOPBACK | {host})
        self._front = Front(
            (host, port),
            Service(self._engine, permits, max_request_bytes),
            access,
            self.faults,
            max_request_bytes,
        )
        self.latency = latency
        self.host, self.port = host, int(self._front.server_address[1])
        self._closed = False
        self._threads = [
            threading.Thread(
                target=self._open_engine, args=(redis_url,), name="LocalUpstash engine", daemon=True
            ),
            threading.Thread(target=self._front.serve, name="LocalUpstash", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _open_engine(self, redis_url: str | None) -> None:
        try:
            self._engine.set_result(open_engine(redis_url))
        except BaseException as error:  # noqa: BLE001 - whoever asks first gets it
            self._engine.set_exception(error)

    @property
    def url(self) -> str:
        """Where it listens, as the SDKs want it."""
        return f"http://{self.host}:{self.port}"

    @property
    def latency(self) -> timedelta:
        """How long each request is held, as a network would; may be set at any time."""
        return self._front.latency

    @latency.setter
    def latency(self, latency: timedelta) -> None:
        self._front.latency = latency

    def store(self, **kwargs: Any) -> UpstashSessionStore:
        """Return a store of this server's sessions; `kwargs` as for UpstashSessionStore."""
        from chatmem_nb.stores.upstash import UpstashSessionStore

        return UpstashSessionStore(self.url, self.token, **kwargs)

    def close(self) -> None:
        """End every connection and free the port. Closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._front.close()
        for thread in self._threads:
            thread.join()
        if not self._engine.exception():
            self._engine.result().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LocalUpstash {self.url}{' (closed)' if self._closed else ''}>"
