"""What LocalMomento counts: https://docs.momentohq.com/cache/manage/operations"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from momento import CacheClient, Configurations
from momento.retry import FixedCountRetryStrategy
from momento_wire_types import cacheclient_pb2 as pb
from momento_wire_types import cacheclient_pb2_grpc

from chatmem_nb.local import LocalMomento

CACHE = "c"
SHORT, LONG = "x" * 10, "x" * 3000


@pytest.fixture(scope="module")
def server() -> Iterator[LocalMomento]:
    with LocalMomento() as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LocalMomento) -> Iterator[CacheClient]:
    once = Configurations.Laptop.v1().with_retry_strategy(FixedCountRetryStrategy(max_attempts=0))
    with CacheClient(once, server.credential_provider, timedelta(hours=1)) as client:
        client.create_cache(CACHE)
        client.list_concatenate_back(CACHE, "hundred", [SHORT] * 100)
        client.list_concatenate_back(CACHE, "long", [LONG] * 2)
        client.sorted_set_put_elements(CACHE, "index", {f"s{number}": 1.0 for number in range(30)})
        client.dictionary_set_fields(CACHE, "dictionary", {"a": SHORT, "b": LONG})
        client.set_add_elements(CACHE, "set", ["a", "b", "c"])
        client.set(CACHE, "scalar", LONG)
        yield client


Call = Callable[[CacheClient], Any]
COSTS: dict[str, tuple[int, Call]] = {
    "100 short records pushed": (100, lambda client: client.list_concatenate_back(CACHE, "l", [SHORT] * 100)),
    "100 short records read": (100, lambda client: client.list_fetch(CACHE, "hundred")),
    "a record of 3,000 bytes pushed": (3, lambda client: client.list_push_back(CACHE, "l", LONG)),
    "a record of 1,024 bytes pushed": (1, lambda client: client.list_push_back(CACHE, "l", "x" * 1024)),
    "a record of 1,025 bytes pushed": (2, lambda client: client.list_push_front(CACHE, "l", "x" * 1025)),
    "an empty record pushed": (1, lambda client: client.list_push_back(CACHE, "l", b"")),
    "two records of 3,000 bytes read": (6, lambda client: client.list_fetch(CACHE, "long")),
    "a list that is not there": (1, lambda client: client.list_fetch(CACHE, "none")),
    "a length": (1, lambda client: client.list_length(CACHE, "hundred")),
    "a session named in the index": (
        1,
        lambda client: client.sorted_set_put_element(CACHE, "index", "s0", 2.0),
    ),
    "30 sessions listed": (30, lambda client: client.sorted_set_fetch_by_score(CACHE, "index")),
    "a score": (1, lambda client: client.sorted_set_get_score(CACHE, "index", "s0")),
    "two names removed": (2, lambda client: client.sorted_set_remove_elements(CACHE, "index", ["x", "y"])),
    "a scalar read": (3, lambda client: client.get(CACHE, "scalar")),
    "a scalar set": (3, lambda client: client.set(CACHE, "k", LONG)),
    "an item deleted": (1, lambda client: client.delete(CACHE, "k")),
    "two fields set": (4, lambda client: client.dictionary_set_fields(CACHE, "d", {"a": SHORT, "b": LONG})),
    "a dictionary read": (4, lambda client: client.dictionary_fetch(CACHE, "dictionary")),
    "a set read": (3, lambda client: client.set_fetch(CACHE, "set")),
    "a cache made": (1, lambda client: client.create_cache("another")),
    "a call that fails": (1, lambda client: client.list_push_back(CACHE, "scalar", LONG)),
    "a cache that is not there": (1, lambda client: client.list_fetch("none", "l")),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_call_costs_what_the_price_rule_says(server: LocalMomento, client: CacheClient, name: str) -> None:
    cost, call = COSTS[name]
    requests, billed = server.commands.requests, server.commands.billed
    call(client)
    assert (server.commands.requests - requests, server.commands.billed - billed) == (1, cost)


def test_a_consistent_read_costs_double_and_a_write_does_not(
    server: LocalMomento, client: CacheClient
) -> None:
    metadata = [("authorization", server.token), ("cache", CACHE), ("read-concern", "consistent")]
    with grpc.insecure_channel(f"{server.host}:{server.port}") as channel:
        stub = cacheclient_pb2_grpc.ScsStub(channel)
        before = server.commands.billed
        stub.ListFetch(pb._ListFetchRequest(list_name=b"hundred"), metadata=metadata)
        assert server.commands.billed - before == 200
        before = server.commands.billed
        last = pb._ListFetchRequest(list_name=b"hundred", inclusive_start=-20)
        stub.ListFetch(last, metadata=metadata[:2])
        assert server.commands.billed - before == 20
        before = server.commands.billed
        push = pb._ListPushBackRequest(list_name=b"l", value=b"x", ttl_milliseconds=1000)
        stub.ListPushBack(push, metadata=metadata)
        assert server.commands.billed - before == 1


@pytest.mark.parametrize(
    ("kind", "cost"),
    [("drop_before", 0), ("refuse", 0), ("hang", 0), ("drop_after", 3), ("cut", 3), ("error", 0)],
)
def test_a_call_that_was_applied_costs_even_if_its_response_is_lost(
    server: LocalMomento, client: CacheClient, kind: Any, cost: int
) -> None:
    before = server.commands.billed
    code = "unavailable" if kind == "error" else ""
    delay = timedelta(milliseconds=20 if kind == "hang" else 0)
    server.faults.add(kind, command="ListPushBack", code=code, delay=delay)
    client.list_push_back(CACHE, "l", LONG)
    assert server.commands.billed - before == cost


def test_a_wrong_token_costs_nothing(server: LocalMomento, client: CacheClient) -> None:
    before = server.commands.requests, server.commands.billed
    provider = server.credential_provider
    provider.auth_token = "wrong"
    with CacheClient(Configurations.Laptop.v1(), provider, timedelta(hours=1)) as stranger:
        assert stranger.list_fetch(CACHE, "hundred").message
    assert (server.commands.requests, server.commands.billed) == before


@pytest.mark.parametrize("code", ["unavailable", "RESOURCE_EXHAUSTED", "not-found"])
def test_the_fault_error_responds_with_its_code(server: LocalMomento, client: CacheClient, code: str) -> None:
    server.faults.add("error", command="ListLength", code=code, times=2)
    names = {
        "unavailable": "SERVER_UNAVAILABLE",
        "RESOURCE_EXHAUSTED": "LIMIT_EXCEEDED",
        "not-found": "NOT_FOUND",
    }
    for _ in range(2):
        assert names[code] in client.list_length(CACHE, "hundred").error_code.name
    assert client.list_length(CACHE, "hundred").length == 100


def test_the_fault_error_needs_a_code(server: LocalMomento) -> None:
    with pytest.raises(ValueError, match="code"):
        server.faults.add("error")
    with pytest.raises(ValueError, match="code"):
        server.faults.add("cut", code="unavailable")
