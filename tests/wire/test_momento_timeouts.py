"""Changes on Momento end by their timeout, and say whether they may have been applied."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from momento import CacheClient

from chatmem_nb.errors import (
    StoreError,
    StoreUnavailableError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.protocol import NewRecords
from tests.colours import Coloured
from tests.wire.momento_sessions import MakeColoured, records


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


def test_a_cache_that_was_deleted_is_created_again(
    server: LocalMomento, make_coloured: MakeColoured, momento_client: CacheClient
) -> None:
    cache_name = uuid4().hex
    store = Coloured(server.store(cache_name), make_coloured().colour)
    for number in range(2):
        assert store.append("s", [f"r{number}"]) == 1
        momento_client.delete_cache(cache_name)
    assert store.append("s", ["r2"]) == 1
    store.end()


def test_an_append_with_a_slow_index_ends_by_its_timeout(
    server: LocalMomento, make_coloured: MakeColoured, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_coloured(timeout_s=1.0)
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
    server: LocalMomento, make_coloured: MakeColoured, verb: str
) -> None:
    """Though each look at what stands there succeeds, over several pages."""
    store, own, new = make_coloured(timeout_s=1.0), records(2_500), records(1)
    store.append("s", NewRecords(own))
    for command in ("ListConcatenateBack", "ListConcatenateFront", "ListErase"):
        server.faults.add("drop_before", command=command, times=1_000)
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        change(store, verb, own, new)
    assert time.monotonic() - started < 15  # a second, and one for each page that is read before
    assert caught.value.maybe_applied
    # The faults stay: an attempt that timed out may still be waiting in the server.
    assert store.read("s") == own


@pytest.mark.parametrize("verb", ["append", "append new", "remove", "delete", "insert", "replace"])
def test_a_change_that_is_refused_after_a_lost_attempt_may_have_been_applied(
    server: LocalMomento, make_coloured: MakeColoured, verb: str
) -> None:
    """The look for the lost attempt found nothing, but reads are eventually consistent."""
    store, own, new = make_coloured(timeout_s=1.0), records(20), records(1)
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
    server: LocalMomento, make_coloured: MakeColoured, caplog: pytest.LogCaptureFixture
) -> None:
    store, own = make_coloured(), records(3)
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
