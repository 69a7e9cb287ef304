"""No acknowledged record is lost or stored twice on Momento, whatever response is lost, whoever writes."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from momento import CacheClient, Configurations

from chatmem_nb import MomentoChatMessageHistory, export, import_file
from chatmem_nb.errors import (
    StoreConflictError,
    StoreError,
    StoreLimitError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreUnavailableError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.local.faults import FaultKind
from chatmem_nb.stores.momento.commands import GetTtl
from chatmem_nb.stores.momento.session_index import recent_names
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.momento_wire import ask
from tests.waiting import until

HOUR = timedelta(hours=1)
AT_MOST = timedelta(seconds=30)
"""How long a response is held that a test releases."""
LOST = ("drop_before", "drop_after", "cut")
CACHE = "chatmem"

Make = Callable[..., Coloured]


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, server: LocalMomento) -> Iterator[Make]:
    """Makes stores of either colour, each with a client of its own; each test has a prefix of its own."""
    prefix, made = f"{uuid4().hex}:", []

    def make(**options: Any) -> Coloured:
        made.append(Coloured(server.store(**{"key_prefix": prefix, **options}), request.param))
        return made[-1]

    yield make
    server.faults.clear()
    for coloured in made:
        coloured.end()


def record(name: object) -> str:
    return json.dumps({"type": "human", "data": {"content": str(name)}, "record_id": uuid4().hex})


def records(count: int, name: str = "r") -> list[str]:
    return [record(f"{name}{i}") for i in range(count)]


@contextmanager
def meanwhile(
    server: LocalMomento, call: Callable[[], Any], rpc: str, kind: FaultKind = "delay"
) -> Iterator[list[Any]]:
    """Run `call` in a thread; the body runs while its next `rpc` is held, which then comes to its fault.

    What it returned or raised is in the list, afterwards.
    """
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(call())
        except StoreError as exc:
            result.append(exc)

    server.faults.add(kind, command=rpc, delay=AT_MOST)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: server.faults.held)
        yield result
    finally:
        server.faults.release()
        thread.join()


# pushes whose response was lost


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("limit", [600, 5_000_000])
def test_a_replacement_by_records_that_were_there_keeps_them(
    server: LocalMomento, make: Make, kind: Any, limit: int
) -> None:
    store, kept = make(max_request_bytes=limit), records(12)
    store.append("s", kept)
    server.faults.add(kind, command="ListConcatenateBack")
    assert store.replace("s", kept[-4:]) == 4
    assert len(server.faults) == 0
    assert store.read("s") == kept[-4:]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("index", [1, 10, 68, 139])
def test_an_insertion_in_parts_loses_nothing(server: LocalMomento, make: Make, kind: Any, index: int) -> None:
    store, kept = make(max_request_bytes=2_000), records(140)
    store.append("s", kept)
    inserted = [record("inserted")]
    for rpc in ("ListConcatenateFront", "ListConcatenateBack"):
        server.faults.add("delay", command=rpc)  # the first part arrives, the second is lost
        server.faults.add(kind, command=rpc)
    assert store.insert("s", index, inserted) == 141
    server.faults.clear()
    assert store.read("s") == [*kept[:index], *inserted, *kept[index:]]


@pytest.mark.parametrize("kind", LOST)
def test_an_insertion_of_large_records_loses_nothing(server: LocalMomento, make: Make, kind: Any) -> None:
    """At default limits: 140 records of 120 KB go in parts."""
    store, kept = make(max_item_bytes=50_000_000), [record("x" * 120_000) for _ in range(140)]
    store.append("s", kept)
    assert store.remove("s", 68, kept[68])
    server.faults.add("delay", command="ListConcatenateFront")
    server.faults.add(kind, command="ListConcatenateFront")
    store.insert("s", 68, [kept[68]])
    assert store.read("s") == kept


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("other_client", [True, False])
def test_an_append_of_records_that_are_there_stores_them_again(
    server: LocalMomento, make: Make, kind: Any, other_client: bool
) -> None:
    first, again = make(), records(10)
    first.append("s", again)
    second = make() if other_client else first
    server.faults.add(kind, command="ListConcatenateBack")
    assert second.append("s", again) == 20
    assert second.read("s") == again * 2


def test_a_file_is_imported_twice_with_a_fault(server: LocalMomento, make: Make, tmp_path: Path) -> None:
    store = make().store
    store.append("s", records(10))
    export(store, tmp_path / "s.jsonl")
    other = make().store
    server.faults.add("drop_before", command="ListConcatenateBack")
    import_file(tmp_path / "s.jsonl", other, on_conflict="append")
    assert other.length("s") == 20


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("new", [True, False])
def test_a_push_is_found_among_those_of_others(
    server: LocalMomento, make: Make, kind: Any, new: bool
) -> None:
    store, other, kept, mine = make(), make(), records(3), records(2, "mine")
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
    server: LocalMomento, make: Make
) -> None:
    store, other, kept = make(), make(), records(20)
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
def test_a_push_to_the_front_is_applied_once(server: LocalMomento, make: Make, kind: Any) -> None:
    store, kept = make(), records(3)
    store.append("s", kept)
    server.faults.add(kind, command="ListConcatenateFront")
    assert store.insert("s", 0, kept[:2]) == 5
    assert store.read("s") == kept[:2] + kept


@pytest.mark.parametrize("kind", LOST)
def test_messages_are_stored_once(server: LocalMomento, make: Make, kind: Any) -> None:
    history = MomentoChatMessageHistory.from_store(make().store, "s")
    history.add_messages([HumanMessage("before")])
    requests = history.store.commands.requests
    history.add_messages([HumanMessage("again")])
    assert history.store.commands.requests == requests + 2  # new records need no look at the length
    server.faults.add(kind, command="ListConcatenateBack")
    history.add_messages([HumanMessage("again")])
    assert [message.content for message in history.messages] == ["before", "again", "again"]


# nothing is erased before its replacement was read back


def test_a_replacement_that_cannot_be_read_back_erases_nothing(server: LocalMomento, make: Make) -> None:
    store, kept, new = make(timeout_s=1.0), records(4), records(2, "new")
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
    server: LocalMomento, make: Make, edit: Any, written: Any
) -> None:
    store, kept, new = make(timeout_s=1.0), records(4), records(2, "new")
    store.append("s", kept)
    server.faults.add("refuse", command="ListErase", times=1_000)
    with pytest.raises(StoreThrottledError, match=r"Nothing is lost, but .* twice"):
        edit(store, kept, new)
    server.faults.clear()
    assert store.read("s") == written(kept, new)


def test_a_replacement_over_the_item_limit_is_refused_before_anything_is_sent(make: Make) -> None:
    store = make(max_item_bytes=1_000)
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


# erasures whose response was lost


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("theirs", ["another", "twin"])
def test_one_of_three_equal_records_is_removed_once(
    server: LocalMomento, make: Make, index: int, theirs: str
) -> None:
    store, other = make(), make()
    store.append("s", ["twin"] * 3)
    with meanwhile(server, lambda: store.remove("s", index, "twin"), "ListErase", "drop_after") as outcome:
        other.append("s", [theirs])  # before the store looks
    there = other.read("s")
    assert there == ["twin", "twin", theirs]
    if theirs == "twin":  # it looks as if nothing had been removed
        assert "not known" in str(outcome[0])
    else:
        assert outcome == [True]


@pytest.mark.parametrize("kind", LOST)
def test_a_replacement_keeps_what_others_append(server: LocalMomento, make: Make, kind: Any) -> None:
    store, other, kept, new, theirs = make(), make(), records(5), records(2, "new"), records(3, "theirs")
    store.append("s", kept)
    server.faults.add(kind, command="ListErase")
    replacer = threading.Thread(target=lambda: store.replace("s", new))
    replacer.start()
    until(lambda: not len(server.faults))
    other.append("s", theirs)
    replacer.join()
    assert other.read("s") == new + theirs


# conditional deletes


@pytest.mark.parametrize("kind", [*LOST, "refuse", "delay"])
def test_a_conditional_delete_keeps_what_was_appended_since(
    server: LocalMomento, make: Make, kind: Any
) -> None:
    store, kept, later = make(), records(5), records(2, "later")
    store.append("s", kept)
    store.append("s", later)
    server.faults.add(kind, command="ListErase")
    assert store.delete("s", count=5, last=kept[-1]) is True
    assert store.read("s") == later
    assert store.session_ids() == ["s"]


def test_a_conditional_delete_of_all_ends_the_session(make: Make) -> None:
    store, kept = make(), records(5)
    store.append("s", kept)
    assert store.delete("s", count=5, last=kept[-1]) is True
    assert store.length("s") == 0
    assert store.session_ids() == []
    assert store.delete("s", count=5, last=kept[-1]) is False


@pytest.mark.parametrize("count", [4, 6])
def test_a_conditional_delete_of_a_changed_session_is_a_conflict(make: Make, count: int) -> None:
    store, kept = make(), records(5)
    store.append("s", kept)
    with pytest.raises(StoreConflictError, match="nothing was deleted"):
        store.delete("s", count=count, last=kept[-1])
    assert store.read("s") == kept


# the index


@pytest.fixture
def client(server: LocalMomento) -> Iterator[CacheClient]:
    with CacheClient(Configurations.Laptop.v1(), server.credential_provider, HOUR) as client:
        client.create_cache(CACHE)
        yield client


def index_key(store: Coloured) -> str:
    return "chatmem_nb:sessions:" + store.store.key_prefix


def test_a_clear_that_races_an_append_leaves_the_session_listed(server: LocalMomento, make: Make) -> None:
    store, other = make(), make()
    store.append("s", ["r0"])
    with meanwhile(server, lambda: store.delete("s"), "Delete") as result:
        other.append("s", ["r1"])
    assert result == [True]
    assert other.read("s") == ["r1"]
    assert make().session_ids() == ["s"]


def test_a_clear_between_an_appends_name_and_its_list_leaves_the_session_listed(
    server: LocalMomento, make: Make
) -> None:
    store, other = make(), make()
    other.append("s", ["r0"])
    append = partial(store.append, "s", NewRecords([record(0)]))
    with meanwhile(server, append, "ListConcatenateBack", "drop_before"):
        other.delete("s")  # removes the name that the append has put, and finds no list
    assert other.length("s") == 1
    assert make().session_ids() == ["s"]


def test_a_prune_that_races_an_append_leaves_the_session_listed(
    server: LocalMomento, make: Make, client: CacheClient
) -> None:
    store, other = make(), make()
    client.sorted_set_put_elements(CACHE, index_key(store), {"s": time.time() - 3_600})
    # The list is asked for once more before its name is removed; that response is held.
    with meanwhile(server, lambda: list(store.store.session_ids()), "ListLength") as result:
        other.append("s", ["r1"])
    assert result[0] == ["s"]
    assert make().session_ids() == ["s"]


def test_a_name_that_is_gone_is_put_back_by_any_read_or_write(make: Make, client: CacheClient) -> None:
    writer = make()
    writer.append("s", ["r0"])
    for heal in (
        lambda store: store.read("s"),
        lambda store: store.read_many(["s"]),
        lambda store: store.append("s", ["r1"]),
    ):
        client.sorted_set_remove_element(CACHE, index_key(writer), "s")
        store = make()
        assert store.session_ids() == []
        heal(store)
        assert store.session_ids() == ["s"]


def test_a_name_that_was_put_long_ago_is_not_taken_to_be_there(make: Make, client: CacheClient) -> None:
    store = make()
    store.append("s", ["r0"])
    client.sorted_set_remove_element(CACHE, index_key(store), "s")
    recent_names(store.store.cache_client, CACHE)._expires.clear()  # as after a minute
    store.read("s")
    assert store.session_ids() == ["s"]


def test_an_index_that_has_expired_is_filled_again(make: Make, client: CacheClient) -> None:
    store = make()
    store.append("read", ["r"])
    store.append("written", ["r"])
    client.delete(CACHE, index_key(store))
    reader = make()
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


# the cache, and time


def test_a_cache_that_was_deleted_is_created_again(
    server: LocalMomento, make: Make, client: CacheClient
) -> None:
    cache_name = uuid4().hex
    store = Coloured(server.store(cache_name), make().colour)
    for number in range(2):
        assert store.append("s", [f"r{number}"]) == 1
        client.delete_cache(cache_name)
    assert store.append("s", ["r2"]) == 1
    store.end()


def test_an_append_with_a_slow_index_ends_by_its_timeout(
    server: LocalMomento, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = make(timeout_s=1.0)
    store.append("s", ["r0"])
    server.faults.add("delay", command="SortedSetPut", times=100, delay=timedelta(seconds=5))
    started = time.monotonic()
    assert store.append("s", ["r1"]) == 2
    assert time.monotonic() - started < 4  # not the five of the index
    assert "not put into the index" in caplog.text
    server.faults.clear()
    assert store.read("s") == ["r0", "r1"]


def change(store: Coloured, verb: str, own: list[str], new: list[str]) -> None:
    """Make one change of a session that holds `own`."""
    middle = len(own) // 2
    {
        "append": lambda: store.append("s", new),
        "append new": lambda: store.append("s", NewRecords(new)),
        "remove": lambda: store.remove("s", 0, own[0]),
        "delete": lambda: store.delete("s", count=middle, last=own[middle - 1]),
        "insert": lambda: store.insert("s", middle, new),
        "replace": lambda: store.replace("s", new),
    }[verb]()


@pytest.mark.parametrize("verb", ["append", "append new", "remove", "delete", "insert", "replace"])
def test_a_change_that_never_succeeds_ends_by_its_timeout(
    server: LocalMomento, make: Make, verb: str
) -> None:
    """Though each look at what stands there succeeds, over several pages."""
    store, own, new = make(timeout_s=1.0), records(2_500), records(1)
    store.append("s", NewRecords(own))
    for command in ("ListConcatenateBack", "ListConcatenateFront", "ListErase"):
        server.faults.add("drop_before", command=command, times=1_000)
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        change(store, verb, own, new)
    assert time.monotonic() - started < 5  # a second, and one for each page that is read before
    assert caught.value.maybe_applied
    # The faults stay: an attempt that timed out may still be waiting in the server.
    assert store.read("s") == own


@pytest.mark.parametrize("verb", ["append", "append new", "remove", "delete", "insert", "replace"])
def test_a_change_that_is_refused_after_a_lost_attempt_may_have_been_applied(
    server: LocalMomento, make: Make, verb: str
) -> None:
    """The look for the lost attempt found nothing, but reads are eventually consistent."""
    store, own, new = make(timeout_s=1.0), records(20), records(1)
    store.append("s", NewRecords(own))
    for command in ("ListConcatenateBack", "ListConcatenateFront", "ListErase"):
        server.faults.add("drop_before", command=command)
        server.faults.add("refuse", command=command, times=1_000)
    with pytest.raises(StoreError) as caught:
        change(store, verb, own, new)
    assert caught.value.maybe_applied
    assert "not known whether" in str(caught.value) or "may be in the session twice" in str(caught.value)
    assert store.read("s") == own  # the faults stay, as above


def test_what_becomes_of_a_lost_request_is_logged(
    server: LocalMomento, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store, own = make(), records(3)
    with caplog.at_level(logging.DEBUG, "chatmem_nb"):
        for kind in ("drop_before", "drop_after"):
            server.faults.add(kind, command="ListConcatenateBack")
            store.append(kind, own)
            server.faults.add(kind, command="ListErase")
            store.remove(kind, 0, own[0])
    told = [record.getMessage().partition(": ")[0] for record in caplog.records if "was" in record.message]
    assert told == [
        "a push was not found",
        "an erasure was not applied",
        "a push was found",
        "an erasure was applied",
    ]


def test_a_lost_push_is_looked_for_although_the_index_is_slow(server: LocalMomento, make: Make) -> None:
    store, new = make(timeout_s=2.0), records(1)
    server.faults.add("refuse", command="SortedSetPut", times=1_000)
    server.faults.add("drop_after", command="ListConcatenateBack")
    assert store.append("s", new) == 1
    server.faults.clear()
    assert store.read("s") == new


# pages


def many(count: int) -> list[str]:
    return [f"{number:06}" for number in range(count)]


CHANGES = {
    "insert": (lambda other, kept: other.insert("s", 0, ["new"]), lambda kept: ["new", *kept]),
    "trim": (lambda other, kept: other.delete("s", count=150, last=kept[149]), lambda kept: kept[150:]),
    "remove": (lambda other, kept: other.remove("s", 3, kept[3]), lambda kept: kept[:3] + kept[4:]),
    "append": (lambda other, kept: other.append("s", ["new"]), lambda kept: [*kept, "new"]),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_read_of_several_pages_is_of_one_moment(server: LocalMomento, make: Make, change: str) -> None:
    store, kept = make(), many(6_000)
    store.append("s", kept)
    apply, after = CHANGES[change]
    with (
        server.store(key_prefix=store.store.key_prefix) as other,
        meanwhile(server, lambda: store.read("s"), "ListFetch") as result,
    ):
        apply(other, kept)  # after the first page
    assert result == [after(kept)]


@pytest.mark.parametrize("change", list(CHANGES))
def test_pieces_of_a_session_neither_repeat_nor_skip(server: LocalMomento, make: Make, change: str) -> None:
    store, kept = make(), many(6_000)
    store.append("s", kept)
    apply, _ = CHANGES[change]
    with (
        server.store(key_prefix=store.store.key_prefix) as other,
        meanwhile(server, lambda: store.read_many(["s"]), "ListFetch") as result,
    ):
        apply(other, kept)  # after the first page
    (pieces,) = result
    assert len(pieces) > 1
    read = [one for _, _, piece in pieces for one in piece]
    assert [one for one in read if one != "new"] == kept  # the first piece was read before the change
    assert [start for _, start, _ in pieces] == [
        sum(len(piece) for _, _, piece in pieces[:at]) for at in range(len(pieces))
    ]


def test_pieces_of_a_session_that_was_replaced_are_a_conflict(server: LocalMomento, make: Make) -> None:
    store, kept = make(), many(3_000)
    store.append("s", kept)
    with (
        server.store(key_prefix=store.store.key_prefix) as other,
        meanwhile(server, lambda: store.read_many(["s"]), "ListFetch") as result,
    ):
        other.replace("s", [f"other {number}" for number in range(3_000)])
    assert isinstance(result[0], StoreConflictError)


def test_an_erasure_without_a_response_is_not_repeated(server: LocalMomento, make: Make) -> None:
    store = make(timeout_s=0.5)
    store.append("s", ["r0"])
    server.faults.add("hang", command="ListErase", delay=timedelta(seconds=5))
    with pytest.raises(StoreTimeoutError, match="not known"):
        store.remove("s", 0, "r0")
