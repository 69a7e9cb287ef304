"""A Momento push whose response was lost is applied once, and erases nothing before it was read back."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import MomentoChatMessageHistory, export, import_file
from chatmem_nb.errors import (
    StoreLimitError,
    StoreThrottledError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.protocol import NewRecords
from tests.waiting import until
from tests.wire.momento_sessions import LOST, MakeColoured, meanwhile, record, records


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("limit", [600, 5_000_000])
def test_a_replacement_by_records_that_were_there_keeps_them(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any, limit: int
) -> None:
    store, kept = make_coloured(max_request_bytes=limit), records(12)
    store.append("s", kept)
    server.faults.add(kind, command="ListConcatenateBack")
    assert store.replace("s", kept[-4:]) == 4
    assert len(server.faults) == 0
    assert store.read("s") == kept[-4:]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("index", [1, 10, 68, 139])
def test_an_insertion_in_parts_loses_nothing(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any, index: int
) -> None:
    store, kept = make_coloured(max_request_bytes=2_000), records(140)
    store.append("s", kept)
    inserted = [record("inserted")]
    for rpc in ("ListConcatenateFront", "ListConcatenateBack"):
        server.faults.add("delay", command=rpc)  # the first part arrives, the second is lost
        server.faults.add(kind, command=rpc)
    assert store.insert("s", index, inserted) == 141
    server.faults.clear()
    assert store.read("s") == [*kept[:index], *inserted, *kept[index:]]


@pytest.mark.parametrize("kind", LOST)
def test_an_insertion_of_large_records_loses_nothing(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any
) -> None:
    """At default limits: 140 records of 120 KB go in parts."""
    store, kept = make_coloured(max_item_bytes=50_000_000), [record("x" * 120_000) for _ in range(140)]
    store.append("s", kept)
    assert store.remove("s", 68, kept[68])
    server.faults.add("delay", command="ListConcatenateFront")
    server.faults.add(kind, command="ListConcatenateFront")
    store.insert("s", 68, [kept[68]])
    assert store.read("s") == kept


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("other_client", [True, False])
def test_an_append_of_records_that_are_there_stores_them_again(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any, other_client: bool
) -> None:
    first, again = make_coloured(), records(10)
    first.append("s", again)
    second = make_coloured() if other_client else first
    server.faults.add(kind, command="ListConcatenateBack")
    assert second.append("s", again) == 20
    assert second.read("s") == again * 2


def test_a_file_is_imported_twice_with_a_fault(
    server: LocalMomento, make_coloured: MakeColoured, tmp_path: Path
) -> None:
    store = make_coloured().store
    store.append("s", records(10))
    export(store, tmp_path / "s.jsonl")
    other = make_coloured().store
    server.faults.add("drop_before", command="ListConcatenateBack")
    import_file(tmp_path / "s.jsonl", other, on_conflict="append")
    assert other.length("s") == 20


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("new", [True, False])
def test_a_push_is_found_among_those_of_others(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any, new: bool
) -> None:
    store, other, kept, mine = make_coloured(), make_coloured(), records(3), records(2, "mine")
    store.append("s", kept)
    theirs = records(4, "theirs")
    server.faults.add(kind, command="ListConcatenateBack")
    # The look for `mine` is held.
    look = "ListFetch" if new else "ListLength"
    with meanwhile(server, lambda: store.append("s", NewRecords(mine) if new else mine), look):
        other.append("s", theirs)
    there = other.read("s")
    assert there[:3] == kept
    assert sorted(there[3:]) == sorted(mine + theirs)
    assert [one for one in there if one in mine] == mine


def test_the_length_after_a_lost_response_is_one_that_the_session_had(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, other, kept = make_coloured(), make_coloured(), records(20)
    store.append("s", kept)
    # The append lands behind the records that the insert is about to move, and is looked for after that.
    lengths: list[int] = []
    appender = threading.Thread(
        target=lambda: lengths.append(store.append("s", NewRecords(records(2, "mine"))))
    )
    with meanwhile(server, lambda: other.insert("s", 11, records(1)), "ListLength"):
        server.faults.add("drop_after", command="ListConcatenateBack")
        appender.start()
        until(lambda: not len(server.faults))
    appender.join()
    assert lengths[0] >= 22
    assert store.length("s") == 23


@pytest.mark.parametrize("kind", LOST)
def test_a_push_to_the_front_is_applied_once(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any
) -> None:
    store, kept = make_coloured(), records(3)
    store.append("s", kept)
    server.faults.add(kind, command="ListConcatenateFront")
    assert store.insert("s", 0, kept[:2]) == 5
    assert store.read("s") == kept[:2] + kept


@pytest.mark.parametrize("kind", LOST)
def test_messages_are_stored_once(server: LocalMomento, make_coloured: MakeColoured, kind: Any) -> None:
    history = MomentoChatMessageHistory.from_store(make_coloured().store, "s")
    history.add_messages([HumanMessage("before")])
    requests = history.store.commands.requests
    history.add_messages([HumanMessage("again")])
    assert history.store.commands.requests == requests + 2  # new records need no look at the length
    server.faults.add(kind, command="ListConcatenateBack")
    history.add_messages([HumanMessage("again")])
    assert [message.content for message in history.messages] == ["before", "again", "again"]


def test_a_replacement_that_cannot_be_read_back_erases_nothing(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, kept, new = make_coloured(timeout_s=1.0), records(4), records(2, "new")
    store.append("s", kept)
    server.faults.add("delay", command="ListFetch")  # the reading of what is there
    server.faults.add("refuse", command="ListFetch", times=1_000)
    with pytest.raises(StoreThrottledError, match="twice"):
        store.replace("s", new)
    server.faults.clear()
    assert store.read("s") == kept + new


@pytest.mark.parametrize(
    ("edit", "written"),
    [
        (lambda store, kept, new: store.replace("s", new), lambda kept, new: kept + new),
        (lambda store, kept, new: store.insert("s", 3, new), lambda kept, new: kept + new + kept[3:]),
        (lambda store, kept, new: store.insert("s", 1, new), lambda kept, new: kept[:1] + new + kept),
    ],
    ids=["replace", "insert behind", "insert in front"],
)
def test_a_failed_erasure_leaves_both_copies_and_says_so(
    server: LocalMomento, make_coloured: MakeColoured, edit: Any, written: Any
) -> None:
    store, kept, new = make_coloured(timeout_s=1.0), records(4), records(2, "new")
    store.append("s", kept)
    server.faults.add("refuse", command="ListErase", times=1_000)
    with pytest.raises(StoreThrottledError, match=r"Nothing is lost, but .* twice"):
        edit(store, kept, new)
    # The faults stay: an attempt that timed out may still be waiting in the server.
    assert store.read("s") == written(kept, new)


def test_a_replacement_over_the_item_limit_is_refused_before_anything_is_sent(
    make_coloured: MakeColoured,
) -> None:
    store = make_coloured(max_item_bytes=1_000)
    store.append("s", ["x" * 600])
    sent = store.store.commands.bytes_sent
    with pytest.raises(StoreLimitError, match="1,200 bytes"):
        store.replace("s", ["y" * 600])
    assert store.store.commands.bytes_sent - sent < 300
    assert store.read("s") == ["x" * 600]
    assert store.replace("s", ["y" * 400]) == 1
    requests = store.store.commands.requests
    with pytest.raises(StoreLimitError, match="1,200 bytes"):
        store.replace("new", ["y" * 600] * 2)
    assert store.store.commands.requests == requests


def test_a_lost_push_is_looked_for_although_the_index_is_slow(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, new = make_coloured(timeout_s=2.0), records(1)
    server.faults.add("refuse", command="SortedSetPut", times=1_000)
    server.faults.add("drop_after", command="ListConcatenateBack")
    assert store.append("s", new) == 1
    server.faults.clear()
    assert store.read("s") == new
