"""Requests in Redis' terms, and what their responses must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .errors import UpstashResponseError

Command: TypeAlias = list[str | int]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request of one command or several; each command is billed."""

    commands: Sequence[Command]
    form: Literal["single", "pipeline", "multi"] = "single"
    """A pipeline sends several commands at once; a multi also runs all of them or none."""
    idempotent: bool = True
    """Whether making it twice has the same effect as making it once: scripts by their idempotency key, all
    else by nature."""


def single(*command: str | int) -> Request:
    """Return the request of one command."""
    return Request([list(command)])


def pipeline(commands: Sequence[Command]) -> Request:
    """Return the request of several commands, each of which may succeed or fail."""
    return Request(commands, "pipeline")


def multi(commands: Sequence[Command]) -> Request:
    """Return the request of several commands that are applied together."""
    return Request(commands, "multi")


def as_number(response: Any) -> int:
    """Return `response` if it is an integer. Raises: UpstashResponseError."""
    if not isinstance(response, int):
        raise _unexpected("an integer")
    return response


def as_texts(response: Any) -> list[str]:
    """Return `response` if it is a list of texts. Raises: UpstashResponseError."""
    if not isinstance(response, list) or not all(isinstance(text, str) for text in response):
        raise _unexpected("a list of texts")
    return response


def as_list(response: Any, length: int) -> list[Any]:
    """Return `response` if it is a list of this length. Raises: UpstashResponseError."""
    if not isinstance(response, list) or len(response) != length:
        raise _unexpected(f"a list of {length}")
    return response


def _unexpected(expected: str) -> UpstashResponseError:
    return UpstashResponseError(
        f"invalid response: expected {expected}; check that the url is that of an Upstash Redis database"
    )
