"""The embedded engine: fakeredis 2.40. Importing this module takes most of a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import redis
from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from fakeredis._helpers import SimpleError
from fakeredis._socket import FakeSocket

from chatmem_nb.local.upstash.command_allowlist import WRITES
from chatmem_nb.local.upstash.compatibility import FAKEREDIS, UPSTASH, Rewrite
from chatmem_nb.local.upstash.engine import RedisEngine, read_reply
from chatmem_nb.local.upstash.replies import Command, ErrorReply, Reply
from chatmem_nb.local.upstash.scripts import Script, ScriptError, check_declared_keys, parse_script, sha1

_SWEEP_EVERY_S = 1.0
_READ_ONLY_COMMAND = b"#!EVAL_RO\n"  # tells `_Socket.eval` that the script was sent by EVAL_RO


class EmbeddedEngine(RedisEngine):
    """Runs commands in fakeredis, one request at a time. Data is kept in memory.

    Lua scripts can reach Python objects here (`python.eval`), so the command allowlist admits only those of
    this package, by digest.
    """

    def __init__(self, *, key_locking: bool = True) -> None:
        """Without `key_locking`, reject the script flag allow-key-locking, as plain Redis does."""
        self._lock = threading.RLock()
        self._sweep_at = 0.0
        self._server = _Server(version=(8, 2))
        self._server.key_locking = key_locking
        self.rules = {**UPSTASH, **FAKEREDIS, "EVAL_RO": _eval_ro, "EVALSHA_RO": self._evalsha_ro}
        client = FakeRedis(server=self._server, protocol=2, connection_class=_Connection)
        super().__init__(client.connection_pool)

    def exclusive(self) -> AbstractContextManager[object]:
        """Return a lock that excludes commands of other threads, so that several calls see one state."""
        return self._lock

    def _execute(self, commands: Sequence[Command]) -> list[Reply]:
        with self._lock:
            self._sweep_when_due()
            return super()._execute(commands)

    def _sweep_when_due(self) -> None:
        """Free expired keys, once a second.

        fakeredis 2.40 frees an expired key when it is read, and all of them when keys are counted.
        Idempotency keys are never read again: without this, every append would leave one behind.
        """
        if time.monotonic() >= self._sweep_at:
            super()._execute([[b"DBSIZE"]])
            self._sweep_at = time.monotonic() + _SWEEP_EVERY_S

    def _execute_on(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        return [_execute_one(connection, command) for command in commands]

    def _evalsha_ro(self, command: Command) -> Rewrite:
        script = self._server.script_cache.get(b"".join(command[1:2]).lower())
        if script is None:
            return Rewrite([b"EVALSHA", *command[1:]])  # for its error NOSCRIPT
        return _eval_ro([b"EVAL_RO", script, *command[2:]])


def _eval_ro(command: Command) -> Rewrite:
    """fakeredis 2.40 does not have EVAL_RO."""
    return Rewrite([b"EVAL", *(_READ_ONLY_COMMAND + script for script in command[1:2]), *command[2:]])


@dataclass(slots=True)
class _RunningScript:
    script: Script
    keys: tuple[bytes, ...]
    failure: str | None = None
    """The error of its last `redis.call`, with the line number; that of the script if it was not caught."""


class _Server(FakeServer):
    SCAN_CURSORS_LIMIT = 128  # each keeps the names of all keys in memory
    key_locking = True
    running: _RunningScript | None = None


class _Socket(FakeSocket):
    def lpush(self, key: Any, *values: bytes) -> int:
        """Insert all values at once: fakeredis moves the whole list once for each value."""
        key.value[:0] = values[::-1]
        key.updated()
        return len(key.value)

    def eval(self, script: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        """Run a script as its first line (`#!lua flags=...`) says, a syntax error to fakeredis 2.40."""
        text = script.removeprefix(_READ_ONLY_COMMAND)
        server: Any = self._server
        try:
            parsed = parse_script(text, key_locking=server.key_locking, read_only_command=text != script)
        except ScriptError as error:
            raise SimpleError(str(error)) from None
        server.running = running = _RunningScript(parsed, keys_and_args[: max(0, numkeys)])
        server.script_cache[sha1(text).encode()] = text
        try:
            return super().eval(parsed.body, numkeys, *keys_and_args)
        except SimpleError as error:
            failure = running.failure or ""
            raise SimpleError(failure if failure.endswith(error.value) else error.value) from None
        finally:
            server.running = None

    def script_load(self, *args: bytes) -> bytes:
        for script in args[:1]:
            try:
                parse_script(script, key_locking=cast(_Server, self._server).key_locking)
            except ScriptError as error:
                raise SimpleError(str(error)) from None
        return cast(bytes, super().script_load(*args))

    def _lua_redis_call(self, lua_runtime: Any, expected_globals: Any, op: bytes, *args: Any) -> Any:
        server: Any = self._server
        try:
            _check_call(server.running, op, args)
            return super()._lua_redis_call(lua_runtime, expected_globals, op, *args)
        except SimpleError as error:
            line = lua_runtime.eval(_CURRENT_LINE)()
            server.running.failure = f"ERR Error running script: @user_script:{line}: {error.value}"
            raise

    def _lua_redis_pcall(self, lua_runtime: Any, expected_globals: Any, op: bytes, *args: Any) -> Any:
        server: Any = self._server
        reply = super()._lua_redis_pcall(lua_runtime, expected_globals, op, *args)
        server.running.failure = None  # the script handles it
        return reply


_CURRENT_LINE = """\
function()
  for level = 2, 50 do
    local info = debug.getinfo(level, 'l')
    if not info then return 0 end
    if info.currentline > 0 then return info.currentline end
  end
  return 0
end
"""


def _check_call(running: _RunningScript, op: bytes, args: Sequence[Any]) -> None:
    """Enforce the flags of a script. Raises: SimpleError."""
    name = op.decode("ascii", "replace").upper()
    if running.script.is_read_only and name in WRITES:
        raise SimpleError("ERR Write commands are not allowed from read-only scripts.")
    if running.script.has_key_locking:
        arguments = [each if isinstance(each, bytes) else str(each).encode() for each in args]
        try:
            check_declared_keys(name, arguments, running.keys)
        except ScriptError as error:
            raise SimpleError(str(error)) from None


class _Connection(FakeRedisConnection):
    def _connect(self) -> FakeSocket:
        made = super()._connect()
        made.__class__ = _Socket  # fakeredis has no hook for a subclass; the layout is the same
        return made


def _execute_one(connection: Any, command: Command) -> Reply:
    try:
        connection.send_packed_command(connection.pack_command(*command), check_health=False)
        return read_reply(connection)
    except redis.ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - fakeredis runs the command here; its bugs may raise anything
        connection.disconnect()  # its parser is unusable after an exception
        return ErrorReply(f"ERR the embedded engine failed on this command: {type(error).__name__}")
