"""What runs the commands: an embedded fakeredis, or a real Redis server; both behind two calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from chatmem_nb.local.upstash.replies import Refusal, Reply

if TYPE_CHECKING:
    from redis import ConnectionPool

Command = Sequence[bytes]
"""A command's name and its arguments."""


class EngineError(Exception):
    """The engine broke under a command, or cannot be reached; the next request may work."""


class Engine(Protocol):
    """Runs commands; safe to use from every thread."""

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Return one reply for each command; one that fails does not stop those after it. Raises: EngineError."""
        ...

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | Refusal:
        """Return one reply for each command, run as one; a Refusal if Redis would run none. Raises: EngineError."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


class RedisEngine:
    """A Redis server, spoken to through the connections of `pool`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        return self._exchange(commands)

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | Refusal:
        *_, outcome = self._exchange([[b"MULTI"], *commands, [b"EXEC"]])
        return cast("list[Reply] | Refusal", outcome)

    def close(self) -> None:
        self._pool.disconnect()

    def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        import redis

        connection = self._pool.get_connection()
        try:
            return self._talk(connection, commands)
        except redis.RedisError as error:
            connection.disconnect()
            raise EngineError("the Redis server cannot be reached") from error
        except BaseException:
            connection.disconnect()  # what it would answer next belongs to this request
            raise
        finally:
            self._pool.release(connection)

    def _talk(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        return [_answer(connection) for _ in commands]


class EmbeddedEngine(RedisEngine):
    """A fakeredis in this process: one command at a time, and gone with the process."""

    def __init__(self) -> None:
        import fakeredis

        client = fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 2)), protocol=2)
        super().__init__(client.connection_pool)
        self._lock = threading.Lock()

    def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        with self._lock:
            return super()._exchange(commands)

    def _talk(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        return [self._ask(connection, command) for command in commands]

    def _ask(self, connection: Any, command: Command) -> Reply:
        try:
            connection.send_packed_command(connection.pack_command(*command), check_health=False)
            return _answer(connection)
        except Exception as error:  # fakeredis runs the command here: any of its bugs may come out
            connection.disconnect()
            return Refusal(f"ERR the embedded engine failed: {type(error).__name__}")


def _answer(connection: Any) -> Reply:
    import redis

    try:
        return _reply(connection.read_response(disable_decoding=True))
    except redis.ResponseError as error:
        return _reply(error)


def _reply(answer: Any) -> Reply:
    """Return what redis-py read as our own reply; it has cut the code off some errors, and keeps it beside."""
    import redis

    if isinstance(answer, list):
        return [_reply(element) for element in answer]
    if isinstance(answer, redis.RedisError):
        code = getattr(answer, "status_code", None)
        return Refusal(f"{code} {answer}" if code else str(answer))
    return cast(Reply, answer)


def open_engine(redis_url: str | None) -> Engine:
    """Return the embedded engine, or one over the server at `redis_url`."""
    if redis_url is None:
        return EmbeddedEngine()
    import redis

    # Only RESP2 has the reply kinds that Upstash's JSON has.
    return RedisEngine(redis.ConnectionPool.from_url(redis_url, protocol=2))
