"""LocalMomento's gRPC handler: checks the token, injects faults, and dispatches calls."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from operator import methodcaller
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from momento_wire_types import cacheclient_pb2, controlclient_pb2

from chatmem_nb.local.faults import Fault, FaultPlan
from chatmem_nb.local.momento import control, dictionaries, lists, scalars, sets, sorted_sets
from chatmem_nb.local.momento.billing import operations
from chatmem_nb.local.momento.caches import Account
from chatmem_nb.local.momento.errors import (
    MomentoError,
    too_many_requests,
    unauthenticated,
    unavailable,
    unimplemented,
)
from chatmem_nb.local.momento.fault_metadata import FaultMetadata, status_code
from chatmem_nb.local.usage import Usage

_Run = Callable[[Mapping[str, str], Message], Message]

_ERRORS: dict[str, Callable[[], MomentoError]] = {
    # As gRPC reports these faults: a client cannot tell whether the call was applied.
    "drop_before": partial(unavailable, "Socket closed"),
    "drop_after": partial(unavailable, "Socket closed"),
    "hang": partial(unavailable, "Socket closed"),
    "cut": partial(MomentoError, grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
    "html": partial(unavailable, "Received http2 header with status: 502"),
    "refuse": too_many_requests,
}


class GrpcHandler:
    """The generic handler of a `grpc.server`. A lock serialises access to the account."""

    def __init__(self, account: Account, token: str, faults: FaultPlan, usage: Usage) -> None:
        self.latency = timedelta(0)
        self._account, self._token = account, token.encode()
        self._faults, self._fault_metadata, self._usage = faults, FaultMetadata(), usage
        self._lock = threading.Lock()
        self._handlers = self._service("ScsControl", controlclient_pb2, control.CALLS, self._control)
        for kind in (scalars, lists, dictionaries, sets, sorted_sets):
            self._handlers |= self._service("Scs", cacheclient_pb2, kind.CALLS, self._data)

    def service(self, details: Any) -> Any:
        """Return the handler of one call. gRPC calls this before it reads the request."""
        if not self._is_authenticated(dict(details.invocation_metadata)):
            return grpc.stream_stream_rpc_method_handler(_reject)
        return self._handlers.get(details.method) or grpc.stream_stream_rpc_method_handler(
            partial(_unimplemented, details.method)
        )

    def _is_authenticated(self, metadata: Mapping[str, str]) -> bool:
        given = metadata.get("authorization", "").encode()
        return not self._token or hmac.compare_digest(given, self._token)

    def _service(
        self, service: str, module: Any, calls: Mapping[str, Callable[..., Message]], run: Callable[..., Any]
    ) -> dict[str, Any]:
        """Return the gRPC handlers of `calls`, by method path."""
        descriptor, handlers = module.DESCRIPTOR.services_by_name[service], {}
        for name, call in calls.items():
            handlers[f"/{descriptor.full_name}/{name}"] = grpc.unary_unary_rpc_method_handler(
                partial(self._respond, name, partial(run, call)),
                request_deserializer=GetMessageClass(descriptor.methods_by_name[name].input_type).FromString,
                response_serializer=methodcaller("SerializeToString"),
            )
        return handlers

    def _control(
        self, call: Callable[..., Message], metadata: Mapping[str, str], request: Message
    ) -> Message:
        return call(self._account, request)

    def _data(self, call: Callable[..., Message], metadata: Mapping[str, str], request: Message) -> Message:
        return call(self._account.get(metadata.get("cache")), request)

    def _respond(self, name: str, run: _Run, request: Message, context: Any) -> Message:
        metadata = dict(context.invocation_metadata())
        self._usage.add(requests=1)
        try:
            fault = self._fault_metadata.fault(name, metadata) or self._faults.take([name])
            _wait(context, self.latency)
            if fault is not None:
                self._fail_before(fault, context)
            try:
                return self._run(name, run, metadata, request)
            finally:
                if fault is not None:
                    self._fail_after(fault, context)
        except MomentoError as error:
            _abort(context, error)

    def _run(self, name: str, run: _Run, metadata: Mapping[str, str], request: Message) -> Message:
        response = None
        try:
            with self._lock:
                self._account.sweep_when_due()
                response = run(metadata, request)
            return response
        finally:
            self._usage.add(billed=operations(name, metadata, request, response))

    def _fail_before(self, fault: Fault, context: Any) -> None:
        """Lose or reject a call before it is applied. Raises: MomentoError."""
        if fault.kind == "error":
            self._hold_fault(context, fault.delay)
            raise MomentoError(status_code(fault.code), f"Injected fault: {fault.code}.")
        if fault.kind == "hang":
            self._hold_fault(context, fault.delay or None)
        if fault.kind == "drop_before":
            self._hold_fault(context, fault.delay)
        if fault.kind in ("drop_before", "refuse", "hang"):
            raise _ERRORS[fault.kind]()

    def _fail_after(self, fault: Fault, context: Any) -> None:
        """Delay or lose the response of a call that was applied, successful or not. Raises: MomentoError."""
        if fault.kind in ("delay", "drop_after"):
            self._hold_fault(context, fault.delay)
        if fault.kind != "delay":
            raise _ERRORS[fault.kind]()

    def _hold_fault(self, context: Any, duration: timedelta | None) -> None:
        """Hold a call; it ends when the client disconnects or the server closes, too."""
        ended = threading.Event()
        if duration != timedelta(0) and context.add_callback(ended.set):
            self._faults.hold(duration, ended)


def _wait(context: Any, duration: timedelta) -> None:
    """Wait for `duration`, or until the client disconnects or the server closes."""
    ended = threading.Event()
    if duration and context.add_callback(ended.set):
        ended.wait(duration.total_seconds())


def _reject(requests: object, context: Any) -> NoReturn:
    _abort(context, unauthenticated())


def _unimplemented(method: str, requests: object, context: Any) -> NoReturn:
    _abort(context, unimplemented(method))


def _abort(context: Any, error: MomentoError) -> NoReturn:
    if error.err is not None:
        context.set_trailing_metadata((("err", error.err),))
    context.abort(error.code, error.details)
    raise AssertionError("abort raises")
