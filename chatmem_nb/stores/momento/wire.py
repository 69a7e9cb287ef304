"""Requests on the channel of the `CacheClient` that one has: slices, single removals, and native async.

Neither is public in momento 1.29.1. A sync client keeps neither its configuration nor its key, so that no
`CacheClientAsync` can be made from it; and its own stub blocks an event loop, since its retry interceptor
waits for each answer. Here its channel is used with its header interceptor alone, and gRPC's futures are
awaited. Every private name stands in `connect`, and in a test that fails when one of them goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from momento import CacheClient
from momento.errors import convert_error
from momento.internal.services import Service
from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import cacheclient_pb2_grpc, common_pb2, controlclient_pb2, controlclient_pb2_grpc

from ..protocol import CommandCount
from . import operations as ops
from .errors import MomentoClosedError, MomentoError, store_error
from .exchange import Requests

# Generated, and without types.
_DataStub: Any = cacheclient_pb2_grpc.ScsStub
_ControlStub: Any = controlclient_pb2_grpc.ScsControlStub


def connect(client: CacheClient, cache_name: str, commands: CommandCount) -> WireTransport:
    """Return a transport on the channels of `client`, which stays its owner. No I/O.

    Raises: AttributeError, where a private name of momento or grpc has gone; MomentoClosedError.
    """
    data: Any = client._data_clients[0]._grpc_manager
    control: Any = client._control_client._grpc_manager
    for channel in (data._channel, control._channel):
        _refuse_closed(channel)
    # The first interceptor adds the key; the second, which retries, blocks. A user's middleware is third.
    data_stub = _DataStub(grpc.intercept_channel(data._channel, data._stub.ListFetch._interceptor))
    control_stub = _ControlStub(
        grpc.intercept_channel(control._channel, control._stub.CreateCache._interceptor)
    )
    # A method that is first used after its channel was closed ends the process (grpcio 1.85, segmentation
    # fault); one that is known to the channel before raises ValueError. These stubs make all of them known.
    _DataStub(data._channel)
    _ControlStub(control._channel)
    default_ttl_ms = client._data_clients[0]._default_ttl // timedelta(milliseconds=1)
    return WireTransport(data_stub, control_stub, cache_name, default_ttl_ms, commands)


def _refuse_closed(channel: Any) -> None:
    try:
        channel._channel.check_connectivity_state(False)
    except ValueError:
        closed = True
    else:
        closed = False
    if closed:
        raise client_closed()


def client_closed() -> MomentoClosedError:
    """Return the error for a client that its owner has closed."""
    return MomentoClosedError(
        "the momento client of this store was closed; make a new store with an open one"
    )


class WireTransport:
    """Requests as gRPC futures, for any number of threads and event loops at a time."""

    slices = True

    def __init__(
        self, data_stub: Any, control_stub: Any, cache_name: str, default_ttl_ms: int, commands: CommandCount
    ) -> None:
        self._data, self._control = data_stub, control_stub
        self._cache_name = cache_name
        self.default_ttl_ms: int | None = default_ttl_ms
        self._commands = commands

    def exchange(self, requests: Requests) -> list[Any]:
        """Make the requests, and return an answer or an error for each."""
        calls: list[Any] = []
        try:
            for operation in requests.operations:
                calls.append(self._start(operation, requests.timeout_s))
            return [
                self._answer(operation, call)
                for operation, call in zip(requests.operations, calls, strict=True)
            ]
        finally:
            _cancel(calls)

    async def aexchange(self, requests: Requests) -> list[Any]:
        """Make the requests, and return an answer or an error for each; cancelled with its task."""
        calls: list[Any] = []
        try:
            for operation in requests.operations:
                calls.append(self._start(operation, requests.timeout_s))
            for call in calls:
                await _done(call)
            return [
                self._answer(operation, call)
                for operation, call in zip(requests.operations, calls, strict=True)
            ]
        finally:
            _cancel(calls)

    def _start(self, operation: ops.Operation[Any], timeout_s: float) -> Any:
        rpc = _RPCS[type(operation)]
        if isinstance(operation, ops.CreateCache):
            request = controlclient_pb2._CreateCacheRequest(cache_name=self._cache_name)
            stub, metadata = self._control, []
        else:
            request = rpc.request(operation)
            if isinstance(operation, ops.Push) and operation.ttl_ms is None:
                request.ttl_milliseconds = self.default_ttl_ms
            # A fresh list for each call: the interceptor adds the key to the one that it is given.
            stub, metadata = self._data, [("cache", self._cache_name)]
        self._commands.add(requests=1, sent=request.ByteSize())
        name = rpc.name(operation) if callable(rpc.name) else rpc.name
        return getattr(stub, name).future(request, metadata=metadata, timeout=timeout_s)

    def _answer(self, operation: ops.Operation[Any], call: Any) -> Any:
        """Return what the finished `call` has brought, or the error for it."""
        if call.code() is grpc.StatusCode.OK:
            response = call.result()
            answer = _RPCS[type(operation)].read(response)
            self._commands.add(billed=operation.billed(answer), received=response.ByteSize())
            return answer
        if call.code() is grpc.StatusCode.ALREADY_EXISTS and isinstance(operation, ops.CreateCache):
            return None
        return _error(call.exception())


def _error(failure: BaseException) -> MomentoError:
    if isinstance(failure, grpc.RpcError):
        return store_error(convert_error(failure, Service.CACHE))
    if isinstance(failure, ValueError) and "closed" in str(failure):  # "Cannot invoke RPC on closed channel!"
        return client_closed()
    raise failure


async def _done(call: Any) -> None:
    """Wait until `call` has ended, in the running loop."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def end(_: Any) -> None:  # in a thread of gRPC
        with suppress(RuntimeError):  # the loop has ended, and with it who waited
            loop.call_soon_threadsafe(_set, ended)

    call.add_done_callback(end)
    await ended


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():  # its task may have been cancelled
        ended.set_result(None)


def _cancel(calls: Sequence[Any]) -> None:
    for call in calls:
        if not call.done():
            call.cancel()


@dataclass(frozen=True, slots=True)
class _Rpc:
    """How one operation goes over the wire."""

    name: str | Callable[[Any], str]
    request: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _fetch_list(operation: ops.FetchList) -> Any:
    request = pb._ListFetchRequest(list_name=operation.key)
    if operation.start is not None:
        request.inclusive_start = operation.start
    if operation.stop is not None:
        request.exclusive_end = operation.stop
    return request


def _push(operation: ops.Push) -> Any:
    kind = pb._ListConcatenateFrontRequest if operation.front else pb._ListConcatenateBackRequest
    return kind(
        list_name=operation.key,
        values=operation.values,
        ttl_milliseconds=operation.ttl_ms,
        refresh_ttl=operation.refresh_ttl,
    )


def _erase_range(operation: ops.EraseRange) -> Any:
    one = pb._ListRange(begin_index=operation.start, count=operation.count)
    return pb._ListEraseRequest(list_name=operation.key, some=pb._ListEraseRequest._ListRanges(ranges=[one]))


def _put_name(operation: ops.PutName) -> Any:
    element = pb._SortedSetElement(value=operation.name, score=operation.score)
    return pb._SortedSetPutRequest(
        set_name=operation.key, elements=[element], ttl_milliseconds=operation.ttl_ms, refresh_ttl=True
    )


def _keep_name(operation: ops.KeepName) -> Any:
    return pb._SortedSetIncrementRequest(
        set_name=operation.key,
        value=operation.name,
        amount=0.0,
        ttl_milliseconds=operation.ttl_ms,
        refresh_ttl=True,
    )


def _fetch_names(operation: ops.FetchNames) -> Any:
    request = pb._SortedSetFetchRequest(
        set_name=operation.key, with_scores=True, order=pb._SortedSetFetchRequest.DESCENDING
    )
    if operation.lowest is None:
        request.by_score.unbounded_min.CopyFrom(common_pb2._Unbounded())
    else:
        request.by_score.min_score.score = operation.lowest
    if operation.highest is None:
        request.by_score.unbounded_max.CopyFrom(common_pb2._Unbounded())
    else:
        request.by_score.max_score.score = operation.highest
    request.by_score.offset = 0
    request.by_score.count = operation.count
    return request


def _remove_names(operation: ops.RemoveNames) -> Any:
    some = pb._SortedSetRemoveRequest._Some(values=operation.names)
    return pb._SortedSetRemoveRequest(set_name=operation.key, some=some)


def _scores(operation: ops.FetchScores) -> Any:
    return pb._SortedSetGetScoreRequest(set_name=operation.key, values=operation.names)


def _found_scores(response: Any) -> list[float | None]:
    return [part.score if part.result == pb.Hit else None for part in response.found.elements]


def _nothing(response: Any) -> None:
    return None


_RPCS: dict[type[ops.Operation[Any]], _Rpc] = {
    ops.CreateCache: _Rpc("CreateCache", _nothing, _nothing),
    ops.FetchList: _Rpc("ListFetch", _fetch_list, lambda answer: list(answer.found.values)),
    ops.ListLength: _Rpc(
        "ListLength", lambda op: pb._ListLengthRequest(list_name=op.key), lambda answer: answer.found.length
    ),
    ops.Push: _Rpc(
        lambda op: "ListConcatenateFront" if op.front else "ListConcatenateBack",
        _push,
        lambda answer: answer.list_length,
    ),
    ops.EraseRange: _Rpc("ListErase", _erase_range, _nothing),
    ops.RemoveValue: _Rpc(
        "ListRemove",
        lambda op: pb._ListRemoveRequest(list_name=op.key, all_elements_with_value=op.value),
        _nothing,
    ),
    ops.DeleteKey: _Rpc("Delete", lambda op: pb._DeleteRequest(cache_key=op.key), _nothing),
    ops.RemainingLife: _Rpc(
        "ItemGetTtl",
        lambda op: pb._ItemGetTtlRequest(cache_key=op.key),
        lambda answer: answer.found.remaining_ttl_millis if answer.WhichOneof("result") == "found" else None,
    ),
    ops.KeysExist: _Rpc(
        "KeysExist", lambda op: pb._KeysExistRequest(cache_keys=op.keys), lambda answer: list(answer.exists)
    ),
    ops.PutName: _Rpc("SortedSetPut", _put_name, _nothing),
    ops.KeepName: _Rpc("SortedSetIncrement", _keep_name, _nothing),
    ops.FetchNames: _Rpc(
        "SortedSetFetch",
        _fetch_names,
        lambda answer: [(e.value, e.score) for e in answer.found.values_with_scores.elements],
    ),
    ops.FetchScores: _Rpc("SortedSetGetScore", _scores, _found_scores),
    ops.RemoveNames: _Rpc("SortedSetRemove", _remove_names, _nothing),
}
