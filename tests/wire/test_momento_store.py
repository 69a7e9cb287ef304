"""What the Momento store does beyond the contract that both stores share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from momento import CacheClient, CacheClientAsync, Configurations
from momento.responses import CacheListLength, CacheSortedSetFetch

from chatmem_nb.errors import (
    InvalidInputError,
    RecordTooLargeError,
    StoreNotFoundError,
    StoreThrottledError,
    WrongTypeError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.momento.commands import GetTtl
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.momento_wire import ask

CACHE = "chatmem"
HOUR = timedelta(hours=1)

Make = Callable[..., MomentoSessionStore]


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture
def client(server: LocalMomento) -> Iterator[CacheClient]:
    """The SDK's own client, as somebody else would use the same cache."""
    with CacheClient(Configurations.Laptop.v1(), server.credential_provider, HOUR) as client:
        client.create_cache(CACHE)
        yield client


@pytest.fixture
def make(client: CacheClient) -> Make:
    """Makes stores over one client; each test has a prefix of its own."""
    prefix = f"{uuid4().hex}:"
    return lambda **options: MomentoSessionStore(client, CACHE, **{"key_prefix": prefix, **options})


@pytest.fixture(params=["sync", "async"])
def store(request: pytest.FixtureRequest, make: Make) -> Iterator[Coloured]:
    coloured = Coloured(make(), request.param)
    yield coloured
    coloured.end()


def length(client: CacheClient, store: MomentoSessionStore, session_id: str) -> int:
    response = client.list_length(CACHE, store.key_prefix + session_id)
    return response.length if isinstance(response, CacheListLength.Hit) else 0


def names(client: CacheClient, store: MomentoSessionStore) -> list[str]:
    response = client.sorted_set_fetch_by_rank(CACHE, "chatmem_nb:sessions:" + store.key_prefix)
    return (
        [name for name, _ in response.value_list_string]
        if isinstance(response, CacheSortedSetFetch.Hit)
        else []
    )


# the client and the cache


def test_a_constructor_makes_no_request(server: LocalMomento) -> None:
    server.faults.add("refuse", times=1)
    with server.store(ttl=HOUR) as store:
        assert store.commands.requests == 0
    assert len(server.faults) == 1


def test_something_else_than_a_cache_client_is_a_type_error(client: CacheClient) -> None:
    for other in (None, "client", CacheClientAsync, CacheClient):
        with pytest.raises(TypeError, match="CacheClient"):
            MomentoSessionStore(other, CACHE)


@pytest.mark.parametrize("cache_name", ["", None, 7, "naïve", "line\nend"])
def test_a_cache_without_a_name_is_refused(client: CacheClient, cache_name: Any) -> None:
    with pytest.raises(InvalidInputError, match="cache_name"):
        MomentoSessionStore(client, cache_name)


def test_the_client_that_was_given_stays_open(client: CacheClient, make: Make) -> None:
    make().close()
    assert isinstance(client.list_length(CACHE, "k"), CacheListLength.Miss)


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


def test_a_cache_that_is_there_is_not_asked_for(server: LocalMomento, make: Make) -> None:
    server.faults.add("refuse", command="CreateCache")
    make().append("s", ["r"])
    assert len(server.faults) == 1


def test_a_missing_cache_stays_missing_where_it_is_not_to_be_made(server: LocalMomento) -> None:
    with (
        server.store(uuid4().hex, ensure_cache_exists=False) as store,
        pytest.raises(StoreNotFoundError, match="cache"),
    ):
        store.append("s", ["r"])


# limits


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


def test_the_limits_can_be_set(make: Make) -> None:
    store = make(max_element_bytes=10)
    with pytest.raises(RecordTooLargeError):
        store.append("s", ["x" * 11])
    for limit in (0, -1, "10", None):
        with pytest.raises(InvalidInputError, match="max_element_bytes"):
            make(max_element_bytes=limit)


def test_a_record_with_a_lone_surrogate_is_refused(store: Coloured) -> None:
    with pytest.raises(InvalidInputError, match=r"record 1 .* surrogate"):
        store.append("s", ["ok", "\ud800"])
    assert store.store.commands.requests == 0


def test_a_batch_over_the_request_limit_goes_in_parts(make: Make) -> None:
    store = make(max_request_bytes=1_000, index=False)
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


def test_the_error_of_a_part_says_how_many_records_are_stored(server: LocalMomento, make: Make) -> None:
    store = make(max_request_bytes=1_000, index=False, timeout_s=1.0)
    records = [f"{i:03}" + "x" * 97 for i in range(27)]
    server.faults.add("delay", command="ListConcatenateBack", times=2)
    server.faults.add("refuse", command="ListConcatenateBack", times=1_000)
    with pytest.raises(StoreThrottledError, match="18 of 27 records were stored") as failed:
        store.append("t", records)
    server.faults.clear()
    assert failed.value.records_stored == 18
    store.append("t", records[18:])
    assert store.read("t") == records


# TTL


def test_a_session_has_the_ttl_of_the_store(client: CacheClient, make: Make) -> None:
    make(ttl=timedelta(seconds=100)).append("s", ["r"])
    make(ttl=timedelta(seconds=200)).append("s", ["r"])
    make().append("t", ["r"])
    s, t = make().summaries(["s", "t"])
    assert s.ttl is not None
    assert timedelta(seconds=150) < s.ttl <= timedelta(seconds=200)
    assert t.ttl is not None
    assert timedelta(minutes=59) < t.ttl <= HOUR


def test_an_append_sets_the_ttl_in_the_push_itself(make: Make) -> None:
    store = make(ttl=timedelta(seconds=100), index=False)
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


# reading


def test_records_that_are_no_text_hide_no_others(client: CacheClient, store: Coloured) -> None:
    client.list_concatenate_back(CACHE, store.store.key_prefix + "s", [b"r0", b"\xff\x00", "漢"])
    assert store.read("s") == ["r0", "\\xff\x00", "漢"]
    assert store.remove("s", 1, "\\xff\x00") is True
    assert store.read("s") == ["r0", "漢"]


def test_a_read_is_stable_while_others_append(make: Make) -> None:
    store, other = make(), make()
    store.append("s", [str(i) for i in range(8_000)])
    stop = threading.Event()

    def append() -> None:
        at = 8_000
        while not stop.is_set():
            other.append("s", [str(at)])
            at += 1

    writer = threading.Thread(target=append)
    writer.start()
    try:
        for _ in range(5):
            records = store.read("s")
            assert records == [str(i) for i in range(len(records))]
            assert len(records) >= 8_000
    finally:
        stop.set()
        writer.join()


def test_the_last_records_cost_one_request(make: Make) -> None:
    store = make(index=False)
    store.append("s", [str(i) for i in range(5_000)])
    before = store.commands.requests
    assert store.read("s", -20) == [str(i) for i in range(4_980, 5_000)]
    assert store.commands.requests == before + 1


def test_operations_are_counted_as_momento_bills_them(store: Coloured) -> None:
    """docs.momentohq.com/cache/manage/operations: each 1,024 bytes of each element, each call at least 1."""
    commands, spent = store.store.commands, 0

    def cost() -> int:
        nonlocal spent
        before, spent = spent, commands.billed
        return spent - before

    assert store.append("s", NewRecords(["short"] * 100)) == 100
    assert cost() == 101  # and the name
    assert len(store.read("s", -20)) == 20
    assert cost() == 20
    assert store.append("s", NewRecords(["x" * 3_000])) == 101
    assert cost() == 4
    assert store.read("s", -1) == ["x" * 3_000]
    assert cost() == 3
    store.append("s", ["may be there already"])
    assert cost() == 3  # its length is asked for first
    store.length("s")
    assert cost() == 1


def test_records_that_may_be_there_already_cost_one_look_at_the_length(make: Make) -> None:
    store = make(index=False)
    store.append("s", ["r"])
    assert (store.commands.requests, store.commands.billed) == (2, 2)
    store.append("s", NewRecords(["new"]))
    assert (store.commands.requests, store.commands.billed) == (3, 3)


@pytest.mark.parametrize("index", [1.5, "0", None, True])
def test_an_index_must_be_an_integer(store: Coloured, index: Any) -> None:
    with pytest.raises(InvalidInputError, match="start must be an integer") as refused:
        store.read("s", index)
    assert refused.value.field == "start"
    with pytest.raises(InvalidInputError, match="index"):
        store.insert("s", index, ["r"])
    with pytest.raises(InvalidInputError, match="index"):
        store.remove("s", index, "r")


def test_a_key_that_is_no_list_is_no_session(client: CacheClient, store: Coloured) -> None:
    client.set(CACHE, store.store.key_prefix + "s", "scalar")
    for call in (
        lambda: store.read("s"),
        lambda: store.length("s"),
        lambda: store.append("s", ["r"]),
        lambda: store.delete("s"),
    ):
        with pytest.raises(WrongTypeError):
            call()
    assert store.summaries(["s"])[0].length == 0


# insertions, replacements, removals


@pytest.mark.parametrize("index", [1, 2, 9, 18, 19])
def test_an_insertion_in_parts_keeps_the_order(make: Make, index: int) -> None:
    store = make(max_request_bytes=250)
    expected = [f"{i:02}" + "x" * 48 for i in range(20)]
    store.append("s", expected)
    inserted = [f"new {i}" + "y" * 44 for i in range(6)]
    expected[index:index] = inserted
    assert store.insert("s", index, inserted) == 26
    assert store.read("s") == expected


def test_an_insertion_near_the_end_costs_what_stands_behind_it(make: Make) -> None:
    store = make(index=False)
    store.append("s", ["x" * 100 for _ in range(5_000)])
    before = store.commands.bytes_sent
    store.insert("s", 4_998, ["y"])
    assert store.commands.bytes_sent - before < 1_000


def test_a_replacement_by_equal_records_keeps_them(store: Coloured) -> None:
    records = ["same", "same", "other"]
    for _ in range(3):
        assert store.replace("s", records) == 3
        assert store.read("s") == records


def test_a_removal_counts_from_either_end(store: Coloured) -> None:
    store.append("s", ["r0", "r1", "r2"])
    assert store.remove("s", -1, "r2") is True
    assert store.remove("s", -3, "r0") is False
    assert store.remove("s", -2, "r0") is True
    assert store.read("s") == ["r1"]


# the index of the sessions


def test_delete_forgets_the_name(client: CacheClient, store: Coloured) -> None:
    store.append("s", ["r"])
    assert names(client, store.store) == ["s"]
    store.delete("s")
    assert names(client, store.store) == []


def test_sessions_come_last_written_first(store: Coloured) -> None:
    for name in ("a", "b", "c", "a"):
        store.append(name, ["r"])
    assert store.session_ids() == ["a", "c", "b"]


def test_the_last_write_is_known(store: Coloured) -> None:
    before = datetime.now(UTC)
    store.append("s", ["r"])
    last_write = store.summaries(["none", "s"])[1].last_write
    assert last_write is not None
    assert before <= last_write <= datetime.now(UTC)


def test_a_session_of_somebody_else_is_listed_once_it_was_read(client: CacheClient, store: Coloured) -> None:
    client.list_push_back(CACHE, store.store.key_prefix + "theirs", "r")
    assert store.session_ids() == []
    assert store.read("theirs") == ["r"]
    assert store.session_ids() == ["theirs"]
    assert store.summaries(["theirs"])[0].last_write is None


def test_reading_does_not_change_the_time_of_the_last_write(server: LocalMomento, make: Make) -> None:
    writer = make()
    writer.append("s", ["r"])
    written = writer.summaries(["s"])[0].last_write
    with server.store(CACHE, key_prefix=writer.key_prefix) as reader:  # its client does not know the name
        assert reader.read("s") == ["r"]
        assert reader.summaries(["s"])[0].last_write == written


def test_a_client_puts_a_name_that_it_read_once(client: CacheClient, make: Make) -> None:
    first, second = make(), make()
    client.list_push_back(CACHE, first.key_prefix + "theirs", "r")
    first.read("theirs")
    assert first.commands.requests == 2
    second.read("theirs")
    assert second.commands.requests == 1


def test_a_session_that_is_not_there_is_not_put_into_the_index(client: CacheClient, store: Coloured) -> None:
    assert store.read("none") == []
    assert names(client, store.store) == []


def test_names_of_expired_sessions_are_pruned_when_listed(client: CacheClient, store: Coloured) -> None:
    index = "chatmem_nb:sessions:" + store.store.key_prefix
    old = time.time() - 3_600
    client.sorted_set_put_elements(CACHE, index, {"gone": old, "also gone": 0.0, "young": time.time()})
    store.append("there", ["r"])
    assert store.session_ids() == ["there"]
    assert sorted(names(client, store.store)) == ["there", "young"]


def test_only_names_that_match_are_looked_up(client: CacheClient, make: Make) -> None:
    store = make()
    for i in range(20):
        store.append(f"s{i}", ["r"])
    before = store.commands.billed
    assert list(store.session_ids("s7")) == ["s7"]
    assert store.commands.billed - before == 20 + 1  # the names, and whether s7 exists


def test_many_names_are_listed_in_pages(client: CacheClient, store: Coloured) -> None:
    prefix, index = store.store.key_prefix, "chatmem_nb:sessions:" + store.store.key_prefix
    expected = {f"s{i}": float(i // 7) for i in range(1_300)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: client.list_push_back(CACHE, prefix + name, "r"), expected))
    client.sorted_set_put_elements(CACHE, index, expected)
    listed = store.session_ids()
    assert len(listed) == 1_300
    assert set(listed) == set(expected)


def test_many_names_of_one_time_are_all_listed(client: CacheClient, make: Make) -> None:
    store = make()
    expected = {f"s{i}": 0.0 for i in range(1_300)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: client.list_push_back(CACHE, store.key_prefix + name, "r"), expected))
    client.sorted_set_put_elements(CACHE, "chatmem_nb:sessions:" + store.key_prefix, expected)
    assert sorted(store.session_ids()) == sorted(expected)


def test_a_session_that_is_written_to_while_they_are_listed_is_not_missed(make: Make) -> None:
    store = make()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: store.append(f"s{i}", ["r"]), range(700)))
    listing = store.session_ids()
    listed = [next(listing) for _ in range(10)]
    oldest = list(make().session_ids())[-1]
    store.append(oldest, ["moves to the top"])
    store.append("new", ["r"])
    listed += listing
    assert len(listed) == len(set(listed))
    assert set(listed) >= {f"s{i}" for i in range(700)}


def test_no_index_is_kept_where_none_is_wanted(client: CacheClient, make: Make) -> None:
    store = make(index=False)
    store.append("s", NewRecords(["r"]))
    store.read("s")
    assert store.commands.requests == 2
    assert names(client, store) == []
    with pytest.raises(InvalidInputError, match="index=True"):
        list(store.session_ids())
    assert store.summaries(["s"])[0].last_write is None
    assert store.delete("s") is True


def test_an_index_that_fails_loses_and_doubles_nothing(
    server: LocalMomento, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = make(timeout_s=1.0)
    server.faults.add("refuse", command="SortedSetPut", times=1_000)
    assert store.append("s", ["r0"]) == 1
    server.faults.clear()
    assert "'s' was written, but not put into the index" in caplog.text
    assert store.read("s") == ["r0"]


def test_a_name_whose_request_was_lost_is_put_again(
    server: LocalMomento, client: CacheClient, store: Coloured
) -> None:
    server.faults.add("drop_before", command="SortedSetPut")
    assert store.append("s", ["r0"]) == 1
    assert names(client, store.store) == ["s"]


def test_a_failing_index_does_not_stop_a_reader(
    server: LocalMomento, client: CacheClient, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = make(timeout_s=1.0)
    client.list_push_back(CACHE, store.key_prefix + "theirs", "r")
    server.faults.add("refuse", command="SortedSetIncrement", times=1_000)
    assert store.read("theirs") == ["r"]
    assert "was read, but not put into the index" in caplog.text


def test_the_index_outlives_every_session(client: CacheClient, make: Make) -> None:
    store = make(ttl=timedelta(seconds=100))
    store.append("s", ["r"])
    key = ("chatmem_nb:sessions:" + store.key_prefix).encode()
    assert ask(store, GetTtl(key)) > timedelta(hours=23) / timedelta(milliseconds=1)
