"""Each command as a call of Momento's gRPC services: method, request message, value of the response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import common_pb2, controlclient_pb2

from . import commands as cmd


def method(command: cmd.Command) -> str:
    """Return the name of the method."""
    name = _RPCS[type(command)].method
    return name(command) if callable(name) else name


def message(command: cmd.Command, cache_name: str, default_ttl_ms: int) -> Any:
    """Return the request message; `default_ttl_ms` is the TTL of a push that does not say its own."""
    if isinstance(command, cmd.CreateCache):
        return controlclient_pb2._CreateCacheRequest(cache_name=cache_name)
    request = _RPCS[type(command)].request(command)
    if isinstance(command, cmd.Push) and command.ttl_ms is None:
        request.ttl_milliseconds = default_ttl_ms
    return request


def value(command: cmd.Command, response: Any) -> Any:
    """Return what a response message says."""
    return _RPCS[type(command)].value(response)


@dataclass(frozen=True, slots=True)
class _Rpc:
    method: str | Callable[[Any], str]
    request: Callable[[Any], Any]
    value: Callable[[Any], Any]


def _fetch_list(command: cmd.FetchList) -> Any:
    request = pb._ListFetchRequest(list_name=command.key)
    if command.start is not None:
        request.inclusive_start = command.start
    if command.stop is not None:
        request.exclusive_end = command.stop
    return request


def _push(command: cmd.Push) -> Any:
    kind = pb._ListConcatenateFrontRequest if command.front else pb._ListConcatenateBackRequest
    request = kind(
        list_name=command.key,
        values=command.values,
        ttl_milliseconds=command.ttl_ms,
        refresh_ttl=command.refresh_ttl,
    )
    if command.truncate:
        request.truncate_front_to_size = len(command.values)
    return request


def _erase_range(command: cmd.EraseRange) -> Any:
    one = pb._ListRange(begin_index=command.start, count=command.count)
    return pb._ListEraseRequest(list_name=command.key, some=pb._ListEraseRequest._ListRanges(ranges=[one]))


def _put_name(command: cmd.PutName) -> Any:
    element = pb._SortedSetElement(value=command.name, score=command.score)
    return pb._SortedSetPutRequest(
        set_name=command.key, elements=[element], ttl_milliseconds=command.ttl_ms, refresh_ttl=True
    )


def _add_name(command: cmd.AddName) -> Any:
    return pb._SortedSetIncrementRequest(
        set_name=command.key,
        value=command.name,
        amount=0.0,
        ttl_milliseconds=command.ttl_ms,
        refresh_ttl=True,
    )


def _fetch_names(command: cmd.FetchNames) -> Any:
    request = pb._SortedSetFetchRequest(
        set_name=command.key, with_scores=True, order=pb._SortedSetFetchRequest.DESCENDING
    )
    if command.lowest is None:
        request.by_score.unbounded_min.CopyFrom(common_pb2._Unbounded())
    else:
        request.by_score.min_score.score = command.lowest
    if command.highest is None:
        request.by_score.unbounded_max.CopyFrom(common_pb2._Unbounded())
    else:
        request.by_score.max_score.score = command.highest
    request.by_score.offset = 0
    request.by_score.count = command.count
    return request


def _remove_names(command: cmd.RemoveNames) -> Any:
    some = pb._SortedSetRemoveRequest._Some(values=command.names)
    return pb._SortedSetRemoveRequest(set_name=command.key, some=some)


def _scores(command: cmd.FetchScores) -> Any:
    return pb._SortedSetGetScoreRequest(set_name=command.key, values=command.names)


def _found_scores(response: Any) -> list[float | None]:
    return [part.score if part.result == pb.Hit else None for part in response.found.elements]


def _nothing(response: Any) -> None:
    return None


_RPCS: dict[type[cmd.Command], _Rpc] = {
    cmd.CreateCache: _Rpc("CreateCache", _nothing, _nothing),
    cmd.FetchList: _Rpc("ListFetch", _fetch_list, lambda response: list(response.found.values)),
    cmd.ListLength: _Rpc(
        "ListLength",
        lambda command: pb._ListLengthRequest(list_name=command.key),
        lambda response: response.found.length,
    ),
    cmd.Push: _Rpc(
        lambda command: "ListConcatenateFront" if command.front else "ListConcatenateBack",
        _push,
        lambda response: response.list_length,
    ),
    cmd.EraseRange: _Rpc("ListErase", _erase_range, _nothing),
    cmd.RemoveValue: _Rpc(
        "ListRemove",
        lambda command: pb._ListRemoveRequest(list_name=command.key, all_elements_with_value=command.value),
        _nothing,
    ),
    cmd.DeleteKey: _Rpc("Delete", lambda command: pb._DeleteRequest(cache_key=command.key), _nothing),
    cmd.GetTtl: _Rpc(
        "ItemGetTtl",
        lambda command: pb._ItemGetTtlRequest(cache_key=command.key),
        lambda response: (
            response.found.remaining_ttl_millis if response.WhichOneof("result") == "found" else None
        ),
    ),
    cmd.KeysExist: _Rpc(
        "KeysExist",
        lambda command: pb._KeysExistRequest(cache_keys=command.keys),
        lambda response: list(response.exists),
    ),
    cmd.PutName: _Rpc("SortedSetPut", _put_name, _nothing),
    cmd.AddName: _Rpc("SortedSetIncrement", _add_name, _nothing),
    cmd.FetchNames: _Rpc(
        "SortedSetFetch",
        _fetch_names,
        lambda response: [(e.value, e.score) for e in response.found.values_with_scores.elements],
    ),
    cmd.FetchScores: _Rpc("SortedSetGetScore", _scores, _found_scores),
    cmd.RemoveNames: _Rpc("SortedSetRemove", _remove_names, _nothing),
}
