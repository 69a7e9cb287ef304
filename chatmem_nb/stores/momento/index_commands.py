"""The requests for the session index, a sorted set of names: message, response and price of each. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import common_pb2

from .commands import Command, operations


@dataclass(frozen=True, slots=True)
class PutNames(Command):
    """Add `names` to the sorted set, all with this score, and set the TTL of the set to `ttl_ms`."""

    method: ClassVar[str] = "SortedSetPut"
    key: bytes
    names: Sequence[bytes]
    score: float
    ttl_ms: int

    def message(self) -> Any:
        elements = [pb._SortedSetElement(value=name, score=self.score) for name in self.names]
        return pb._SortedSetPutRequest(
            set_name=self.key, elements=elements, ttl_milliseconds=self.ttl_ms, refresh_ttl=True
        )

    def billed(self, value: None) -> int:
        return operations(self.names)


@dataclass(frozen=True, slots=True)
class AddName(Command):
    """Add `name` to the sorted set with score 0; an existing one keeps its score."""

    method: ClassVar[str] = "SortedSetIncrement"
    key: bytes
    name: bytes
    ttl_ms: int

    def message(self) -> Any:
        return pb._SortedSetIncrementRequest(
            set_name=self.key, value=self.name, amount=0.0, ttl_milliseconds=self.ttl_ms, refresh_ttl=True
        )

    def billed(self, value: None) -> int:
        return operations([self.name])


@dataclass(frozen=True, slots=True)
class FetchNames(Command):
    """Return up to `count` names and scores from `lowest` to `highest`, the highest first."""

    method: ClassVar[str] = "SortedSetFetch"
    key: bytes
    lowest: float | None
    highest: float | None
    count: int

    def message(self) -> Any:
        message = pb._SortedSetFetchRequest(
            set_name=self.key, with_scores=True, order=pb._SortedSetFetchRequest.DESCENDING
        )
        if self.lowest is None:
            message.by_score.unbounded_min.CopyFrom(common_pb2._Unbounded())
        else:
            message.by_score.min_score.score = self.lowest
        if self.highest is None:
            message.by_score.unbounded_max.CopyFrom(common_pb2._Unbounded())
        else:
            message.by_score.max_score.score = self.highest
        message.by_score.offset = 0
        message.by_score.count = self.count
        return message

    def value(self, response: Any) -> list[tuple[bytes, float]]:
        return [(each.value, each.score) for each in response.found.values_with_scores.elements]

    def billed(self, value: Sequence[tuple[bytes, float]]) -> int:
        return operations([name for name, _ in value])


@dataclass(frozen=True, slots=True)
class FetchScores(Command):
    """Return the score of each of `names`, None for one that is not in the set; [] if there is no set."""

    method: ClassVar[str] = "SortedSetGetScore"
    key: bytes
    names: Sequence[bytes]

    def message(self) -> Any:
        return pb._SortedSetGetScoreRequest(set_name=self.key, values=self.names)

    def value(self, response: Any) -> list[float | None]:
        return [part.score if part.result == pb.Hit else None for part in response.found.elements]

    def billed(self, value: Sequence[float | None]) -> int:
        return operations(self.names)


@dataclass(frozen=True, slots=True)
class RemoveNames(Command):
    """Remove `names` from the sorted set."""

    method: ClassVar[str] = "SortedSetRemove"
    key: bytes
    names: Sequence[bytes]

    def message(self) -> Any:
        some = pb._SortedSetRemoveRequest._Some(values=self.names)
        return pb._SortedSetRemoveRequest(set_name=self.key, some=some)

    def billed(self, value: None) -> int:
        return operations(self.names)
