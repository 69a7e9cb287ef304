"""Momento's session index: listed, pruned, put again, or not kept at all."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from momento import CacheClient
from momento.responses import CacheSortedSetFetch

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.momento.commands import GetTtl
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.momento_wire import ask
from tests.wire.momento_sessions import CACHE, MakeStore


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture
def store(coloured_momento: Coloured) -> Coloured:
    return coloured_momento


def names(momento_client: CacheClient, store: MomentoSessionStore) -> list[str]:
    response = momento_client.sorted_set_fetch_by_rank(CACHE, "chatmem_nb:sessions:" + store.key_prefix)
    return (
        [name for name, _ in response.value_list_string]
        if isinstance(response, CacheSortedSetFetch.Hit)
        else []
    )


def test_delete_forgets_the_name(momento_client: CacheClient, store: Coloured) -> None:
    store.append("s", ["r"])
    assert names(momento_client, store.store) == ["s"]
    store.delete("s")
    assert names(momento_client, store.store) == []


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


def test_a_session_of_somebody_else_is_listed_once_it_was_read(
    momento_client: CacheClient, store: Coloured
) -> None:
    momento_client.list_push_back(CACHE, store.store.key_prefix + "theirs", "r")
    assert store.session_ids() == []
    assert store.read("theirs") == ["r"]
    assert store.session_ids() == ["theirs"]
    assert store.summaries(["theirs"])[0].last_write is None


def test_reading_does_not_change_the_time_of_the_last_write(
    server: LocalMomento, make_momento: MakeStore
) -> None:
    writer = make_momento()
    writer.append("s", ["r"])
    written = writer.summaries(["s"])[0].last_write
    with server.store(CACHE, key_prefix=writer.key_prefix) as reader:  # its client does not know the name
        assert reader.read("s") == ["r"]
        assert reader.summaries(["s"])[0].last_write == written


def test_a_client_puts_a_name_that_it_read_once(momento_client: CacheClient, make_momento: MakeStore) -> None:
    first, second = make_momento(), make_momento()
    momento_client.list_push_back(CACHE, first.key_prefix + "theirs", "r")
    first.read("theirs")
    assert first.commands.requests == 2
    second.read("theirs")
    assert second.commands.requests == 1


def test_a_session_that_is_not_there_is_not_put_into_the_index(
    momento_client: CacheClient, store: Coloured
) -> None:
    assert store.read("none") == []
    assert names(momento_client, store.store) == []


def test_names_of_expired_sessions_are_pruned_when_listed(
    momento_client: CacheClient, store: Coloured
) -> None:
    index = "chatmem_nb:sessions:" + store.store.key_prefix
    old = time.time() - 3_600
    momento_client.sorted_set_put_elements(
        CACHE, index, {"gone": old, "also gone": 0.0, "young": time.time()}
    )
    store.append("there", ["r"])
    assert store.session_ids() == ["there"]
    assert sorted(names(momento_client, store.store)) == ["there", "young"]


def test_only_names_that_match_are_looked_up(momento_client: CacheClient, make_momento: MakeStore) -> None:
    store = make_momento()
    for i in range(20):
        store.append(f"s{i}", ["r"])
    before = store.commands.billed
    assert list(store.session_ids("s7")) == ["s7"]
    assert store.commands.billed - before == 20 + 1  # the names, and whether s7 exists


def test_many_names_are_listed_in_pages(momento_client: CacheClient, store: Coloured) -> None:
    prefix, index = store.store.key_prefix, "chatmem_nb:sessions:" + store.store.key_prefix
    expected = {f"s{i}": float(i // 7) for i in range(1_300)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: momento_client.list_push_back(CACHE, prefix + name, "r"), expected))
    momento_client.sorted_set_put_elements(CACHE, index, expected)
    listed = store.session_ids()
    assert len(listed) == 1_300
    assert set(listed) == set(expected)


def test_many_names_of_one_time_are_all_listed(momento_client: CacheClient, make_momento: MakeStore) -> None:
    store = make_momento()
    expected = {f"s{i}": 0.0 for i in range(1_300)}
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda name: momento_client.list_push_back(CACHE, store.key_prefix + name, "r"), expected
            )
        )
    momento_client.sorted_set_put_elements(CACHE, "chatmem_nb:sessions:" + store.key_prefix, expected)
    assert sorted(store.session_ids()) == sorted(expected)


def test_a_session_that_is_written_to_while_they_are_listed_is_not_missed(make_momento: MakeStore) -> None:
    store = make_momento()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: store.append(f"s{i}", ["r"]), range(700)))
    listing = store.session_ids()
    listed = [next(listing) for _ in range(10)]
    oldest = list(make_momento().session_ids())[-1]
    store.append(oldest, ["moves to the top"])
    store.append("new", ["r"])
    listed += listing
    assert len(listed) == len(set(listed))
    assert set(listed) >= {f"s{i}" for i in range(700)}


def test_no_index_is_kept_where_none_is_wanted(momento_client: CacheClient, make_momento: MakeStore) -> None:
    store = make_momento(index=False)
    store.append("s", NewRecords(["r"]))
    store.read("s")
    assert store.commands.requests == 2
    assert names(momento_client, store) == []
    with pytest.raises(InvalidInputError, match="index=True"):
        list(store.session_ids())
    assert store.summaries(["s"])[0].last_write is None
    assert store.delete("s") is True


def test_an_index_that_fails_loses_and_doubles_nothing(
    server: LocalMomento, make_momento: MakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_momento(timeout_s=1.0)
    server.faults.add("refuse", command="SortedSetPut", times=1_000)
    assert store.append("s", ["r0"]) == 1
    server.faults.clear()
    assert "'s' was written, but not put into the index" in caplog.text
    assert store.read("s") == ["r0"]


def test_a_name_whose_request_was_lost_is_put_again(
    server: LocalMomento, momento_client: CacheClient, store: Coloured
) -> None:
    server.faults.add("drop_before", command="SortedSetPut")
    assert store.append("s", ["r0"]) == 1
    assert names(momento_client, store.store) == ["s"]


def test_a_failing_index_does_not_stop_a_reader(
    server: LocalMomento,
    momento_client: CacheClient,
    make_momento: MakeStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = make_momento(timeout_s=1.0)
    momento_client.list_push_back(CACHE, store.key_prefix + "theirs", "r")
    server.faults.add("refuse", command="SortedSetIncrement", times=1_000)
    assert store.read("theirs") == ["r"]
    assert "was read, but not put into the index" in caplog.text


def test_the_index_outlives_every_session(momento_client: CacheClient, make_momento: MakeStore) -> None:
    store = make_momento(ttl=timedelta(seconds=100))
    store.append("s", ["r"])
    key = ("chatmem_nb:sessions:" + store.key_prefix).encode()
    assert ask(store, GetTtl(key)) > timedelta(hours=23) / timedelta(milliseconds=1)
