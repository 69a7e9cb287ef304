"""LocalUpstash: the REST API of Upstash Redis, served from this process."""

from __future__ import annotations

import atexit
import importlib.util
import secrets
import threading
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from chatmem_nb.errors import InvalidInputError, StoreUnavailableError
from chatmem_nb.local.access import LOOPBACK, check_address
from chatmem_nb.local.faults import FaultPlan
from chatmem_nb.local.upstash.authentication import Authentication
from chatmem_nb.local.upstash.command_allowlist import NOT_EMBEDDED, CommandAllowlist
from chatmem_nb.local.upstash.engine import Engine, EngineError, connect
from chatmem_nb.local.upstash.http_handler import HttpLimits
from chatmem_nb.local.upstash.http_server import HttpServer
from chatmem_nb.local.upstash.persistence import PersistentEngine, SnapshotFile
from chatmem_nb.local.upstash.rest_api import RestApi
from chatmem_nb.local.usage import Usage

if TYPE_CHECKING:
    from chatmem_nb.stores.upstash import UpstashSessionStore

_DEFAULT_LIMITS = HttpLimits()


class LocalUpstash:
    """Upstash Redis on this machine, for the unmodified official SDKs.

    Commands run in this process (fakeredis), or on a Redis server (`redis_url`). According to the test suites
    of upstash-redis (Python) and @upstash/redis, this is what is missing or differs:

    - on both: pub/sub by HTTP (`/subscribe`, `/psubscribe`), `/monitor`, SEARCH.*, MEMORY, SCAN's WITHTYPE,
      `Upstash-Response-Format`, read-only tokens, the limits of a key (32 KB) and a record (100 MB), and what
      needs a connection's state or administers a server (SELECT, WATCH, CONFIG, ACL). BLOCK of XREAD and
      XREADGROUP is ignored. XREADGROUP with NOACK creates its consumer.
    - embedded: JSON.*, FUNCTION, FCALL, FCALL_RO, DUMP, RESTORE; BITOP with DIFF, DIFF1, ANDOR, ONE. GEO*
      commands use coarser coordinates, store no geohash, and may order and round differently. ZRANGE with
      BYLEX, ZRANGEBYLEX, ZREVRANGEBYLEX and ZLEXCOUNT are correct if all members have the same score. HSETEX
      with KEEPTTL drops the field's expiry. XACKDEL leaves an entry that was acknowledged before. GETEX drops
      the milliseconds of an expiry. PFCOUNT counts exactly.
    - redis_url: what the server lacks. Redis 7.0 has no HEXPIRE, HEXPIREAT, HEXPIRETIME, HPERSIST, HPEXPIRE,
      HPEXPIREAT, HPEXPIRETIME, HPTTL, HTTL, HGETDEL, HGETEX, HSETEX, XDELEX, XACKDEL, no BITOP with DIFF,
      DIFF1, ANDOR, ONE, and JSON.* needs its module.

    Scripts: the embedded engine runs only those that this package sends, identified by digest, and enforces
    the flags of their first line: `no-writes`, and `allow-key-locking`, with which a script may only use keys
    that it declares. Locks are not simulated: commands run one at a time. With a `redis_url`, `scripts="any"`
    runs all scripts, in that server's own sandbox; plain Redis rejects the flag allow-key-locking.

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
        limits: HttpLimits = _DEFAULT_LIMITS,
        save_every: timedelta = timedelta(seconds=2),
        key_locking: bool = True,
    ) -> None:
        """Start the server, which accepts connections when this returns.

        Args:
            port: 0 finds a free one.
            token: None generates a random one; "" turns authentication off, on a loopback address only.
            redis_url: a Redis server that runs the commands.
            path: a file in which data is kept between runs; saved on close and `save_every` after a change.
            scripts: "any" runs all Lua scripts, and requires `redis_url`.
            host: the address to listen on; `expose` allows one that other machines can reach.
            latency: a delay of each request, as a network would cause it.
            limits: sizes and timeouts of requests; `request_bytes` also limits the reply to one command.
            key_locking: False rejects the script flag allow-key-locking, as plain Redis does.

        Raises: InvalidInputError, also for a `path` that another server uses; StoreUnavailableError if no
        server responds at `redis_url`; OSError if the port is in use, or the file cannot be read.
        """
        self.token = secrets.token_urlsafe(24) if token is None else token
        check_address(host, self.token, expose=expose)
        _check_engine(redis_url, path, scripts)
        self.faults = FaultPlan()
        """Faults to inject into the next requests; see FaultPlan."""
        self.commands = Usage()
        """Requests of all clients; `billed` counts commands. Compare a store's `commands`."""
        self._closed = False
        self._engine: Future[Engine] = Future()
        allowlist = CommandAllowlist(scripts, NOT_EMBEDDED if redis_url is None else frozenset())
        api = RestApi(self._engine, allowlist, limits.request_bytes, self.commands)
        authentication = Authentication(self.token, None if expose else LOOPBACK | {host})
        file = SnapshotFile(path) if path is not None else None
        try:
            if redis_url is not None:
                self._engine.set_result(_connect(redis_url))
            self._http = HttpServer((host, port), api, authentication, self.faults, limits, self.commands)
        except BaseException:  # an interrupt too: the file is unlocked
            if file is not None:
                file.close()
            raise
        self.latency = latency
        self.host, self.port = host, int(self._http.server_address[1])
        self._threads = [threading.Thread(target=self._http.serve, name="LocalUpstash", daemon=True)]
        if redis_url is None:
            arguments = (file, save_every, key_locking)
            self._threads.append(threading.Thread(target=self._open_embedded, args=arguments, daemon=True))
        for thread in self._threads:
            thread.start()
        if path is not None:
            atexit.register(self.close)  # so that a program that never closes it loses nothing

    def _open_embedded(self, file: SnapshotFile | None, save_every: timedelta, key_locking: bool) -> None:
        """Load the engine, for which importing fakeredis takes a second; requests wait for it."""
        try:
            from chatmem_nb.local.upstash.embedded_engine import EmbeddedEngine

            engine = EmbeddedEngine(key_locking=key_locking)
            self._engine.set_result(engine if file is None else PersistentEngine(engine, file, save_every))
        except BaseException as error:  # noqa: BLE001 - the first request raises it
            self._engine.set_exception(error)
            if file is not None:
                file.close()

    @property
    def url(self) -> str:
        """The address, as the SDKs take it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def latency(self) -> timedelta:
        """A delay of each request, as a network would cause it; may be changed at any time."""
        return self._http.latency

    @latency.setter
    def latency(self, latency: timedelta) -> None:
        self._http.latency = latency

    def store(self, **kwargs: Any) -> UpstashSessionStore:
        """Return a store on this server; `kwargs` as for UpstashSessionStore."""
        from chatmem_nb.stores.upstash import UpstashSessionStore

        return UpstashSessionStore(self.url, self.token, **kwargs)

    def close(self) -> None:
        """Close all connections, save the data if there is a `path`, and free the port. Idempotent.

        Raises: OSError if the data cannot be saved.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._http.close()
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


def _check_engine(redis_url: str | None, path: str | Path | None, scripts: str) -> None:
    if redis_url is not None and path is not None:
        raise InvalidInputError("pass redis_url or path, not both: a Redis server saves its data itself")
    if scripts not in ("own", "any"):
        raise InvalidInputError(f"scripts must be 'own' or 'any', got {scripts!r:.40}")
    if scripts == "any" and redis_url is None:
        raise InvalidInputError(
            'scripts="any" needs a Redis server, whose sandbox runs them: pass redis_url too'
        )
    needed = ["redis"] if redis_url is not None else ["fakeredis", "lupa"]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise ImportError(f"LocalUpstash needs {' and '.join(missing)}: pip install 'chatmem_nb[demo]'")


def _connect(redis_url: str) -> Engine:
    try:
        return connect(redis_url)
    except EngineError as error:
        raise StoreUnavailableError(f"redis_url: {error}") from error
