"""A Momento erasure erases what it was meant to and no more, whatever response is lost, whoever writes."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from chatmem_nb.errors import (
    StoreConflictError,
    StoreTimeoutError,
)
from chatmem_nb.local import LocalMomento
from tests.waiting import until
from tests.wire.momento_sessions import LOST, MakeColoured, meanwhile, records


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("theirs", ["another", "twin"])
def test_one_of_three_equal_records_is_removed_once(
    server: LocalMomento, make_coloured: MakeColoured, index: int, theirs: str
) -> None:
    store, other = make_coloured(), make_coloured()
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
def test_a_replacement_keeps_what_others_append(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any
) -> None:
    store, other, kept, new, theirs = (
        make_coloured(),
        make_coloured(),
        records(5),
        records(2, "new"),
        records(3, "theirs"),
    )
    store.append("s", kept)
    server.faults.add(kind, command="ListErase")
    replacer = threading.Thread(target=lambda: store.replace("s", new))
    replacer.start()
    until(lambda: not len(server.faults))
    other.append("s", theirs)
    replacer.join()
    assert other.read("s") == new + theirs


@pytest.mark.parametrize("kind", [*LOST, "refuse", "delay"])
def test_a_conditional_delete_keeps_what_was_appended_since(
    server: LocalMomento, make_coloured: MakeColoured, kind: Any
) -> None:
    store, kept, later = make_coloured(), records(5), records(2, "later")
    store.append("s", kept)
    store.append("s", later)
    server.faults.add(kind, command="ListErase")
    assert store.delete("s", count=5, last=kept[-1]) is True
    assert store.read("s") == later
    assert store.session_ids() == ["s"]


def test_a_conditional_delete_of_all_ends_the_session(make_coloured: MakeColoured) -> None:
    store, kept = make_coloured(), records(5)
    store.append("s", kept)
    assert store.delete("s", count=5, last=kept[-1]) is True
    assert store.length("s") == 0
    assert store.session_ids() == []
    assert store.delete("s", count=5, last=kept[-1]) is False


@pytest.mark.parametrize("count", [4, 6])
def test_a_conditional_delete_of_a_changed_session_is_a_conflict(
    make_coloured: MakeColoured, count: int
) -> None:
    store, kept = make_coloured(), records(5)
    store.append("s", kept)
    with pytest.raises(StoreConflictError, match="nothing was deleted"):
        store.delete("s", count=count, last=kept[-1])
    assert store.read("s") == kept


def test_an_erasure_without_a_response_is_not_repeated(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store = make_coloured(timeout_s=1.5)
    store.append("s", ["r0"])
    server.faults.add("hang", command="ListErase", delay=timedelta(seconds=5))
    with pytest.raises(StoreTimeoutError, match="not known"):
        store.remove("s", 0, "r0")
