"""The engine that runs commands: its protocol, and the one over a Redis server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from chatmem_nb.local.upstash.compatibility import UPSTASH, Rewrite, Rule, rewrite
from chatmem_nb.local.upstash.replies import Command, ErrorReply, Reply

if TYPE_CHECKING:
    from redis import ConnectionPool


class EngineError(Exception):
    """The engine failed or cannot be reached. A later request may succeed."""


class Engine(Protocol):
    """Runs commands; safe to use from every thread."""

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Return one reply per command; the commands after a failed one still run. Raises: EngineError."""
        ...

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | ErrorReply:
        """Run the commands as one transaction; an ErrorReply if none was run. Raises: EngineError."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class RedisEngine:
    """A Redis server, reached through the connections of `pool`."""

    rules: Mapping[str, Rule] = UPSTASH

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        rewrites = [rewrite(command, self.rules) for command in commands]
        return _convert(rewrites, self._execute([each.command for each in rewrites]))

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | ErrorReply:
        rewrites = [rewrite(command, self.rules) for command in commands]
        outcome = self._execute([[b"MULTI"], *(each.command for each in rewrites), [b"EXEC"]])[-1]
        return (
            outcome if isinstance(outcome, ErrorReply) else _convert(rewrites, cast("list[Reply]", outcome))
        )

    def close(self) -> None:
        self._pool.disconnect()

    def _execute(self, commands: Sequence[Command]) -> list[Reply]:
        import redis

        try:
            connection: Any = self._pool.get_connection()
            try:
                return self._execute_on(connection, commands)
            except BaseException:  # an interrupt too
                connection.disconnect()  # its next reply would be one to this request
                raise
            finally:
                self._pool.release(connection)
        except redis.RedisError as error:
            raise EngineError(f"the Redis server cannot be reached: {type(error).__name__}") from error

    def _execute_on(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        return [read_reply(connection) for _ in commands]


def read_reply(connection: Any) -> Reply:
    """Read the next reply on `connection`. Raises: redis.ConnectionError."""
    import redis

    try:
        return _as_reply(connection.read_response(disable_decoding=True))
    except redis.ConnectionError:
        raise
    except redis.RedisError as error:
        return _as_reply(error)


def _as_reply(value: Any) -> Reply:
    """Convert a reply that redis-py has parsed."""
    import redis

    if isinstance(value, list):
        return [_as_reply(element) for element in value]
    if isinstance(value, redis.RedisError):
        return ErrorReply(_with_code(value))
    return cast(Reply, value)


def _with_code(error: Exception) -> str:
    """Return the server's text with the error code, which redis-py removes."""
    from redis import exceptions

    code: str | None = getattr(error, "status_code", None)  # since redis-py 7
    if code is None and not re.match("[A-Z]+ ", text := str(error)):
        classes: dict[type, str] = {
            exceptions.ExecAbortError: "EXECABORT",
            exceptions.NoPermissionError: "NOPERM",
            exceptions.NoScriptError: "NOSCRIPT",
            exceptions.OutOfMemoryError: "OOM",
            exceptions.ReadOnlyError: "READONLY",
        }
        code = classes.get(type(error), "ERR")
    return f"{code} {error}" if code else text


def _convert(rewrites: Sequence[Rewrite], replies: Sequence[Reply]) -> list[Reply]:
    return [each.convert(reply) for each, reply in zip(rewrites, replies, strict=True)]


def connect(redis_url: str) -> RedisEngine:
    """Open an engine over the server at `redis_url`. Raises: EngineError if it does not respond."""
    import redis

    # RESP2 has the same types of replies as Upstash's JSON; RESP3 has more.
    engine = RedisEngine(redis.ConnectionPool.from_url(redis_url, protocol=2))
    [reply] = engine.run([[b"PING"]])
    if isinstance(reply, ErrorReply):
        raise EngineError(f"the Redis server rejected PING: {reply.text}")
    return engine
