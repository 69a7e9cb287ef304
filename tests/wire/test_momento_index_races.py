"""No session vanishes from Momento's session index, whoever writes meanwhile."""

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from momento import CacheClient

from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento.commands import GetTtl
from chatmem_nb.stores.momento.session_index import recent_names
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.momento_wire import ask
from tests.wire.momento_sessions import CACHE, HOUR, MakeColoured, meanwhile, record


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


def index_key(store: Coloured) -> str:
    return "chatmem_nb:sessions:" + store.store.key_prefix


def test_a_clear_that_races_an_append_leaves_the_session_listed(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, other = make_coloured(), make_coloured()
    store.append("s", ["r0"])
    with meanwhile(server, lambda: store.delete("s"), "Delete") as result:
        other.append("s", ["r1"])
    assert result == [True]
    assert other.read("s") == ["r1"]
    assert make_coloured().session_ids() == ["s"]


def test_a_clear_between_an_appends_name_and_its_list_leaves_the_session_listed(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, other = make_coloured(), make_coloured()
    other.append("s", ["r0"])
    append = partial(store.append, "s", NewRecords([record(0)]))
    with meanwhile(server, append, "ListConcatenateBack", "drop_before"):
        other.delete("s")  # removes the name that the append has put, and finds no list
    assert other.length("s") == 1
    assert make_coloured().session_ids() == ["s"]


def test_a_prune_that_races_an_append_leaves_the_session_listed(
    server: LocalMomento, make_coloured: MakeColoured, momento_client: CacheClient
) -> None:
    store, other = make_coloured(), make_coloured()
    momento_client.sorted_set_put_elements(CACHE, index_key(store), {"s": time.time() - 3_600})
    # The list is asked for once more before its name is removed; that response is held.
    with meanwhile(server, lambda: list(store.store.session_ids()), "ListLength") as result:
        other.append("s", ["r1"])
    assert result[0] == ["s"]
    assert make_coloured().session_ids() == ["s"]


def test_a_name_that_is_gone_is_put_back_by_any_read_or_write(
    make_coloured: MakeColoured, momento_client: CacheClient
) -> None:
    writer = make_coloured()
    writer.append("s", ["r0"])
    for heal in (
        lambda store: store.read("s"),
        lambda store: store.read_many(["s"]),
        lambda store: store.append("s", ["r1"]),
    ):
        momento_client.sorted_set_remove_element(CACHE, index_key(writer), "s")
        store = make_coloured()
        assert store.session_ids() == []
        heal(store)
        assert store.session_ids() == ["s"]


def test_a_name_that_was_put_long_ago_is_not_taken_to_be_there(
    make_coloured: MakeColoured, momento_client: CacheClient
) -> None:
    store = make_coloured()
    store.append("s", ["r0"])
    momento_client.sorted_set_remove_element(CACHE, index_key(store), "s")
    recent_names(store.store.cache_client, CACHE)._expires.clear()  # as after a minute
    store.read("s")
    assert store.session_ids() == ["s"]


def test_an_index_that_has_expired_is_filled_again(
    make_coloured: MakeColoured, momento_client: CacheClient
) -> None:
    store = make_coloured()
    store.append("read", ["r"])
    store.append("written", ["r"])
    momento_client.delete(CACHE, index_key(store))
    reader = make_coloured()
    reader.read("read")
    reader.append("written", ["r"])
    assert sorted(reader.session_ids()) == ["read", "written"]


def test_the_index_outlives_a_session_with_a_longer_ttl() -> None:
    week = timedelta(days=7)
    with LocalMomento(limits=None) as server, server.store(ttl=HOUR) as store:
        store.replace("s", ["r"], ttl=week)
        assert ask(store, GetTtl(index_key(Coloured(store, "sync")).encode())) > 6.9 * 24 * 3_600_000


def test_no_session_vanishes_from_listings_while_clears_race_appends(server: LocalMomento) -> None:
    """Each client clears and appends at random; in the end, what has records is listed."""
    prefix = f"{uuid4().hex}:"
    chance = random.Random(5)

    def work(seed: int) -> None:
        mine = random.Random(seed)
        with server.store(key_prefix=prefix) as store:
            for _ in range(60):
                session_id = f"s{mine.randrange(4)}"
                if mine.random() < 0.4:
                    store.delete(session_id)
                else:
                    store.append(session_id, NewRecords([record(0)]))

    threads = [threading.Thread(target=work, args=(chance.random(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with server.store(key_prefix=prefix) as store:
        there = [f"s{i}" for i in range(4) if store.length(f"s{i}")]
        assert sorted(store.session_ids()) == there
