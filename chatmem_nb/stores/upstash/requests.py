"""Requests, and plans of them: what to send is decided in one place, and sent in two, sync and async."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis

from .errors import UpstashResponseError

Command: TypeAlias = list[str | int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one command or several; each command is billed."""

    commands: list[Command]
    how: Literal["single", "pipeline", "multi"] = "single"
    renews: bool = False
    """A further page or part of a call that gets on: its time starts anew."""
    once: bool = False
    """Not to be sent again where it may have arrived."""
    anew: Callable[[], list[Command]] | None = None
    """What to send instead at each attempt, where attempts must not be the same."""

    def commands_to_send(self) -> list[Command]:
        """Return the commands of the next attempt."""
        return self.commands if self.anew is None else self.anew()


Plan: TypeAlias = Generator[Request, Any, T]
"""Yields requests, is sent their answers (or thrown their errors), and returns a result."""


def single(*command: str | int, renews: bool = False, once: bool = False) -> Request:
    """Return the request of one command."""
    return Request([list(command)], renews=renews, once=once)


def send(client: Redis, request: Request) -> Any:
    """Return the SDK's answer: one, or a list of them."""
    if request.how == "single":
        return client.execute(request.commands[0])
    batch = client.multi() if request.how == "multi" else client.pipeline()
    for command in request.commands_to_send():
        batch.execute(command)
    return batch.exec()


async def asend(client: AsyncRedis, request: Request) -> Any:
    """Return the SDK's answer: one, or a list of them."""
    if request.how == "single":
        return await client.execute(request.commands[0])
    batch = client.multi() if request.how == "multi" else client.pipeline()
    for command in request.commands_to_send():
        batch.execute(command)
    return await batch.exec()


def as_number(answer: Any) -> int:
    """Return `answer` where it is a number. Raises: UpstashResponseError."""
    if not isinstance(answer, int):
        raise _none_of_upstash("a number")
    return int(answer)


def as_texts(answer: Any) -> list[str]:
    """Return `answer` where it is a list of texts. Raises: UpstashResponseError."""
    if not isinstance(answer, list) or not all(isinstance(text, str) for text in answer):
        raise _none_of_upstash("a list of texts")
    return answer


def as_list(answer: Any, count: int) -> list[Any]:
    """Return `answer` where it is a list of `count`. Raises: UpstashResponseError."""
    if not isinstance(answer, list) or len(answer) != count:
        raise _none_of_upstash(f"a list of {count}")
    return answer


def _none_of_upstash(expected: str) -> UpstashResponseError:
    return UpstashResponseError(f"expected {expected}, and something else came: is this Upstash?")
