"""Reading long sessions while other clients insert, remove, trim and replace between two pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.odd_server import odd_server, passing_on

RECORDS = [f"r{number}" for number in range(13_000)]
"""More than a first page has."""

Change = Callable[[UpstashSessionStore], object]


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@contextmanager
def changing(
    server: LocalUpstash, colour: str, change: Change, *, times: int = 1, pages: int = 1
) -> Iterator[Coloured]:
    """Yield a store of the session "s"; another client makes `change` behind its first `pages` pages, and
    again before the pages that follow, `times` in all."""
    seen = 0

    def meet(body: Any) -> Any:
        nonlocal seen
        if "LRANGE" in (body[0], body[0][0]):
            seen += 1
            if pages < seen <= pages + times:
                change(other)
        return body

    prefix = f"{uuid4().hex}:"
    with (
        server.store(key_prefix=prefix) as other,
        odd_server(passing_on(server.port, meet)) as url,
        Coloured(UpstashSessionStore(url, server.token, key_prefix=prefix), colour) as store,
    ):
        other.append("s", RECORDS)
        yield store


def insert_in_front(store: UpstashSessionStore) -> None:
    store.insert("s", 0, ["new", "newer"])


def trim(store: UpstashSessionStore) -> None:
    store.delete("s", count=100, last=store.read("s", 99, 100)[0])


def remove_one(store: UpstashSessionStore) -> None:
    store.remove("s", 5, "r5")


def append(store: UpstashSessionStore) -> None:
    store.append("s", ["later"])


def replace(store: UpstashSessionStore) -> None:
    store.replace("s", [f"n{number}" for number in range(13_000)])


@pytest.mark.parametrize("change", [insert_in_front, trim, remove_one, append, replace])
def test_a_read_is_of_one_moment(server: LocalUpstash, colour: str, change: Change) -> None:
    with changing(server, colour, change) as store:
        records = store.read("s")
        assert len(set(records)) == len(records)
        assert records == store.read("s")


@pytest.mark.parametrize("change", [insert_in_front, trim, remove_one])
def test_a_slice_is_of_one_moment(server: LocalUpstash, colour: str, change: Change) -> None:
    with changing(server, colour, change) as store:
        records = store.read("s", 10, 12_500)
        assert records == store.read("s")[10:12_500]


def test_a_read_of_a_session_that_never_rests_is_a_conflict(server: LocalUpstash, colour: str) -> None:
    with changing(server, colour, insert_in_front, times=100) as store:
        with pytest.raises(errors.StoreConflictError, match=r"changed by others.*read it again"):
            store.read("s")
        assert len(store.read("s", -10)) == 10  # one page is never in conflict


@pytest.mark.parametrize("change", [insert_in_front, trim, remove_one])
def test_read_many_repeats_and_skips_nothing(server: LocalUpstash, colour: str, change: Change) -> None:
    with changing(server, colour, change) as store:
        pieces = store.read_many(["s"])
        assert len(pieces) == 2
        assert [record for _, _, records in pieces for record in records] == RECORDS
        assert [start for _, start, _ in pieces] == [0, len(pieces[0][2])]


def test_read_many_takes_what_is_appended_meanwhile(server: LocalUpstash, colour: str) -> None:
    with changing(server, colour, append) as store:
        assert [record for _, _, records in store.read_many(["s"]) for record in records] == [
            *RECORDS,
            "later",
        ]


def test_a_session_that_is_replaced_between_two_pieces_is_a_conflict(
    server: LocalUpstash, colour: str
) -> None:
    with changing(server, colour, replace) as store, pytest.raises(errors.StoreConflictError):
        store.read_many(["s"])
