"""The requests that plans make to a checkpointer.

A plan is a generator that yields requests and is sent the responses, so that what reads a thread is written
once for sync and async checkpointers, and does no I/O itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Get:
    """Respond with the newest checkpoint of a thread, or the one that `config` names; or None."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """Call `visit` with each checkpoint of a thread (of all threads, if `config` is None), newest first."""

    config: dict[str, Any] | None
    visit: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class DeltaHistory:
    """Respond with the seed of a DeltaChannel, and the writes after it."""

    config: dict[str, Any]
    channel: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Respond with rows of a SQLite checkpointer's database."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """Respond with the members of a set in an Upstash checkpointer's database."""

    key: str


@dataclass(frozen=True, slots=True)
class Load:
    """Respond with the newest checkpoint of a thread as its graph gets it, with its objects constructed."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Store a new checkpoint of a thread, after the one that `config` names."""

    config: dict[str, Any]
    checkpoint: Any
    metadata: dict[str, Any]
    versions: dict[str, Any]


Request: TypeAlias = Get | Visit | DeltaHistory | Rows | Members | Load | Put
Plan: TypeAlias = Generator[Request, Any, T]
