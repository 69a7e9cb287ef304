"""The requests for caches, lists and keys: message, response and price of each. No I/O.

`index_commands` has those of the session index. `grpc_channel` sends the messages; `sdk_channel` makes the
same requests by public methods of the SDK.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import controlclient_pb2

_CHUNK_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class Command:
    """One request."""

    idempotent: ClassVar[bool] = True
    method: ClassVar[str]
    """The method of Momento's gRPC service."""

    def message(self) -> Any:
        """Return the request message."""
        raise NotImplementedError

    def value(self, response: Any) -> Any:
        """Return the content of the response; None if it has none."""
        return None

    def billed(self, value: Any) -> int:
        """Return the operations that Momento counts: docs.momentohq.com/cache/manage/operations."""
        return 1


@dataclass(frozen=True, slots=True)
class CreateCache(Command):
    """Create a cache. It is not an error if it exists."""

    method: ClassVar[str] = "CreateCache"
    cache_name: str

    def message(self) -> Any:
        return controlclient_pb2._CreateCacheRequest(cache_name=self.cache_name)


@dataclass(frozen=True, slots=True)
class FetchList(Command):
    """Return the elements of the slice `start:stop`; [] if there is no list."""

    method: ClassVar[str] = "ListFetch"
    key: bytes
    start: int | None = None
    stop: int | None = None

    def message(self) -> Any:
        message = pb._ListFetchRequest(list_name=self.key)
        if self.start is not None:
            message.inclusive_start = self.start
        if self.stop is not None:
            message.exclusive_end = self.stop
        return message

    def value(self, response: Any) -> list[bytes]:
        return list(response.found.values)

    def billed(self, value: Sequence[bytes]) -> int:
        return operations(value)


@dataclass(frozen=True, slots=True)
class ListLength(Command):
    """Return the number of elements; 0 if there is no list."""

    method: ClassVar[str] = "ListLength"
    key: bytes

    def message(self) -> Any:
        return pb._ListLengthRequest(list_name=self.key)

    def value(self, response: Any) -> int:
        length: int = response.found.length
        return length


@dataclass(frozen=True, slots=True)
class Push(Command):
    """Append `values` atomically, and return the new length.

    `ttl_ms` is the TTL of the list from now on; without `refresh_ttl`, of a list that this creates; None: the
    client's default. With `truncate`, keep only the values that are pushed: the previous ones are removed.
    """

    idempotent: ClassVar[bool] = False
    method: ClassVar[str] = "ListConcatenateBack"
    front: ClassVar[bool] = False
    key: bytes
    values: Sequence[bytes]
    ttl_ms: int | None
    refresh_ttl: bool = True
    truncate: bool = False

    def message(self) -> Any:
        return pb._ListConcatenateBackRequest(
            list_name=self.key,
            values=self.values,
            ttl_milliseconds=self.ttl_ms,
            refresh_ttl=self.refresh_ttl,
            truncate_front_to_size=len(self.values) if self.truncate else None,
        )

    def value(self, response: Any) -> int:
        length: int = response.list_length
        return length

    def billed(self, value: int) -> int:
        return operations(self.values)


@dataclass(frozen=True, slots=True)
class PushFront(Push):
    """Add `values` before the oldest, in their order, and return the new length."""

    method: ClassVar[str] = "ListConcatenateFront"
    front: ClassVar[bool] = True

    def message(self) -> Any:
        return pb._ListConcatenateFrontRequest(
            list_name=self.key,
            values=self.values,
            ttl_milliseconds=self.ttl_ms,
            refresh_ttl=self.refresh_ttl,
        )


@dataclass(frozen=True, slots=True)
class EraseRange(Command):
    """Remove `count` elements from index `start` on."""

    idempotent: ClassVar[bool] = False
    method: ClassVar[str] = "ListErase"
    key: bytes
    start: int
    count: int

    def message(self) -> Any:
        one = pb._ListRange(begin_index=self.start, count=self.count)
        return pb._ListEraseRequest(list_name=self.key, some=pb._ListEraseRequest._ListRanges(ranges=[one]))


@dataclass(frozen=True, slots=True)
class RemoveValue(Command):
    """Remove every element that equals `element`."""

    method: ClassVar[str] = "ListRemove"
    key: bytes
    element: bytes

    def message(self) -> Any:
        return pb._ListRemoveRequest(list_name=self.key, all_elements_with_value=self.element)


@dataclass(frozen=True, slots=True)
class DeleteKey(Command):
    """Remove the whole item."""

    method: ClassVar[str] = "Delete"
    key: bytes

    def message(self) -> Any:
        return pb._DeleteRequest(cache_key=self.key)


@dataclass(frozen=True, slots=True)
class GetTtl(Command):
    """Return the milliseconds until the item expires; None if it does not exist, or this is not known."""

    method: ClassVar[str] = "ItemGetTtl"
    key: bytes

    def message(self) -> Any:
        return pb._ItemGetTtlRequest(cache_key=self.key)

    def value(self, response: Any) -> int | None:
        return response.found.remaining_ttl_millis if response.WhichOneof("result") == "found" else None


@dataclass(frozen=True, slots=True)
class KeysExist(Command):
    """Return whether each of `keys` exists."""

    method: ClassVar[str] = "KeysExist"
    keys: Sequence[bytes]

    def message(self) -> Any:
        return pb._KeysExistRequest(cache_keys=self.keys)

    def value(self, response: Any) -> list[bool]:
        return list(response.exists)

    def billed(self, value: Sequence[bool]) -> int:
        return max(1, len(self.keys))


def operations(elements: Sequence[bytes]) -> int:
    """Return what a request or response with `elements` is billed: each 1,024 bytes of each, at least 1."""
    if not elements or max(map(len, elements)) <= _CHUNK_BYTES:  # the usual case, without a step for each
        return max(1, len(elements))
    return sum(max(1, -(-len(element) // _CHUNK_BYTES)) for element in elements)
