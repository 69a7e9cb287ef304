"""Every call that reaches the server: who may make it, what the network does to it, what answers it."""

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
from chatmem_nb.local.momento.caches import Account
from chatmem_nb.local.momento.injected import Injected
from chatmem_nb.local.momento.refusals import Refusal, too_many_requests, unavailable, unimplemented

_LOST: dict[str, Callable[[], Refusal]] = {
    # What gRPC itself says when this happens; a caller cannot tell whether the call was applied.
    "drop_before": partial(unavailable, "Socket closed"),
    "drop_after": partial(unavailable, "Socket closed"),
    "hang": partial(unavailable, "Socket closed"),
    "cut": partial(Refusal, grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
    "html": partial(unavailable, "Received http2 header with status: 502"),
    "refuse": too_many_requests,
}


class Calls:
    """A handler for `grpc.server`. One lock stands around what a call changes."""

    def __init__(self, account: Account, token: str, faults: FaultPlan) -> None:
        self.latency = timedelta(0)
        self._account, self._token, self._faults = account, token.encode(), faults
        self._injected = Injected()
        self._lock = threading.Lock()
        self._handlers = self._service("ScsControl", controlclient_pb2, control.CALLS, self._control)
        for kind in (scalars, lists, dictionaries, sets, sorted_sets):
            self._handlers |= self._service("Scs", cacheclient_pb2, kind.CALLS, self._data)

    def service(self, details: Any) -> Any:
        """Return what answers the call to `details.method`; gRPC asks it for each one."""
        return self._handlers.get(details.method) or grpc.stream_stream_rpc_method_handler(
            partial(self._unimplemented, details.method)
        )

    def _service(
        self,
        service: str,
        module: Any,
        calls: Mapping[str, Callable[..., Message]],
        run: Callable[..., Message],
    ) -> dict[str, Any]:
        """The gRPC handlers of some calls, by the method's path."""
        descriptor, handlers = module.DESCRIPTOR.services_by_name[service], {}
        for name, call in calls.items():
            handlers[f"/{descriptor.full_name}/{name}"] = grpc.unary_unary_rpc_method_handler(
                partial(self._answer, name, partial(run, call)),
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

    def _answer(self, name: str, run: Callable[..., Message], request: Message, context: Any) -> Message:
        metadata = dict(context.invocation_metadata())
        try:
            self._authenticate(metadata)
            return self._through_network(name, metadata, context, partial(run, metadata, request))
        except Refusal as refusal:
            _abort(context, refusal)

    def _through_network(
        self, name: str, metadata: Mapping[str, str], context: Any, run: Callable[[], Message]
    ) -> Message:
        """Run one call, with the latency and the one fault that are planned for it."""
        fault = self._faults.take([name])
        _hold(context, self.latency + self._injected.delay(name, metadata))
        if error := self._injected.error(name, metadata):
            raise error
        if fault is not None and fault.kind in ("drop_before", "refuse", "hang"):
            if fault.kind == "hang":
                _hold(context, fault.delay or None)
            raise _LOST[fault.kind]()
        try:
            with self._lock:
                self._account.sweep_when_due()
                return run()
        finally:
            if fault is not None:
                _meet_on_the_way_back(fault, context)

    def _authenticate(self, metadata: Mapping[str, str]) -> None:
        given = metadata.get("authorization", "").encode()
        if self._token and not hmac.compare_digest(given, self._token):
            raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "The token is missing or is not this server's.")

    def _unimplemented(self, method: str, requests: object, context: Any) -> NoReturn:
        try:
            self._authenticate(dict(context.invocation_metadata()))
        except Refusal as refusal:
            _abort(context, refusal)
        _abort(context, unimplemented(method))


def _meet_on_the_way_back(fault: Fault, context: Any) -> None:
    """Hold or lose the answer of a call that was made, whatever it says."""
    if fault.kind != "delay":
        raise _LOST[fault.kind]()
    _hold(context, fault.delay)


def _hold(context: Any, duration: timedelta | None) -> None:
    """Wait for `duration` (None: without end), or until the caller has gone or the server closes."""
    ended = threading.Event()
    if duration != timedelta(0) and context.add_callback(ended.set):
        ended.wait(None if duration is None else duration.total_seconds())


def _abort(context: Any, refusal: Refusal) -> NoReturn:
    if refusal.err is not None:
        context.set_trailing_metadata((("err", refusal.err),))
    context.abort(refusal.code, refusal.details)
    raise AssertionError("abort raises")
