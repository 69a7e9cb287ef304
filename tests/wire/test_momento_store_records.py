"""Reading and changing the records of a session on Momento, beyond the contract of both stores."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from momento import CacheClient
from momento.responses import CacheListLength

from chatmem_nb.errors import (
    InvalidInputError,
    WrongTypeError,
)
from chatmem_nb.stores.momento import MomentoSessionStore
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.wire.momento_sessions import CACHE, MakeStore


@pytest.fixture
def store(coloured_momento: Coloured) -> Coloured:
    return coloured_momento


def length(momento_client: CacheClient, store: MomentoSessionStore, session_id: str) -> int:
    response = momento_client.list_length(CACHE, store.key_prefix + session_id)
    return response.length if isinstance(response, CacheListLength.Hit) else 0


def test_records_that_are_no_text_hide_no_others(momento_client: CacheClient, store: Coloured) -> None:
    momento_client.list_concatenate_back(CACHE, store.store.key_prefix + "s", [b"r0", b"\xff\x00", "漢"])
    assert store.read("s") == ["r0", "\\xff\x00", "漢"]
    assert store.remove("s", 1, "\\xff\x00") is True
    assert store.read("s") == ["r0", "漢"]


def test_a_read_is_stable_while_others_append(make_momento: MakeStore) -> None:
    store, other = make_momento(), make_momento()
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


def test_the_last_records_cost_one_request(make_momento: MakeStore) -> None:
    store = make_momento(index=False)
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


def test_records_that_may_be_there_already_cost_one_look_at_the_length(make_momento: MakeStore) -> None:
    store = make_momento(index=False)
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


def test_a_key_that_is_no_list_is_no_session(momento_client: CacheClient, store: Coloured) -> None:
    momento_client.set(CACHE, store.store.key_prefix + "s", "scalar")
    for call in (
        lambda: store.read("s"),
        lambda: store.length("s"),
        lambda: store.append("s", ["r"]),
        lambda: store.delete("s"),
    ):
        with pytest.raises(WrongTypeError):
            call()
    assert store.summaries(["s"])[0].length == 0


@pytest.mark.parametrize("index", [1, 2, 9, 18, 19])
def test_an_insertion_in_parts_keeps_the_order(make_momento: MakeStore, index: int) -> None:
    store = make_momento(max_request_bytes=250)
    expected = [f"{i:02}" + "x" * 48 for i in range(20)]
    store.append("s", expected)
    inserted = [f"new {i}" + "y" * 44 for i in range(6)]
    expected[index:index] = inserted
    assert store.insert("s", index, inserted) == 26
    assert store.read("s") == expected


def test_an_insertion_near_the_end_costs_what_stands_behind_it(make_momento: MakeStore) -> None:
    store = make_momento(index=False)
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
