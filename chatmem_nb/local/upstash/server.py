"""LocalUpstash: the REST API of Upstash Redis, served from this process."""

from __future__ import annotations

import importlib.util
import secrets
import threading
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from chatmem_nb.errors import InvalidInputError, StoreUnavailableError
from chatmem_nb.local.faults import FaultPlan
from chatmem_nb.local.upstash.access import LOOPBACK, Access
from chatmem_nb.local.upstash.commands import EMBEDDED_LACKS
from chatmem_nb.local.upstash.engine import Engine, EngineError, connect
from chatmem_nb.local.upstash.front import Front
from chatmem_nb.local.upstash.keeping import KeptEngine, KeptFile
from chatmem_nb.local.upstash.permits import Permits
from chatmem_nb.local.upstash.service import Service

if TYPE_CHECKING:
    from chatmem_nb.stores.upstash import UpstashSessionStore


class LocalUpstash:
    """Upstash Redis on this machine: the official SDKs talk to it as to the service.

    The commands run in this process (fakeredis), or on a Redis server of yours (`redis_url`). Measured by the
    test suites of upstash-redis (Python) and @upstash/redis, this is what is missing or differs:

    - on both: pub/sub by HTTP (`/subscribe`, `/psubscribe`), `/monitor`, SEARCH.*, MEMORY, SCAN's WITHTYPE,
      `Upstash-Response-Format`, read-only tokens, the bounds of a key (32 KB) and a record (100 MB), and what
      belongs to one connection or steers a server (SELECT, WATCH, CONFIG, ACL). BLOCK of XREAD and XREADGROUP
      is passed over. XREADGROUP with NOACK makes its consumer.
    - embedded: JSON.*, FUNCTION, FCALL, FCALL_RO, DUMP, RESTORE; BITOP with DIFF, DIFF1, ANDOR, ONE. GEO*
      commands compute with coarser places, store no geohash, and may order and round differently. ZRANGE with
      BYLEX, ZRANGEBYLEX, ZREVRANGEBYLEX and ZLEXCOUNT are right for members of one score only. HSETEX with
      KEEPTTL drops the field's expiry. XACKDEL leaves an entry that was acknowledged before. GETEX cuts the
      milliseconds off an expiry. PFCOUNT counts exactly.
    - embedded, in scripts: TOUCH, BITFIELD_RO, `redis.setresp`, coroutine, struct, bit, cmsgpack; HRANDFIELD
      and ZRANDMEMBER always answer with a list.
    - redis_url: what that server lacks. Redis 7.0 has no HEXPIRE, HEXPIREAT, HEXPIRETIME, HPERSIST, HPEXPIRE,
      HPEXPIREAT, HPEXPIRETIME, HPTTL, HTTL, HGETDEL, HGETEX, HSETEX, XDELEX, XACKDEL, no BITOP with DIFF,
      DIFF1, ANDOR, ONE, and JSON.* needs its module.

    Scripts: with `scripts="own"` only those that this package sends run, known by their SHA-1. With "any" the
    embedded engine runs others in a Lua environment without Python, files and network, and with bounds for
    memory and running time. But it is this process that they run in, one pattern match can hold it up, and
    nobody has proved that there is no way out: for scripts that you do not trust, give a `redis_url`.

    >>> with LocalUpstash() as server:
    ...     history = UpstashRedisChatMessageHistory("talk", server.url, server.token)
    ...     history.add_user_message("Hello!")
    ...     len(history)
    1
    """

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
        save_every: timedelta = timedelta(seconds=2),
    ) -> None:
        """Start the server; it listens when this returns.

        `port` 0 finds a free one; `token` None makes a random one, and "" asks for none. `redis_url` has a
        real Redis server do the work. `path` keeps the keys in a file between runs, saved on close and
        `save_every` so often after a change. `scripts` "any" runs other scripts than this package's own.
        `host` beyond this machine needs `expose`. `latency` holds each request as a network would.
        `max_request_bytes` bounds a request, and the answer to one command.

        Raises: InvalidInputError, also for a `path` that another server keeps; StoreUnavailableError if no
        server answers at `redis_url`; OSError if the port is taken, or the file cannot be read.
        """
        _check(host, expose, redis_url, path)
        self.token = secrets.token_urlsafe(24) if token is None else token
        self.faults = FaultPlan()
        """What goes wrong with the requests to come; see FaultPlan."""
        self._closed = False
        self._engine: Future[Engine] = Future()
        permits = Permits(scripts, EMBEDDED_LACKS if redis_url is None else frozenset())
        service = Service(self._engine, permits, max_request_bytes)
        access = Access(self.token, None if expose else LOOPBACK | {host})
        file = KeptFile(path) if path is not None else None
        try:
            if redis_url is not None:
                self._engine.set_result(_connect(redis_url))
            self._front = Front((host, port), service, access, self.faults, max_request_bytes)
        except BaseException:
            if file is not None:
                file.close()
            raise
        self.latency = latency
        self.host, self.port = host, int(self._front.server_address[1])
        self._threads = [threading.Thread(target=self._front.serve, name="LocalUpstash", daemon=True)]
        if redis_url is None:
            arguments = (file, save_every)
            self._threads.append(threading.Thread(target=self._open_embedded, args=arguments, daemon=True))
        for thread in self._threads:
            thread.start()

    def _open_embedded(self, file: KeptFile | None, save_every: timedelta) -> None:
        """Load the engine while the first requests wait for it: importing fakeredis takes a second."""
        try:
            from chatmem_nb.local.upstash.embedded import EmbeddedEngine

            engine = EmbeddedEngine()
            self._engine.set_result(engine if file is None else KeptEngine(engine, file, save_every))
        except BaseException as error:  # noqa: BLE001 - whoever asks first gets it
            self._engine.set_exception(error)
            if file is not None:
                file.close()

    @property
    def url(self) -> str:
        """Where it listens, as the SDKs want it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

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
        """End every connection, save the keys if there is a `path`, free the port. Again: does nothing.

        Raises: OSError if the keys cannot be saved.
        """
        if self._closed:
            return
        self._closed = True
        self._front.close()
        for thread in self._threads:
            thread.join()
        if self._engine.exception() is None:
            self._engine.result().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LocalUpstash {self.url}{' (closed)' if self._closed else ''}>"


def _check(host: str, expose: bool, redis_url: str | None, path: str | Path | None) -> None:
    if host not in LOOPBACK and not expose:
        raise InvalidInputError(f"{host!r} is not this machine alone: say expose=True to let others in")
    if redis_url is not None and path is not None:
        raise InvalidInputError("a Redis server keeps its keys itself: give redis_url or path, not both")
    needed = ["redis"] if redis_url is not None else ["fakeredis", "lupa"]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise ImportError(f"LocalUpstash needs {' and '.join(missing)}: pip install 'chatmem_nb[demo]'")


def _connect(redis_url: str) -> Engine:
    try:
        return connect(redis_url)
    except EngineError as error:
        raise StoreUnavailableError(f"redis_url: {error}") from error
