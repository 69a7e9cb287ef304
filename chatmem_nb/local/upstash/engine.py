"""What runs the commands: an embedded fakeredis, or a real Redis server; both behind two calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, cast

from chatmem_nb.local.upstash.dialect import FAKEREDIS, UPSTASH, Phrase, Rule, phrase
from chatmem_nb.local.upstash.replies import Command, Refusal, Reply

if TYPE_CHECKING:
    from redis import ConnectionPool


class EngineError(Exception):
    """The engine broke under a command, or cannot be reached; the next request may work."""


class Engine(Protocol):
    """Runs commands; safe to use from every thread."""

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Return one reply for each command; a failing one stops no other. Raises: EngineError."""
        ...

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | Refusal:
        """Return one reply for each command, run as one; a Refusal if none was run. Raises: EngineError."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


class RedisEngine:
    """A Redis server, spoken to through the connections of `pool`."""

    rules: Mapping[str, Rule] = UPSTASH

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        phrases = [phrase(command, self.rules) for command in commands]
        return _read(phrases, self._exchange([each.command for each in phrases]))

    def transaction(self, commands: Sequence[Command]) -> list[Reply] | Refusal:
        phrases = [phrase(command, self.rules) for command in commands]
        outcome = self._exchange([[b"MULTI"], *(each.command for each in phrases), [b"EXEC"]])[-1]
        return outcome if isinstance(outcome, Refusal) else _read(phrases, cast("list[Reply]", outcome))

    def close(self) -> None:
        self._pool.disconnect()

    def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        import redis

        connection: Any = self._pool.get_connection()
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
    """A fakeredis in this process: one request at a time, and gone with the process."""

    def __init__(self) -> None:
        import fakeredis

        from chatmem_nb.local.upstash.sandbox import SandboxedServer

        self._lock = threading.RLock()
        server = SandboxedServer(version=(8, 2))
        self.rules = {**UPSTASH, **FAKEREDIS, "EVAL_RO": server.eval_ro, "EVALSHA_RO": server.evalsha_ro}
        client = fakeredis.FakeRedis(server=server, protocol=2)
        super().__init__(client.connection_pool)

    def alone(self) -> AbstractContextManager[object]:
        """Hold back every other thread's commands, so that several calls see one state."""
        return self._lock

    def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        with self._lock:
            return super()._exchange(commands)

    def _talk(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        return [_ask_fake(connection, command) for command in commands]


def _ask_fake(connection: Any, command: Command) -> Reply:
    import redis

    try:
        connection.send_packed_command(connection.pack_command(*command), check_health=False)
        return _answer(connection)
    except redis.ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - the command runs in here: any bug of fakeredis may come out
        connection.disconnect()  # the parser inside died of it
        return Refusal(f"ERR the embedded engine failed on this command: {type(error).__name__}")


def _answer(connection: Any) -> Reply:
    import redis

    try:
        return _reply(connection.read_response(disable_decoding=True))
    except redis.ConnectionError:
        raise
    except redis.RedisError as error:
        return _reply(error)


def _reply(answer: Any) -> Reply:
    """Return what redis-py has read as our own reply."""
    import redis

    if isinstance(answer, list):
        return [_reply(element) for element in answer]
    if isinstance(answer, redis.RedisError):
        code = getattr(answer, "status_code", None)  # redis-py cuts it off the text
        return Refusal(f"{code} {answer}" if code else str(answer))
    return cast(Reply, answer)


def _read(phrases: Sequence[Phrase], replies: Sequence[Reply]) -> list[Reply]:
    return [each.read(reply) for each, reply in zip(phrases, replies, strict=True)]


def connect(redis_url: str) -> RedisEngine:
    """Return an engine over the server at `redis_url`. Raises: EngineError if it does not answer."""
    import redis

    # Only RESP2 has the reply kinds that Upstash's JSON has.
    engine = RedisEngine(redis.ConnectionPool.from_url(redis_url, protocol=2))
    [answer] = engine.run([[b"PING"]])
    if isinstance(answer, Refusal):
        raise EngineError(f"the Redis server refuses: {answer.text}")
    return engine
