"""What runs the commands, behind two calls; and such an engine over a Redis server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from chatmem_nb.local.upstash.dialect import UPSTASH, Phrase, Rule, phrase
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

        try:
            connection: Any = self._pool.get_connection()
            try:
                return self._talk(connection, commands)
            except BaseException:
                connection.disconnect()  # what it would answer next belongs to this request
                raise
            finally:
                self._pool.release(connection)
        except redis.RedisError as error:
            raise EngineError(f"the Redis server cannot be reached: {type(error).__name__}") from error

    def _talk(self, connection: Any, commands: Sequence[Command]) -> list[Reply]:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        return [answer(connection) for _ in commands]


def answer(connection: Any) -> Reply:
    """Return the next answer on `connection`. Raises: redis.ConnectionError."""
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
        return Refusal(_with_code(answer))
    return cast(Reply, answer)


def _with_code(error: Exception) -> str:
    """Return the server's text with the code that redis-py has cut off it."""
    from redis import exceptions

    code: str | None = getattr(error, "status_code", None)  # since redis-py 7
    if code is None and not re.match("[A-Z]+ ", text := str(error)):
        classes: dict[type, str] = {
            exceptions.ExecAbortError: "EXECABORT",
            exceptions.NoScriptError: "NOSCRIPT",
        }
        code = classes.get(type(error), "ERR")
    return f"{code} {error}" if code else text


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
