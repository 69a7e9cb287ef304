"""Requests on the gRPC channel of a `CacheClient`: slices, removal by index, and native async.

None of these is public in momento 1.29.1. A sync client keeps neither its configuration nor its key, so that
no `CacheClientAsync` can be made from it; and its own stub blocks an event loop, since its retry interceptor
waits for each response. Here its channel is used with its header interceptor alone, so that middleware of
the client's configuration does not see these requests, and only `runner` retries.

That interceptor is also all that the SDK sends about the client: the key with each request ("authorization"),
the Python version with each ("runtime-version"), and its own version with the first ("agent").
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from momento import CacheClient
from momento.errors import SdkException, convert_error
from momento.internal.services import Service
from momento_wire_types import cacheclient_pb2_grpc, controlclient_pb2_grpc

from ..runner import Attempt
from .channel import Batch, CallThread
from .commands import Command, CreateCache
from .errors import channel_broken, client_closed, says_closed, store_error
from .fork_gate import ForkGate, gate

# Generated, and without types.
_DataStub: Any = cacheclient_pb2_grpc.ScsStub
_ControlStub: Any = controlclient_pb2_grpc.ScsControlStub

_CONNECT_S = 5.0
"""How long making the stubs, which is no I/O, may take before the channel counts as broken."""

# By client and not by store: histories are often created for each message, over one client.
_CHANNELS: weakref.WeakKeyDictionary[CacheClient, GrpcChannel] = weakref.WeakKeyDictionary()


def connect(client: CacheClient) -> GrpcChannel:
    """Return the channel of `client`, whose owner closes it. No I/O.

    Raises: AttributeError if a private name of momento or grpc is gone; MomentoClosedError.
    """
    channel = _CHANNELS.get(client)
    if channel is None:
        thread = CallThread()
        try:
            channel = thread.call(lambda: GrpcChannel(client, thread), _CONNECT_S)
        except TimeoutError:
            raise channel_broken() from None
        except BaseException:  # an interrupt too: no thread is left
            thread.end()
            raise
        _CHANNELS[client] = channel
    channel.check_open()
    return channel


class GrpcChannel:
    """Makes requests as gRPC futures, for any number of threads and event loops."""

    slices = True
    grace_s = 0.5
    """gRPC ends a request by its timeout; if it does not, the channel is broken."""

    def __init__(self, client: CacheClient, thread: CallThread) -> None:
        # The seam: every private name of momento and grpc that is used, each pinned by a test.
        data: Any = client._data_clients[0]._grpc_manager
        control: Any = client._control_client._grpc_manager
        # The first interceptor adds the key; the second, which retries, blocks. A user's middleware is third.
        data_headers = data._stub.ListFetch._interceptor
        control_headers = control._stub.CreateCache._interceptor
        self._channels = data._channel, control._channel
        _refuse_closed(*self._channels)
        self._data = _DataStub(grpc.intercept_channel(data._channel, data_headers))
        self._control = _ControlStub(grpc.intercept_channel(control._channel, control_headers))
        # A method that is first used after its channel was closed ends the process (grpcio 1.85, segmentation
        # fault); one that the channel knows from before raises ValueError. These stubs make it know them all.
        _DataStub(data._channel)
        _ControlStub(control._channel)
        self.default_ttl_ms: int | None = client._data_clients[0]._default_ttl // timedelta(milliseconds=1)
        self._thread = thread
        weakref.finalize(self, thread.end)

    def check_open(self) -> None:
        """Raises: MomentoClosedError if the client was closed."""
        try:
            self._thread.call(partial(_refuse_closed, *self._channels), _CONNECT_S)
        except TimeoutError:
            raise channel_broken() from None

    def start(self, cache_name: str, attempt: Attempt, finished: Callable[[], object]) -> Batch:
        """Start each request of `attempt`; see `channel.Channel`."""
        batch = Batch(len(attempt.requests), finished)
        calls = []
        for command in attempt.requests:
            message = command.message()
            batch.sent_bytes += message.ByteSize()
            create = isinstance(command, CreateCache)
            # A new metadata list for each call: the interceptor adds the key to the one that it is given.
            metadata = [] if create else [("cache", cache_name)]
            call = getattr(self._control if create else self._data, command.method).future
            calls.append(partial(call, message, metadata=metadata, timeout=attempt.timeout_s))
        self._thread.submit(partial(_begin, batch, calls))
        return batch

    def cancel(self, batch: Batch) -> None:
        """Cancel what has not ended; see `channel.Channel`."""
        batch.cancelled = True
        self._thread.submit(partial(_cancel, batch))

    def outcome(self, command: Command, result: Any) -> tuple[Any, int]:
        """Return the value of the response, or the StoreError in its place, and the bytes of the response."""
        if not isinstance(result, Exception):
            return command.value(result), result.ByteSize()
        if isinstance(result, _Failed):
            if result.code is grpc.StatusCode.ALREADY_EXISTS and isinstance(command, CreateCache):
                return None, 0
            return store_error(result.error), 0
        if says_closed(result):
            return client_closed(), 0
        raise result


class _Failed(Exception):
    """What a request failed with, without its future."""

    def __init__(self, code: grpc.StatusCode, error: SdkException) -> None:
        super().__init__()
        self.code, self.error = code, error


# The functions below run in the call thread or in gRPC's threads.


def _begin(batch: Batch, calls: Sequence[Callable[[], Any]]) -> None:
    if batch.cancelled:
        return
    counted = gate()
    for position, make in enumerate(calls):
        counted.enter()
        try:
            call = make()
        except Exception as exc:  # noqa: BLE001 - the caller's to read, see `GrpcChannel.outcome`
            counted.leave()
            batch.end(position, exc)
        else:
            batch.calls.append(call)
            call.add_done_callback(partial(_ended, batch, position, counted))


def _ended(batch: Batch, position: int, counted: ForkGate, call: Any) -> None:
    try:
        result = call.result() if call.code() is grpc.StatusCode.OK else _failure(call)
    except Exception as exc:  # noqa: BLE001 - the caller's to read, see `GrpcChannel.outcome`
        result = exc
    counted.leave()
    batch.end(position, result)


def _cancel(batch: Batch) -> None:
    for call in batch.calls:
        call.cancel()


def _failure(call: Any) -> Exception:
    failure: Any = call
    if not call.cancelled():  # a future is its own exception
        failure = call.exception()
    if isinstance(failure, grpc.RpcError):
        return _Failed(call.code(), convert_error(failure, Service.CACHE))
    error: Exception = failure  # of an interceptor, as on a closed channel
    return error


def _refuse_closed(*channels: Any) -> None:
    try:
        for channel in channels:
            channel._channel.check_connectivity_state(False)
    except ValueError:
        closed = True
    else:
        closed = False
    if closed:
        raise client_closed()
