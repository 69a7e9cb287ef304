"""LocalMomento as a server: who gets in, what the network does to a call, how it starts and ends."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from momento import CacheClient, Configurations, CredentialProvider
from momento.errors import MomentoErrorCode
from momento.requests import CollectionTtl
from momento.retry import FixedCountRetryStrategy

from chatmem_nb.local import LocalMomento
from chatmem_nb.local.momento import MomentoLimits
from tests.waiting import until

CACHE = "c"


@contextmanager
def client_of(
    server: LocalMomento, timeout: timedelta = timedelta(seconds=15), **changes: Any
) -> Iterator[CacheClient]:
    """An SDK client that never retries, with the cache made."""
    provider = server.credential_provider
    for name, value in changes.items():
        setattr(provider, name, value)
    once = Configurations.Laptop.v1().with_client_timeout(timeout)
    once = once.with_retry_strategy(FixedCountRetryStrategy(max_attempts=0))
    with CacheClient(once, provider, timedelta(hours=1)) as client:
        client.create_cache(CACHE)
        yield client


@pytest.fixture
def server() -> Iterator[LocalMomento]:
    with LocalMomento() as server:
        yield server


@pytest.fixture
def client(server: LocalMomento) -> Iterator[CacheClient]:
    with client_of(server) as client:
        yield client


def code(response: Any) -> MomentoErrorCode | None:
    return getattr(response, "error_code", None)


def fetched(client: CacheClient, name: str = "l") -> list[str]:
    return list(getattr(client.list_fetch(CACHE, name), "value_list_string", []))


def test_the_token_is_new_each_time_and_shown_nowhere(server: LocalMomento) -> None:
    with LocalMomento() as other:
        assert server.token != other.token
    assert len(server.token) >= 40
    assert server.token not in repr(server) + repr(server.credential_provider) + repr(server.faults)


@pytest.mark.parametrize("token", ["", "wrong", "élan".encode().hex()])
def test_a_wrong_token_is_refused(server: LocalMomento, token: str) -> None:
    with client_of(server, auth_token=token) as client:
        for response in (client.list_caches(), client.get(CACHE, "k"), client.create_cache("x")):
            assert code(response) is MomentoErrorCode.AUTHENTICATION_ERROR
            assert server.token not in response.message


def test_a_token_can_be_chosen_or_turned_off() -> None:
    with LocalMomento(token="mine") as server, client_of(server, auth_token="mine") as client:
        assert code(client.list_caches()) is None
    with LocalMomento(token="") as server:
        for token in ("", "anything"):
            with client_of(server, auth_token=token) as client:
                assert code(client.list_caches()) is None
        local = CredentialProvider.for_momento_local(server.host, server.port)
        with CacheClient(Configurations.Laptop.v1(), local, timedelta(hours=1)) as client:
            assert code(client.list_caches()) is None


def test_it_listens_on_loopback_only_by_default() -> None:
    with pytest.raises(ValueError, match="expose"):
        LocalMomento(host="0.0.0.0")
    with LocalMomento(host="0.0.0.0", expose=True) as server, client_of(server) as client:
        assert code(client.list_caches()) is None


def test_two_servers_never_share_a_port(server: LocalMomento) -> None:
    with pytest.raises(OSError, match=str(server.port)):
        LocalMomento(server.port)
    with LocalMomento() as other:
        assert other.port != server.port


def test_a_port_is_free_again_after_close() -> None:
    with LocalMomento() as server:
        port = server.port
    with LocalMomento(port) as server, client_of(server) as client:
        assert server.port == port
        assert code(client.list_caches()) is None


def test_closing_is_idempotent(server: LocalMomento) -> None:
    server.close()
    server.close()
    with client_of(server) as client:
        assert code(client.list_caches()) is MomentoErrorCode.SERVER_UNAVAILABLE


def test_closing_ends_calls_that_hang(server: LocalMomento, client: CacheClient) -> None:
    server.faults.add("hang", command="Get")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, CACHE, "k")
        while len(server.faults):
            time.sleep(0.01)
        server.close()
        assert code(answer.result(10)) in (
            MomentoErrorCode.SERVER_UNAVAILABLE,
            MomentoErrorCode.CANCELLED_ERROR,
        )


def test_closing_leaves_no_thread_behind() -> None:
    def workers() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("local-momento")}

    before = workers()
    with LocalMomento() as server, client_of(server) as client:
        client.list_caches()
        assert workers() - before
    assert workers() <= before


def test_a_program_that_forgets_to_close_ends() -> None:
    program = """
from datetime import timedelta
from momento import CacheClient, Configurations
from chatmem_nb.local import LocalMomento
server = LocalMomento()
client = CacheClient(Configurations.Laptop.v1(), server.credential_provider, timedelta(hours=1))
print(type(client.create_cache("c")).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "Success\n"), done.stderr


def test_importing_the_servers_loads_no_service() -> None:
    program = """
import sys
import chatmem_nb.local
print([name for name in ("grpc", "momento", "momento_wire_types", "fakeredis") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
def test_an_idle_client_that_pings_is_not_cut_off(server: LocalMomento) -> None:
    pings = [
        ("grpc.keepalive_time_ms", 200),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    states: list[grpc.ChannelConnectivity] = []
    with grpc.insecure_channel(f"{server.host}:{server.port}", options=pings) as channel:
        grpc.channel_ready_future(channel).result(10)
        channel.subscribe(states.append)
        time.sleep(4)  # a server with gRPC's own settings hangs up after about three seconds
    assert set(states) <= {grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.SHUTDOWN}


LOST = [
    ("drop_before", MomentoErrorCode.SERVER_UNAVAILABLE, []),
    ("drop_after", MomentoErrorCode.SERVER_UNAVAILABLE, ["a"]),
    ("cut", MomentoErrorCode.INTERNAL_SERVER_ERROR, ["a"]),
    ("html", MomentoErrorCode.SERVER_UNAVAILABLE, ["a"]),
    ("refuse", MomentoErrorCode.LIMIT_EXCEEDED_ERROR, []),
    ("hang", MomentoErrorCode.SERVER_UNAVAILABLE, []),
]


@pytest.mark.parametrize(("kind", "expected", "held"), LOST, ids=[kind for kind, _, _ in LOST])
def test_a_fault_meets_one_call_and_applies_it_or_not(
    server: LocalMomento, client: CacheClient, kind: Any, expected: MomentoErrorCode, held: list[str]
) -> None:
    server.faults.add(kind, command="listpushback", delay=timedelta(milliseconds=100))
    assert fetched(client) == []
    assert code(client.list_push_back(CACHE, "l", "a")) is expected
    assert fetched(client) == held
    assert code(client.list_push_back(CACHE, "l", "b")) is None
    assert fetched(client) == [*held, "b"]


@pytest.mark.parametrize(
    ("kind", "applied"), [("delay", True), ("drop_after", True), ("drop_before", False), ("hang", False)]
)
def test_a_held_call_ends_when_it_is_released(
    server: LocalMomento, client: CacheClient, kind: Any, applied: bool
) -> None:
    server.faults.add(kind, command="ListPushBack", delay=timedelta(seconds=60))
    with ThreadPoolExecutor(1) as pool:
        push = pool.submit(client.list_push_back, CACHE, "l", "a")
        until(lambda: server.faults.held)
        assert fetched(client) == (["a"] if applied else [])
        server.faults.release()
        assert (code(push.result()) is None) == (kind == "delay")
    assert server.faults.held == 0


def test_a_response_is_lost_whatever_it_holds(server: LocalMomento, client: CacheClient) -> None:
    server.faults.add("drop_after")
    assert code(client.list_fetch("no such cache", "l")) is MomentoErrorCode.SERVER_UNAVAILABLE


def test_a_request_is_applied_before_its_delayed_response(server: LocalMomento, client: CacheClient) -> None:
    server.faults.add("delay", command="ListPushBack", delay=timedelta(seconds=30))
    with client_of(server, timeout=timedelta(seconds=1)) as hasty:
        assert code(hasty.get(CACHE, "k")) is None  # connected: the time is for the push alone
        assert code(hasty.list_push_back(CACHE, "l", "a")) is MomentoErrorCode.TIMEOUT_ERROR
    assert fetched(client) == ["a"]


def test_a_call_that_hangs_is_let_go_with_its_caller(server: LocalMomento, client: CacheClient) -> None:
    server.faults.add("hang", times=2, command="ListPushBack")
    with client_of(server, timeout=timedelta(milliseconds=300)) as hasty:
        for _ in range(2):
            assert code(hasty.list_push_back(CACHE, "l", "a")) is MomentoErrorCode.TIMEOUT_ERROR
    assert fetched(client) == []


def test_latency_holds_every_call_and_can_be_changed(server: LocalMomento, client: CacheClient) -> None:
    with client_of(server, timeout=timedelta(milliseconds=300)) as hasty:
        server.latency = timedelta(seconds=1)
        assert code(hasty.get(CACHE, "k")) is MomentoErrorCode.TIMEOUT_ERROR
    server.latency = timedelta(0)
    assert code(client.get(CACHE, "k")) is None
    with LocalMomento(latency=timedelta(seconds=2)) as slow:
        assert slow.latency == timedelta(seconds=2)


def test_held_calls_do_not_hold_up_each_other(server: LocalMomento, client: CacheClient) -> None:
    server.latency = timedelta(milliseconds=500)
    started = threading.Barrier(48)
    # One after the other, these would take 24 seconds, and this client gives up before.
    with client_of(server, timeout=timedelta(seconds=12)) as hasty, ThreadPoolExecutor(48) as pool:

        def push(number: int) -> Any:
            started.wait()
            return hasty.list_push_back(CACHE, "l", str(number))

        assert {code(response) for response in pool.map(push, range(48))} == {None}
    server.latency = timedelta(0)
    assert sorted(map(int, fetched(client))) == list(range(48))


def test_no_write_of_many_threads_is_lost(server: LocalMomento, client: CacheClient) -> None:
    def work(worker: int) -> None:
        for number in range(25):
            assert code(client.list_push_back(CACHE, "l", f"{worker}/{number}")) is None
            assert code(client.increment(CACHE, "n")) is None

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    held = fetched(client)
    assert len(held) == len(set(held)) == 16 * 25
    for worker in range(16):
        mine = [int(text.split("/")[1]) for text in held if text.startswith(f"{worker}/")]
        assert mine == list(range(25))
    assert client.get(CACHE, "n").value_string == "400"


MESSAGE = 5_243_000
ELEMENT = 128 * 1024
Write = Callable[[CacheClient, int], Any]
WRITES: dict[str, Write] = {
    "list_push_back": lambda client, size: client.list_push_back(CACHE, "l", b"x" * size),
    "list_push_front": lambda client, size: client.list_push_front(CACHE, "l", b"x" * size),
    "list_concatenate_back": lambda client, size: client.list_concatenate_back(
        CACHE, "l", ["a", b"x" * size]
    ),
    "list_concatenate_front": lambda client, size: client.list_concatenate_front(
        CACHE, "l", [b"x" * size, "a"]
    ),
    "sorted_set_put_element": lambda client, size: client.sorted_set_put_element(
        CACHE, "l", b"x" * size, 1.0
    ),
    "sorted_set_increment_score": lambda client, size: client.sorted_set_increment_score(
        CACHE, "l", b"x" * size, 1.0
    ),
    "dictionary_set_field": lambda client, size: client.dictionary_set_field(CACHE, "l", "f", b"x" * size),
    "set_add_element": lambda client, size: client.set_add_element(CACHE, "l", b"x" * size),
}


@pytest.mark.parametrize("name", WRITES)
def test_an_element_over_the_limit_is_refused_and_named(client: CacheClient, name: str) -> None:
    refused = WRITES[name](client, ELEMENT + 1)
    assert code(refused) is MomentoErrorCode.LIMIT_EXCEEDED_ERROR
    assert "Element size limit exceeded" in refused.message
    assert code(client.list_push_back(CACHE, "l", "nothing was there")) is None
    client.delete(CACHE, "l")
    assert code(WRITES[name](client, ELEMENT)) is None


def test_too_many_requests_are_named_as_such(server: LocalMomento, client: CacheClient) -> None:
    server.faults.add("refuse")
    assert "Request rate limit exceeded" in client.get(CACHE, "k").message


def test_a_ttl_over_the_limit_is_rejected(client: CacheClient) -> None:
    day = timedelta(hours=24)
    over = day + timedelta(milliseconds=1)
    for ttl, expected in ((over, MomentoErrorCode.INVALID_ARGUMENT_ERROR), (day, None)):
        assert code(client.set(CACHE, "k", "v", ttl=ttl)) is expected
        assert code(client.list_push_back(CACHE, "l", "v", ttl=CollectionTtl(ttl))) is expected


def test_a_request_over_the_limit_is_refused() -> None:
    with LocalMomento(limits=MomentoLimits(message_bytes=10_000)) as server, client_of(server) as client:
        assert code(client.set(CACHE, "k", b"x" * 10_000)) is MomentoErrorCode.LIMIT_EXCEEDED_ERROR
        assert code(client.set(CACHE, "k", b"x" * 9_000)) is None


def test_a_response_over_the_limit_is_rejected_by_the_sdk(client: CacheClient) -> None:
    for _ in range(41):
        client.list_push_back(CACHE, "l", b"x" * ELEMENT)
    refused = client.list_fetch(CACHE, "l")
    assert code(refused) is MomentoErrorCode.LIMIT_EXCEEDED_ERROR
    assert refused.message.startswith("Limit exceeded for this account")


def test_limits_can_be_turned_off() -> None:
    with LocalMomento(limits=None) as server, client_of(server) as client:
        assert code(client.list_push_back(CACHE, "l", b"x" * (MESSAGE - 1000))) is None
        assert code(client.set(CACHE, "k", "v", ttl=timedelta(days=365))) is None


def test_expired_items_are_swept(server: LocalMomento, client: CacheClient) -> None:
    from chatmem_nb.local.momento.caches import Item

    def held() -> int:
        gc.collect()
        return sum(isinstance(thing, Item) for thing in gc.get_objects())

    before = held()
    for number in range(200):
        client.set(CACHE, f"k{number}", "v", ttl=timedelta(milliseconds=200))
    assert held() > before

    def swept() -> bool:
        client.set(CACHE, "last", "v")
        return held() <= before + 1

    until(swept)


HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a client begins: the preface, and empty settings."""
SHORT, LONG = timedelta(milliseconds=300), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("limits", "first"),
    [
        (MomentoLimits(handshake_timeout=SHORT, idle_timeout=LONG), b""),
        (MomentoLimits(handshake_timeout=LONG, idle_timeout=SHORT), HTTP_2),
    ],
    ids=["handshake", "idle"],
)
def test_a_silent_connection_ends(limits: MomentoLimits, first: bytes) -> None:
    with (
        LocalMomento(limits=limits) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection,
    ):
        connection.sendall(first)
        while connection.recv(65_536):
            """Settings, then a farewell (GOAWAY), then the end."""


def test_the_sdk_connects_again_after_an_idle_time() -> None:
    with LocalMomento(limits=MomentoLimits(idle_timeout=SHORT)) as server, client_of(server) as client:
        client.list_push_back(CACHE, "l", "before")
        threading.Event().wait(3 * SHORT.total_seconds())
        client.list_push_back(CACHE, "l", "after")
        assert fetched(client) == ["before", "after"]
