"""What the store takes for granted of the service and its documents do not say; here, and of a real account.

Live: set MOMENTO_API_KEY (and MOMENTO_ENDPOINT for a v2 key), and CHATMEM_NB_LIVE_CACHE to a cache's name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from chatmem_nb.errors import StoreLimitError, WrongTypeError
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento import index_commands as index_cmd
from tests.momento_wire import ask

MINUTE_MS = 60_000


@pytest.fixture(scope="module", params=["local", pytest.param("live", marks=pytest.mark.live)])
def store(request: pytest.FixtureRequest) -> Iterator[MomentoSessionStore]:
    if request.param == "local":
        with LocalMomento() as server, server.store() as store:
            store.append("s", ["r"])
            yield store
        return
    cache_name = os.environ.get("CHATMEM_NB_LIVE_CACHE", "")
    if not cache_name:
        pytest.skip("needs CHATMEM_NB_LIVE_CACHE and MOMENTO_API_KEY")
    with MomentoSessionStore.from_env(cache_name, key_prefix=f"test-{uuid4().hex}:") as store:
        yield store


@pytest.fixture
def key() -> bytes:
    return uuid4().hex.encode()


def push(key: bytes, *values: bytes) -> cmd.Push:
    return cmd.Push(key, values, MINUTE_MS)


def test_a_negative_start_beyond_the_list_is_its_start(store: MomentoSessionStore, key: bytes) -> None:
    assert ask(store, push(key, b"a", b"b", b"c"), cmd.FetchList(key, -20)) == [b"a", b"b", b"c"]
    assert ask(store, cmd.FetchList(key, -2)) == [b"b", b"c"]


def test_a_stop_beyond_the_list_is_its_end(store: MomentoSessionStore, key: bytes) -> None:
    assert ask(store, push(key, b"a", b"b"), cmd.FetchList(key, 1, 9)) == [b"b"]
    assert ask(store, cmd.FetchList(key, 2, 9)) == []
    assert ask(store, cmd.FetchList(uuid4().hex.encode(), 0, 9)) == []


def test_values_go_to_the_front_in_their_order(store: MomentoSessionStore, key: bytes) -> None:
    front = cmd.PushFront(key, [b"x", b"y"], MINUTE_MS)
    assert ask(store, push(key, b"a"), front) == 3
    assert ask(store, cmd.FetchList(key)) == [b"x", b"y", b"a"]


def test_a_push_that_truncates_leaves_only_its_values(store: MomentoSessionStore, key: bytes) -> None:
    truncating = cmd.Push(key, [b"x", b"y"], MINUTE_MS, truncate=True)
    assert ask(store, push(key, b"a", b"b", b"c"), truncating, truncating) == 2
    assert ask(store, cmd.FetchList(key)) == [b"x", b"y"]


def test_a_range_is_erased_by_place(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, push(key, b"t", b"t", b"t", b"a", b"b"), cmd.EraseRange(key, 1, 3))
    assert ask(store, cmd.FetchList(key)) == [b"t", b"b"]


def test_a_list_without_elements_does_not_exist(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, push(key, b"a"), cmd.EraseRange(key, 0, 1))
    assert ask(store, cmd.ListLength(key)) == 0
    assert ask(store, cmd.KeysExist([key])) == [False]


def test_lists_are_keys_that_exist_and_have_a_ttl(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, push(key, b"a"))
    assert ask(store, cmd.KeysExist([key, b"no " + key])) == [True, False]
    assert 0 < ask(store, cmd.GetTtl(key)) <= MINUTE_MS
    assert ask(store, cmd.GetTtl(b"no " + key)) is None


def test_a_push_without_refreshing_leaves_the_ttl(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, push(key, b"a"), cmd.Push(key, [b"b"], 10 * MINUTE_MS, refresh_ttl=False))
    assert ask(store, cmd.GetTtl(key)) <= MINUTE_MS


def test_adding_nothing_to_a_score_keeps_it_or_makes_it(store: MomentoSessionStore, key: bytes) -> None:
    put = index_cmd.PutNames(key, [b"n"], 7.5, MINUTE_MS)
    ask(store, put, index_cmd.AddName(key, b"n", MINUTE_MS), index_cmd.AddName(key, b"new", MINUTE_MS))
    assert ask(store, index_cmd.FetchScores(key, [b"n", b"new", b"none"])) == [7.5, 0.0, None]


def test_names_come_by_score_the_highest_first_ends_included(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, *(index_cmd.PutNames(key, [b"%d" % i], float(i), MINUTE_MS) for i in range(5)))
    assert ask(store, index_cmd.FetchNames(key, 1.0, 3.0, 9)) == [(b"3", 3.0), (b"2", 2.0), (b"1", 1.0)]
    assert ask(store, index_cmd.FetchNames(key, None, None, 2)) == [(b"4", 4.0), (b"3", 3.0)]


def test_a_time_in_microseconds_is_a_score(store: MomentoSessionStore, key: bytes) -> None:
    score = 1_760_000_000.123457
    assert ask(
        store, index_cmd.PutNames(key, [b"n"], score, MINUTE_MS), index_cmd.FetchScores(key, [b"n"])
    ) == [score]


def test_the_longest_ttl_is_a_day(store: MomentoSessionStore, key: bytes) -> None:
    day_ms = timedelta(hours=24) // timedelta(milliseconds=1)
    assert ask(store, index_cmd.PutNames(key, [b"n"], 1.0, day_ms)) is None


def test_a_list_request_on_another_item_is_a_wrong_type(store: MomentoSessionStore, key: bytes) -> None:
    ask(store, index_cmd.PutNames(key, [b"n"], 1.0, MINUTE_MS))
    for command in (cmd.FetchList(key), cmd.ListLength(key), push(key, b"a")):
        assert isinstance(ask(store, command), WrongTypeError)


def test_a_response_over_five_megabytes_is_distinguished_from_throttling(
    store: MomentoSessionStore, key: bytes
) -> None:
    ask(store, *(push(key, *([b"x" * 120_000] * 30)) for _ in range(2)))
    error = ask(store, cmd.FetchList(key))
    assert isinstance(error, StoreLimitError)
    assert error.response_too_large
    assert len(ask(store, cmd.FetchList(key, 0, 40))) == 40
    ask(store, cmd.DeleteKey(key))
