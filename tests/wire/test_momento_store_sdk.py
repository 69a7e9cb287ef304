"""The seam to momento's private names: pinned here, and what remains where one of them has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from momento import CacheClient, Configurations, CredentialProvider
from momento.errors import SdkException
from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import cacheclient_pb2_grpc, controlclient_pb2_grpc

from chatmem_nb.errors import StoreError, StoreThrottledError, StoreTimeoutError
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore, commands, index_commands
from chatmem_nb.stores.momento.grpc_channel import GrpcChannel, connect
from chatmem_nb.stores.momento.sdk_channel import _CALLS, SdkChannel
from tests.colours import Coloured

HOUR = timedelta(hours=1)


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture
def client(server: LocalMomento) -> Iterator[CacheClient]:
    with CacheClient(Configurations.Laptop.v1(), server.credential_provider, HOUR) as client:
        yield client


@pytest.fixture
def other_names(client: CacheClient) -> Iterator[CacheClient]:
    """A client of a later momento, as it may be: it does not call its channel `_channel`."""
    parts = vars(client._data_clients[0]._grpc_manager)
    parts["_renamed"] = parts.pop("_channel")
    yield client
    parts["_channel"] = parts.pop("_renamed")


@pytest.fixture(params=["sync", "async"])
def store(request: pytest.FixtureRequest, other_names: CacheClient) -> Iterator[Coloured]:
    coloured = Coloured(MomentoSessionStore(other_names, uuid4().hex), request.param)
    assert isinstance(coloured.store._transport._first.channel, SdkChannel)
    yield coloured
    coloured.end()


# pins


def test_the_private_names_of_momento_are_there(client: CacheClient) -> None:
    """Each name that `GrpcChannel` uses; without one of them, the store works by public methods."""
    data: Any = client._data_clients[0]
    assert data._default_ttl == HOUR
    for manager, rpc in (
        (data._grpc_manager, "ListFetch"),
        (client._control_client._grpc_manager, "CreateCache"),
    ):
        assert isinstance(manager._channel, grpc.Channel)
        interceptor = getattr(manager._stub, rpc)._interceptor
        assert type(interceptor).__name__ == "AddHeaderClientInterceptor"
        assert manager._channel._channel.check_connectivity_state(False) is not None
    from momento.internal.services import Service

    assert Service.CACHE.value == "cache"
    assert isinstance(connect(client), GrpcChannel)


def test_a_closed_channel_is_known_for_one(server: LocalMomento) -> None:
    client = CacheClient(Configurations.Laptop.v1(), server.credential_provider, HOUR)
    channel: Any = client._data_clients[0]._grpc_manager._channel
    client.__exit__(None, None, None)
    with pytest.raises(ValueError, match="closed"):
        channel._channel.check_connectivity_state(False)


def test_the_wire_has_slices_removals_and_ttls() -> None:
    assert {"inclusive_start", "exclusive_end"} <= set(pb._ListFetchRequest.DESCRIPTOR.fields_by_name)
    assert set(pb._ListRange.DESCRIPTOR.fields_by_name) == {"begin_index", "count"}
    assert "remaining_ttl_millis" in pb._ItemGetTtlResponse._Found.DESCRIPTOR.fields_by_name


def test_both_channels_know_every_command() -> None:
    kinds = {
        kind
        for kind in (vars(commands) | vars(index_commands)).values()
        if isinstance(kind, type) and issubclass(kind, commands.Command)
    } - {commands.Command}
    assert set(_CALLS) == kinds
    with grpc.insecure_channel("localhost") as channel:
        stubs = cacheclient_pb2_grpc.ScsStub(channel), controlclient_pb2_grpc.ScsControlStub(channel)
        assert all(any(hasattr(stub, kind.method) for stub in stubs) for kind in kinds)
    assert not any(kind.message is commands.Command.message for kind in kinds)


# what remains without them


def test_every_verb_works_by_public_methods(store: Coloured) -> None:
    assert store.read("s") == []
    assert store.append("s", ["r0", "r1"]) == 2
    assert store.append("s", ["r2"]) == 3
    assert store.read("s") == ["r0", "r1", "r2"]
    assert store.read("s", -2) == ["r1", "r2"]
    assert store.read("s", 0, -1) == ["r0", "r1"]
    assert store.length("s") == 3
    assert store.insert("s", 0, ["first"]) == 4
    assert store.insert("s", 4, ["last"]) == 5
    assert store.remove("s", 1, "r0") is True
    assert store.remove("s", 1, "r0") is False
    assert store.read_many(["none", "s"]) == [("s", 0, ["first", "r1", "r2", "last"])]
    assert store.replace("s", ["x", "y"]) == 2
    assert store.session_ids() == ["s"]
    none, row = store.summaries(["none", "s"])
    assert (none.length, row.length, row.first, row.last, row.ttl) == (0, 2, "x", "y", None)
    assert row.last_write is not None
    assert store.delete("s") is True
    assert store.session_ids() == []
    assert store.store.commands.requests > 20
    assert store.store.commands.billed > 20


def test_what_public_methods_cannot_do_is_refused_before_anything_is_changed(store: Coloured) -> None:
    store.append("s", ["twin", "r1", "twin", "r3"])
    with pytest.raises(StoreError, match="equal records"):
        store.remove("s", 0, "twin")
    with pytest.raises(StoreError, match="in the middle"):
        store.insert("s", 2, ["x"])
    assert store.read("s") == ["twin", "r1", "twin", "r3"]


def test_a_session_that_was_read_is_listed(other_names: CacheClient, store: Coloured) -> None:
    other_names.create_cache(store.store.cache_name)
    other_names.list_push_back(store.store.cache_name, "message_store:theirs", "r")
    assert store.read("theirs") == ["r"]
    assert store.session_ids() == ["theirs"]


def test_a_call_by_a_public_method_ends_by_the_timeout(
    server: LocalMomento, other_names: CacheClient
) -> None:
    for colour in ("sync", "async"):
        store = Coloured(MomentoSessionStore(other_names, "c", timeout_s=0.2), colour)
        server.faults.add("hang", times=1, delay=timedelta(seconds=1))
        with pytest.raises(StoreTimeoutError):
            store.read("s")
        store.end()


def test_a_lost_push_by_a_public_method_is_found(server: LocalMomento, store: Coloured) -> None:
    store.append("s", ["r0"])
    for kind in ("drop_before", "drop_after"):
        server.faults.add(kind, command="ListConcatenateBack")
        store.append("s", [kind])
    assert store.read("s") == ["r0", "drop_before", "drop_after"]


def test_errors_of_public_methods_are_ours_too(server: LocalMomento, store: Coloured) -> None:
    server.faults.add("refuse", command="ListFetch", times=1_000)
    store.store._runner.timeout_s = 0.2
    with pytest.raises(StoreError) as failed:
        store.read("s")
    server.faults.clear()
    assert isinstance(failed.value.__cause__, SdkException)


def test_tasks_wait_at_the_same_time_by_public_methods(
    server: LocalMomento, other_names: CacheClient
) -> None:
    store = MomentoSessionStore(other_names, "c", key_prefix=f"{uuid4().hex}:")

    async def use() -> list[str]:
        await asyncio.gather(*(store.aappend("s", [str(i)]) for i in range(20)))
        return await store.aread("s")

    assert sorted(asyncio.run(use()), key=int) == [str(i) for i in range(20)]


# what is sent


class Recording(grpc.GenericRpcHandler):
    """Keeps the metadata of every call, and refuses it."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []

    def service(self, handler_call_details: Any) -> Any:
        self.metadata.append(dict(handler_call_details.invocation_metadata))
        return None


def test_requests_say_the_versions_and_nothing_else_about_the_client() -> None:
    """As `grpc_channel` says: the key, the SDK's version once, Python's, and gRPC's own user agent."""
    recording = Recording()
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads, handlers=[recording], options=[("grpc.so_reuseport", 0)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        provider = CredentialProvider("token", "127.0.0.1", "127.0.0.1", "127.0.0.1", port)
        with MomentoSessionStore.from_credentials(provider, "c", HOUR) as store:
            for _ in range(2):
                with pytest.raises(StoreError):
                    store.length("s")
        server.stop(None).wait()
    first, second = recording.metadata
    assert set(first) == {"authorization", "agent", "runtime-version", "cache", "user-agent"}
    assert set(first) - set(second) == {"agent"}
    assert first["agent"].startswith("python:cache:")
    assert first["runtime-version"].startswith("python 3.")


def test_a_replacement_by_public_methods_is_one_request(server: LocalMomento, store: Coloured) -> None:
    store.append("s", ["r0", "r1", "r2"])
    for kind in ("drop_before", "drop_after"):
        server.faults.add(kind, command="ListConcatenateBack")
        assert store.replace("s", [kind, "r2"]) == 2
        assert store.read("s") == [kind, "r2"]
    with pytest.raises(StoreError, match="delete a part"):
        store.delete("s", count=1, last="drop_after")
    assert store.length("s") == 2


def test_a_replacement_that_is_refused_after_a_lost_attempt_may_have_been_applied(
    server: LocalMomento, store: Coloured
) -> None:
    store.append("s", ["r0"])
    store.store._runner.timeout_s = 0.3
    server.faults.add("drop_after", command="ListConcatenateBack")
    server.faults.add("refuse", command="ListConcatenateBack", times=1_000)
    with pytest.raises(StoreThrottledError) as failed:
        store.replace("s", ["r1"])
    server.faults.clear()
    assert failed.value.maybe_applied
    assert store.read("s") == ["r1"]
