"""The engine in this process: fakeredis 2.40. Importing this module takes most of a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import redis
from fakeredis import FakeRedis, FakeRedisConnection
from fakeredis._helpers import SimpleError
from fakeredis._socket import FakeSocket

from chatmem_nb.local.upstash import sandbox
from chatmem_nb.local.upstash.dialect import FAKEREDIS, UPSTASH
from chatmem_nb.local.upstash.engine import RedisEngine, answer
from chatmem_nb.local.upstash.replies import Command, Refusal, Reply, size

_SWEEP_EVERY_S = 1.0
_ELEMENT_BYTES = 64  # what Lua takes for each, beside its text


class EmbeddedEngine(RedisEngine):
    """A fakeredis: one request at a time, and gone with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sweep_at = 0.0
        server = sandbox.SandboxedServer(version=(8, 2))
        self.rules = {**UPSTASH, **FAKEREDIS, "EVAL_RO": server.eval_ro, "EVALSHA_RO": server.evalsha_ro}
        client = FakeRedis(server=server, protocol=2, connection_class=_Connection)
        super().__init__(client.connection_pool)

    def alone(self) -> AbstractContextManager[object]:
        """Hold back every other thread's commands, so that several calls see one state."""
        return self._lock

    def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        with self._lock:
            self._sweep_when_due()
            return super()._exchange(commands)

    def _sweep_when_due(self) -> None:
        """Free expired keys, once a second; each key costs its few microseconds once.

        fakeredis 2.40 frees an expired key when it is asked for, and all of them when keys are counted.
        Idempotency keys are never asked for again: without this, every append would leave one behind.
        """
        if time.monotonic() >= self._sweep_at:
            super()._exchange([[b"DBSIZE"]])
            self._sweep_at = time.monotonic() + _SWEEP_EVERY_S

    def _talk(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        return [_ask(connection, command) for command in commands]


class _Socket(FakeSocket):
    def lpush(self, key: Any, *values: bytes) -> int:
        """Insert all values at once: fakeredis moves the whole list for each of them."""
        key.value[:0] = values[::-1]
        key.updated()
        return len(key.value)

    def _convert_redis_result(self, lua_runtime: Any, result: Any) -> Any:
        """Keep from a script what would not fit: lupa 2.8 does not survive a refusal of memory in here."""
        if (
            isinstance(result, list)
            and size(result) + _ELEMENT_BYTES * len(result) > sandbox.MAX_MEMORY_BYTES // 4
        ):
            raise SimpleError("ERR the answer is too large for a script")
        return super()._convert_redis_result(lua_runtime, result)


class _Connection(FakeRedisConnection):
    def _connect(self) -> FakeSocket:
        made = super()._connect()
        made.__class__ = _Socket  # of equal layout; there is no hook for another class
        return made


def _ask(connection: Any, command: Command) -> Reply:
    try:
        connection.send_packed_command(connection.pack_command(*command), check_health=False)
        return answer(connection)
    except redis.ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - the command runs in here: any bug of fakeredis may come out
        connection.disconnect()  # the parser inside died of it
        return Refusal(f"ERR the embedded engine failed on this command: {type(error).__name__}")
