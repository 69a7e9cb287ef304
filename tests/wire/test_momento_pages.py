"""Momento sessions of several pages are read as of one moment."""

from __future__ import annotations

import pytest

from chatmem_nb.errors import (
    StoreConflictError,
)
from chatmem_nb.local import LocalMomento
from tests.wire.momento_sessions import MakeColoured, meanwhile


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


def many(count: int) -> list[str]:
    return [f"{number:06}" for number in range(count)]


CHANGES = {
    "insert": (lambda other, kept: other.insert("s", 0, ["new"]), lambda kept: ["new", *kept]),
    "trim": (lambda other, kept: other.delete("s", count=150, last=kept[149]), lambda kept: kept[150:]),
    "remove": (lambda other, kept: other.remove("s", 3, kept[3]), lambda kept: kept[:3] + kept[4:]),
    "append": (lambda other, kept: other.append("s", ["new"]), lambda kept: [*kept, "new"]),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_read_of_several_pages_is_of_one_moment(
    server: LocalMomento, make_coloured: MakeColoured, change: str
) -> None:
    store, kept = make_coloured(), many(6_000)
    store.append("s", kept)
    apply, after = CHANGES[change]
    with (
        server.store(key_prefix=store.store.key_prefix) as other,
        meanwhile(server, lambda: store.read("s"), "ListFetch") as result,
    ):
        apply(other, kept)  # after the first page
    assert result == [after(kept)]


@pytest.mark.parametrize("change", list(CHANGES))
def test_pieces_of_a_session_neither_repeat_nor_skip(
    server: LocalMomento, make_coloured: MakeColoured, change: str
) -> None:
    store, kept = make_coloured(), many(6_000)
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


def test_pieces_of_a_session_that_was_replaced_are_a_conflict(
    server: LocalMomento, make_coloured: MakeColoured
) -> None:
    store, kept = make_coloured(), many(3_000)
    store.append("s", kept)
    with (
        server.store(key_prefix=store.store.key_prefix) as other,
        meanwhile(server, lambda: store.read_many(["s"]), "ListFetch") as result,
    ):
        other.replace("s", [f"other {number}" for number in range(3_000)])
    assert isinstance(result[0], StoreConflictError)
