"""What the Momento store does beyond the contract of both stores: the client, the cache, limits and TTLs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from momento import CacheClient, CacheClientAsync
from momento.responses import CacheListLength

from chatmem_nb.errors import (
    InvalidInputError,
    RecordTooLargeError,
    StoreNotFoundError,
    StoreThrottledError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.wire.momento_sessions import CACHE, HOUR, MakeStore


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture
def store(coloured_momento: Coloured) -> Coloured:
    return coloured_momento


def test_a_constructor_makes_no_request(server: LocalMomento) -> None:
    server.faults.add("refuse", times=1)
    with server.store(ttl=HOUR) as store:
        assert store.commands.requests == 0
    assert len(server.faults) == 1


def test_something_else_than_a_cache_client_is_a_type_error(momento_client: CacheClient) -> None:
    for other in (None, "client", CacheClientAsync, CacheClient):
        with pytest.raises(TypeError, match="CacheClient"):
            MomentoSessionStore(other, CACHE)


@pytest.mark.parametrize("cache_name", ["", None, 7, "naïve", "line\nend"])
def test_a_cache_without_a_name_is_refused(momento_client: CacheClient, cache_name: Any) -> None:
    with pytest.raises(InvalidInputError, match="cache_name"):
        MomentoSessionStore(momento_client, cache_name)


def test_the_client_that_was_given_stays_open(momento_client: CacheClient, make_momento: MakeStore) -> None:
    make_momento().close()
    assert isinstance(momento_client.list_length(CACHE, "k"), CacheListLength.Miss)


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_missing_cache_is_made_at_the_first_use(server: LocalMomento, colour: str) -> None:
    store = Coloured(server.store(uuid4().hex), colour)
    assert store.append("s", ["r"]) == 1
    assert store.read("s") == ["r"]
    store.end()


def test_a_missing_cache_is_made_once_for_all_threads(server: LocalMomento) -> None:
    server.faults.add("delay", command="CreateCache", times=20, delay=timedelta(milliseconds=50))
    with server.store(uuid4().hex) as store, ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda i: store.append(f"s{i}", ["r"]), range(16)))
        assert sorted(store.session_ids()) == sorted(f"s{i}" for i in range(16))
    assert len(server.faults) == 19


def test_a_cache_that_is_there_is_not_asked_for(server: LocalMomento, make_momento: MakeStore) -> None:
    server.faults.add("refuse", command="CreateCache")
    make_momento().append("s", ["r"])
    assert len(server.faults) == 1


def test_a_missing_cache_stays_missing_where_it_is_not_to_be_made(server: LocalMomento) -> None:
    with (
        server.store(uuid4().hex, ensure_cache_exists=False) as store,
        pytest.raises(StoreNotFoundError, match="cache"),
    ):
        store.append("s", ["r"])


def test_a_record_over_the_element_limit_is_refused_before_anything_is_sent(store: Coloured) -> None:
    largest = "x" * (128 * 1024)
    for call in (
        lambda: store.append("s", ["small", largest + "x"]),
        lambda: store.insert("s", 0, ["small", largest + "x"]),
        lambda: store.replace("s", ["small", largest + "x"]),
        lambda: store.append("s", ["漢" * 44_000]),
    ):
        with pytest.raises(RecordTooLargeError, match=r"record [01] has 13"):
            call()
    assert store.store.commands.requests == 0
    assert store.append("s", [largest]) == 1


def test_the_limits_can_be_set(make_momento: MakeStore) -> None:
    store = make_momento(max_element_bytes=10)
    with pytest.raises(RecordTooLargeError):
        store.append("s", ["x" * 11])
    for limit in (0, -1, "10", None):
        with pytest.raises(InvalidInputError, match="max_element_bytes"):
            make_momento(max_element_bytes=limit)


def test_a_record_with_a_lone_surrogate_is_refused(store: Coloured) -> None:
    with pytest.raises(InvalidInputError, match=r"record 1 .* surrogate"):
        store.append("s", ["ok", "\ud800"])
    assert store.store.commands.requests == 0


def test_a_batch_over_the_request_limit_goes_in_parts(make_momento: MakeStore) -> None:
    store = make_momento(max_request_bytes=1_000, index=False)
    records = [f"{i:03}" + "x" * 97 for i in range(95)]
    assert store.append("s", records) == 95
    assert store.commands.requests == 1 + 11  # the length before, then the parts
    assert store.read("s") == records


def test_a_batch_of_more_than_five_megabytes_is_stored_whole(store: Coloured) -> None:
    records = [f"{i:03}" + "x" * 120_000 for i in range(100)]
    assert store.append("s", records) == 100
    assert store.read("s") == records
    assert store.read("s", -60) == records[-60:]
    assert store.summaries(["s"])[0].last == records[-1]
    assert [record for _, _, piece in store.read_many(["s"]) for record in piece] == records


def test_the_error_of_a_part_says_how_many_records_are_stored(
    server: LocalMomento, make_momento: MakeStore
) -> None:
    store = make_momento(max_request_bytes=1_000, index=False, timeout_s=1.0)
    records = [f"{i:03}" + "x" * 97 for i in range(27)]
    server.faults.add("delay", command="ListConcatenateBack", times=2)
    server.faults.add("refuse", command="ListConcatenateBack", times=1_000)
    with pytest.raises(StoreThrottledError, match="18 of 27 records were stored") as failed:
        store.append("t", records)
    server.faults.clear()
    assert failed.value.records_stored == 18
    store.append("t", records[18:])
    assert store.read("t") == records


def test_a_session_has_the_ttl_of_the_store(momento_client: CacheClient, make_momento: MakeStore) -> None:
    make_momento(ttl=timedelta(seconds=100)).append("s", ["r"])
    make_momento(ttl=timedelta(seconds=200)).append("s", ["r"])
    make_momento().append("t", ["r"])
    s, t = make_momento().summaries(["s", "t"])
    assert s.ttl is not None
    assert timedelta(seconds=150) < s.ttl <= timedelta(seconds=200)
    assert t.ttl is not None
    assert timedelta(minutes=59) < t.ttl <= HOUR


def test_an_append_sets_the_ttl_in_the_push_itself(make_momento: MakeStore) -> None:
    store = make_momento(ttl=timedelta(seconds=100), index=False)
    store.append("s", NewRecords(["r"]))
    assert store.commands.requests == 1
    ttl = store.summaries(["s"])[0].ttl
    assert ttl is not None
    assert ttl <= timedelta(seconds=100)


def test_an_insertion_leaves_the_ttl_of_an_existing_session(store: Coloured) -> None:
    store.replace("s", ["r0", "r1", "r2"], ttl=timedelta(seconds=100))
    for index in (0, 1, 4, 9):
        store.insert("s", index, ["x"], ttl=HOUR)
    store.insert("new", 0, ["x"], ttl=timedelta(seconds=100))
    for row in store.summaries(["s", "new"]):
        assert row.ttl is not None
        assert row.ttl <= timedelta(seconds=100)


def test_a_replacement_sets_the_ttl(store: Coloured) -> None:
    store.replace("s", ["r0"], ttl=timedelta(seconds=100))
    store.replace("s", ["r1"], ttl=timedelta(seconds=300))
    ttl = store.summaries(["s"])[0].ttl
    assert ttl is not None
    assert timedelta(seconds=200) < ttl <= timedelta(seconds=300)


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(microseconds=999), 60])
def test_an_invalid_ttl_is_refused_before_anything_is_sent(store: Coloured, ttl: Any) -> None:
    for call in (lambda: store.insert("s", 0, ["r"], ttl=ttl), lambda: store.replace("s", ["r"], ttl=ttl)):
        with pytest.raises(InvalidInputError, match="ttl"):
            call()
    assert store.store.commands.requests == 0
