"""What a call costs, in operations: https://docs.momentohq.com/cache/manage/operations

Each element of a request or a response costs an operation for each chunk of 1,024 bytes, rounded up. An
authenticated call costs at least one operation, even if it fails, and a consistent read costs double.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

CHUNK_BYTES = 1024


def operations(call: str, metadata: Mapping[str, str], request: Message, response: Message | None) -> int:
    """Return the operations of one call; `response` is None if it failed, which costs one."""
    if response is None:
        return 1
    elements = [*_elements(call, request, _IN_REQUEST), *_elements(call, response, _IN_RESPONSE)]
    cost = max(1, sum(map(_chunks, elements)))
    is_consistent = metadata.get("read-concern", "").lower() == "consistent"
    return 2 * cost if is_consistent and call in _READS else cost


def _chunks(size: int) -> int:
    return max(1, -(-size // CHUNK_BYTES))


def _elements(call: str, message: Message, where: Mapping[str, Callable[[Any], Iterable[int]]]) -> list[int]:
    sizes = where.get(call)
    return list(sizes(message)) if sizes else []


def _sizes(values: Iterable[bytes]) -> Sequence[int]:
    return [len(value) for value in values]


def _one(name: str) -> Callable[[Any], Sequence[int]]:
    return lambda message: [len(getattr(message, name))]


def _several(name: str) -> Callable[[Any], Sequence[int]]:
    return lambda message: _sizes(getattr(message, name))


def _found(name: str) -> Callable[[Any], Sequence[int]]:
    return lambda response: _sizes(getattr(response.found, name))


def _dictionary_items(request: Any) -> Sequence[int]:
    return [len(item.field) + len(item.value) for item in request.items]


def _sorted_set_found(response: Any) -> Sequence[int]:
    found = response.found
    return _sizes([*found.values.values, *(each.value for each in found.values_with_scores.elements)])


def _set_difference(request: Any) -> Sequence[int]:
    return _sizes([*request.minuend.elements, *request.subtrahend.set.elements])


_IN_REQUEST: Mapping[str, Callable[[Any], Iterable[int]]] = {
    "Set": _one("cache_body"),
    "SetIfNotExists": _one("cache_body"),
    "KeysExist": _several("cache_keys"),
    "ListPushBack": _one("value"),
    "ListPushFront": _one("value"),
    "ListConcatenateBack": _several("values"),
    "ListConcatenateFront": _several("values"),
    "ListRemove": _one("all_elements_with_value"),
    "DictionarySet": _dictionary_items,
    "DictionaryIncrement": _one("field"),
    "DictionaryDelete": lambda request: _sizes(request.some.fields),
    "SetUnion": _several("elements"),
    "SetDifference": _set_difference,
    "SortedSetPut": lambda request: _sizes(element.value for element in request.elements),
    "SortedSetIncrement": _one("value"),
    "SortedSetRemove": lambda request: _sizes(request.some.values),
    "SortedSetGetScore": _several("values"),
    "SortedSetGetRank": _one("value"),
}

_IN_RESPONSE: Mapping[str, Callable[[Any], Iterable[int]]] = {
    "Get": _one("cache_body"),
    "ListFetch": _found("values"),
    "ListPopBack": lambda response: [len(response.found.back)],
    "ListPopFront": lambda response: [len(response.found.front)],
    "DictionaryGet": lambda response: [len(item.cache_body) for item in response.found.items],
    "DictionaryFetch": lambda response: [len(pair.field) + len(pair.value) for pair in response.found.items],
    "SetFetch": _found("elements"),
    "SortedSetFetch": _sorted_set_found,
}

_READS = frozenset(
    {"Get", "KeysExist", "ItemGetType", "ItemGetTtl", "ListFetch", "ListLength", "DictionaryGet"}
    | {"DictionaryFetch", "SetFetch", "SortedSetFetch", "SortedSetGetScore", "SortedSetGetRank"}
    | {"SortedSetLength", "SortedSetLengthByScore"}
)
