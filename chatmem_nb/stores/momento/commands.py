"""The requests that the Momento store makes, and what each is billed; no I/O, and no name of the SDK.

`rpcs` puts them on the wire, `sdk_channel` makes them by public methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

_CHUNK_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Command:
    """One request."""

    idempotent: ClassVar[bool] = True

    def billed(self, response: Any) -> int:
        """Return the operations that Momento counts: docs.momentohq.com/cache/manage/operations."""
        return 1


@dataclass(frozen=True, slots=True)
class CreateCache(Command):
    """Create the store's cache; one that exists already is no error."""


@dataclass(frozen=True, slots=True)
class FetchList(Command):
    """Return the elements of the slice `start:stop`; [] if there is no list."""

    key: bytes
    start: int | None = None
    stop: int | None = None

    def billed(self, response: Sequence[bytes]) -> int:
        return operations(response)


@dataclass(frozen=True, slots=True)
class ListLength(Command):
    """Return the number of elements; 0 if there is no list."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Push(Command):
    """Add `values`, all at once, and return the new length.

    `ttl_ms` is the TTL of the list from now on; without `refresh_ttl`, of a list that this creates; None: the
    client's default. With `truncate`, keep only the values that are pushed: what stood before goes.
    """

    idempotent: ClassVar[bool] = False
    key: bytes
    values: Sequence[bytes]
    ttl_ms: int | None
    refresh_ttl: bool = True
    front: bool = False
    truncate: bool = False

    def billed(self, response: int) -> int:
        return operations(self.values)


@dataclass(frozen=True, slots=True)
class EraseRange(Command):
    """Remove `count` elements from index `start` on."""

    idempotent: ClassVar[bool] = False
    key: bytes
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class RemoveValue(Command):
    """Remove every element that equals `value`."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class DeleteKey(Command):
    """Remove the whole item."""

    key: bytes


@dataclass(frozen=True, slots=True)
class GetTtl(Command):
    """Return the milliseconds until the item expires; None if it does not exist, or this cannot be told."""

    key: bytes


@dataclass(frozen=True, slots=True)
class KeysExist(Command):
    """Return whether each of `keys` exists."""

    keys: Sequence[bytes]

    def billed(self, response: Sequence[bool]) -> int:
        return max(1, len(self.keys))


@dataclass(frozen=True, slots=True)
class PutName(Command):
    """Put `name` into the sorted set with this score; the set's TTL is `ttl_ms` from now on."""

    key: bytes
    name: bytes
    score: float
    ttl_ms: int

    def billed(self, response: None) -> int:
        return operations([self.name])


@dataclass(frozen=True, slots=True)
class AddName(Command):
    """Put `name` into the sorted set with score 0; a name that is in it keeps its score."""

    key: bytes
    name: bytes
    ttl_ms: int

    def billed(self, response: None) -> int:
        return operations([self.name])


@dataclass(frozen=True, slots=True)
class FetchNames(Command):
    """Return up to `count` names and scores from `lowest` to `highest`, the highest first."""

    key: bytes
    lowest: float | None
    highest: float | None
    count: int

    def billed(self, response: Sequence[tuple[bytes, float]]) -> int:
        return operations([name for name, _ in response])


@dataclass(frozen=True, slots=True)
class FetchScores(Command):
    """Return the score of each of `names`, None for one that is not in the set; [] if there is no set."""

    key: bytes
    names: Sequence[bytes]

    def billed(self, response: Sequence[float | None]) -> int:
        return operations(self.names)


@dataclass(frozen=True, slots=True)
class RemoveNames(Command):
    """Remove `names` from the sorted set."""

    key: bytes
    names: Sequence[bytes]

    def billed(self, response: None) -> int:
        return operations(self.names)


def operations(elements: Sequence[bytes]) -> int:
    """Return what a request or response with `elements` is billed: each 1,024 bytes of each, at least 1."""
    if not elements or max(map(len, elements)) <= _CHUNK_BYTES:  # the usual case, without a step for each
        return max(1, len(elements))
    return sum(max(1, -(-len(element) // _CHUNK_BYTES)) for element in elements)
