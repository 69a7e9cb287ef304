"""What the Momento store asks of the service, one dataclass a request; no I/O, and no name of the SDK.

Two modules answer them: `momento_wire` on the client's own channel, `momento_sdk` by public methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Operation(Generic[T_co]):
    """One request; `T_co` is what its answer is read as."""

    def billed(self, answer: Any) -> int:
        """Return the operations that Momento counts: https://docs.momentohq.com/cache/limits"""
        return 1


@dataclass(frozen=True, slots=True)
class CreateCache(Operation[None]):
    """Make the cache that the store is set to; one that exists is no error."""


@dataclass(frozen=True, slots=True)
class FetchList(Operation[list[bytes]]):
    """The elements from `start` to before `stop`, None being an end; [] where there is no list."""

    key: bytes
    start: int | None = None
    stop: int | None = None

    def billed(self, answer: Sequence[bytes]) -> int:
        return _half(len(answer))


@dataclass(frozen=True, slots=True)
class ListLength(Operation[int]):
    """The number of elements; 0 where there is no list."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Push(Operation[int]):
    """Add `values`, all at once, and answer the new length; not to be sent again blindly.

    `ttl_ms`: the life of the list, from now on or, without `refresh_ttl`, if this makes it; None: as the
    client has it.
    """

    key: bytes
    values: Sequence[bytes]
    ttl_ms: int | None
    refresh_ttl: bool = True
    front: bool = False

    def billed(self, answer: int) -> int:
        return _half(len(self.values))


@dataclass(frozen=True, slots=True)
class EraseRange(Operation[None]):
    """Remove `count` elements from `start` on; not to be sent again blindly."""

    key: bytes
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class RemoveValue(Operation[None]):
    """Remove every element that is `value`; for clients that cannot erase one."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class DeleteKey(Operation[None]):
    """Remove the whole item."""

    key: bytes


@dataclass(frozen=True, slots=True)
class RemainingLife(Operation[int | None]):
    """Milliseconds until the item expires; None where it is not there, or nobody can tell."""

    key: bytes


@dataclass(frozen=True, slots=True)
class KeysExist(Operation[list[bool]]):
    """Which of `keys` are there."""

    keys: Sequence[bytes]

    def billed(self, answer: Sequence[bool]) -> int:
        return _half(len(self.keys))


@dataclass(frozen=True, slots=True)
class PutName(Operation[None]):
    """Put `name` into the sorted set with this score, and let the set live `ttl_ms` from now on."""

    key: bytes
    name: bytes
    score: float
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class KeepName(Operation[None]):
    """Put `name` into the sorted set with score 0 if it is not in it; a score that it has stays."""

    key: bytes
    name: bytes
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class FetchNames(Operation[list[tuple[bytes, float]]]):
    """Up to `count` names and scores from `lowest` to `highest`, the highest first."""

    key: bytes
    lowest: float | None
    highest: float | None
    count: int

    def billed(self, answer: Sequence[object]) -> int:
        return _half(len(answer))


@dataclass(frozen=True, slots=True)
class FetchScores(Operation[list[float | None]]):
    """The score of each of `names`, None for one that is not in the set; [] where there is no set."""

    key: bytes
    names: Sequence[bytes]

    def billed(self, answer: Sequence[object]) -> int:
        return _half(len(self.names))


@dataclass(frozen=True, slots=True)
class RemoveNames(Operation[None]):
    """Take `names` out of the sorted set."""

    key: bytes
    names: Sequence[bytes]

    def billed(self, answer: None) -> int:
        return _half(len(self.names))


def _half(elements: int) -> int:
    """Two elements count as one operation, and every request as one at least."""
    return max(1, (elements + 1) // 2)
