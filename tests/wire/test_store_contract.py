"""What both stores promise, each claim once, in both colours; Upstash's also over a real Redis server."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from chatmem_nb.errors import ChatMemError, InvalidInputError, StoreClosedError
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import parse_start
from chatmem_nb.stores.protocol import CommandCount, SessionStore
from tests.colours import Coloured

SERVICES = ("upstash", "redis_upstash", "momento")
SESSION_IDS = [
    "plain",
    "with space",
    "a/b:c",
    'it\'s "quoted"',
    "back\\slash",
    "*?[a-z]",
    "emoji 👋 漢字",
    "naïve",
    "x" * 500,
]


@pytest.fixture(params=SERVICES)
def make(request: pytest.FixtureRequest, prefix: str) -> Callable[..., SessionStore]:
    """Makes stores of one service; each test has a prefix of its own."""
    server = request.getfixturevalue(request.param)

    def make(**options: Any) -> Any:
        return server.store(**{"key_prefix": prefix, **options})

    return make


@pytest.fixture
def store(colour: str, make: Callable[..., SessionStore]) -> Iterator[Coloured]:
    coloured = Coloured(make(), colour)
    yield coloured
    coloured.end()


def test_append_returns_the_new_length(store: Coloured) -> None:
    assert store.append("s", ["r0", "r1"]) == 2
    assert store.append("s", ["r2"]) == 3
    assert store.read("s") == ["r0", "r1", "r2"]
    assert store.length("s") == 3


def test_appending_nothing_changes_nothing(store: Coloured) -> None:
    assert store.append("s", []) == 0
    assert store.append("s", ["r0"]) == 1
    assert store.append("s", []) == 1


def test_a_session_that_is_not_there_is_empty(store: Coloured) -> None:
    assert store.read("none") == []
    assert store.length("none") == 0
    assert store.delete("none") is False
    assert store.remove("none", 0, "r") is False
    assert list(store.session_ids()) == []


def test_read_is_a_slice(store: Coloured) -> None:
    records = [f"r{i}" for i in range(4)]
    store.append("s", records)
    for start in range(-6, 7):
        for stop in (None, *range(-6, 7, 2), -1, 1, 3):
            assert store.read("s", start, stop) == records[start:stop], (start, stop)


@pytest.mark.parametrize("record", ["", "a\nb\r\n\t\0", '"\\"', "漢字 👋 \u2028", "OK", "1", "x" * 100_000])
def test_a_record_is_read_as_it_was_written(store: Coloured, record: str) -> None:
    store.append("s", [record, "after"])
    assert store.read("s") == [record, "after"]


@pytest.mark.parametrize("session_id", SESSION_IDS)
def test_a_session_may_have_any_name(store: Coloured, session_id: str) -> None:
    store.append(session_id, ["r0", "r1"])
    assert store.read(session_id) == ["r0", "r1"]
    assert list(store.session_ids()) == [session_id]
    assert store.summaries([session_id])[0].length == 2
    assert store.delete(session_id) is True
    assert list(store.session_ids()) == []


def test_delete_forgets_the_session(store: Coloured) -> None:
    store.append("s", ["r0"])
    assert store.delete("s") is True
    assert store.delete("s") is False
    assert store.read("s") == []
    assert list(store.session_ids()) == []


def test_session_ids_are_each_listed_once(store: Coloured) -> None:
    names = [f"s{i}" for i in range(30)]
    for name in names:
        store.append(name, ["r"])
    store.append("s0", ["again"])
    assert sorted(store.session_ids()) == sorted(names)


def test_a_match_is_a_glob(store: Coloured) -> None:
    for name in ("ann-1", "ann-2", "bob-1", "a*b", "a[1]"):
        store.append(name, ["r"])
    assert sorted(store.session_ids("ann-*")) == ["ann-1", "ann-2"]
    assert sorted(store.session_ids("*-1")) == ["ann-1", "bob-1"]
    assert sorted(store.session_ids("ann-?")) == ["ann-1", "ann-2"]
    assert sorted(store.session_ids("[ab]*-1")) == ["ann-1", "bob-1"]
    assert sorted(store.session_ids(r"a\*b")) == ["a*b"]
    assert sorted(store.session_ids(r"a\[1\]")) == ["a[1]"]
    assert list(store.session_ids("nobody")) == []


@pytest.mark.parametrize("prefix", ["*:", "a?[bc]:", "back\\slash:", "a^-b:"])
def test_a_prefix_is_no_glob(make: Callable[..., SessionStore], prefix: str) -> None:
    tag = uuid4().hex
    with make(key_prefix=tag + prefix) as store, make(key_prefix=tag + "abc:") as other:
        store.append("mine", ["r"])
        other.append("theirs", ["r"])
        assert list(store.session_ids()) == ["mine"]


def test_summaries_come_in_order(store: Coloured) -> None:
    store.append("a", ["a0", "a1", "a2"])
    store.append("b", ["b0"])
    b, none, a = store.summaries(["b", "none", "a"])
    assert (a.session_id, a.length, a.first, a.last) == ("a", 3, "a0", "a2")
    assert (b.session_id, b.length, b.first, b.last) == ("b", 1, "b0", "b0")
    assert (none.session_id, none.length, none.first, none.last, none.ttl) == ("none", 0, None, None, None)
    assert store.summaries([]) == []


def test_summaries_take_any_number_of_names(store: Coloured) -> None:
    store.append("s7", ["r"])
    names = (f"s{i}" for i in range(230))
    assert [row.session_id for row in store.summaries(names) if row.length] == ["s7"]


def test_lengths_come_in_order(store: Coloured) -> None:
    store.append("a", ["a0", "a1", "a2"])
    store.append("b", ["b0"])
    assert store.lengths(["b", "none", "a", *(f"s{i}" for i in range(230))]) == [1, 0, 3] + [0] * 230
    assert store.lengths([]) == []


def test_previews_begin_behind_a_system_message(store: Coloured) -> None:
    system, human = '{"type": "system", "data": {"content": "Be kind."}}', '{"type": "human", "data": {}}'
    store.append("a", [system, human, "last"])
    store.append("b", [system])
    store.append("c", [human, system])
    a, b, c, none = store.previews(["a", "b", "c", "none"])
    assert (a.session_id, a.length, a.first, a.last) == ("a", 3, human, "last")
    assert (b.first, b.last) == (system, system)
    assert (c.first, c.last) == (human, system)
    assert (none.length, none.first, none.last) == (0, None, None)


def test_previews_of_long_records_can_be_read_and_dated(store: Coloured) -> None:
    stamp = datetime.now(UTC).isoformat()
    store.append(
        "s", [f'{{"type": "human", "data": {{"content": "{"漢字 é " * 9_000}"}}, "stored_at": "{stamp}"}}']
    )
    [row] = store.previews(["s"])
    assert row.first == row.last
    found = parse_start(row.first)
    assert found.data
    assert found.data["content"].startswith("漢字 é " * 20)
    assert "\ufffd" not in found.data["content"]
    assert (row.last_write - datetime.now(UTC)).total_seconds() > -20


@pytest.mark.parametrize("index", range(-5, 6))
def test_insert_is_that_of_a_list(store: Coloured, index: int) -> None:
    expected = ["r0", "r1", "r1"]
    store.append("s", expected)
    for inserted in ("x", "y"):
        expected.insert(index, inserted)
        assert store.insert("s", index, [inserted]) == len(expected)
    assert store.read("s") == expected


def test_insert_keeps_the_order_of_several(store: Coloured) -> None:
    store.append("s", ["r0", "r1", "r2"])
    assert store.insert("s", 1, ["x", "y", "z"]) == 6
    assert store.insert("s", 0, ["a", "b"]) == 8
    assert store.insert("s", 8, ["end"]) == 9
    assert store.insert("s", 2, []) == 9
    assert store.read("s") == ["a", "b", "r0", "x", "y", "z", "r1", "r2", "end"]


def test_insert_makes_a_session(store: Coloured) -> None:
    assert store.insert("s", 3, ["a", "b"]) == 2
    assert store.read("s") == ["a", "b"]
    assert list(store.session_ids()) == ["s"]


def test_insert_is_the_way_back_of_a_removal(store: Coloured) -> None:
    store.append("s", ["r0", "twin", "r2", "twin"])
    assert store.remove("s", 1, "twin") is True
    assert store.read("s") == ["r0", "r2", "twin"]
    store.insert("s", 1, ["twin"])
    assert store.read("s") == ["r0", "twin", "r2", "twin"]


def test_replace_is_all_that_the_session_holds(store: Coloured) -> None:
    store.append("s", ["r0", "r1"])
    assert store.replace("s", ["x", "y", "z"]) == 3
    assert store.read("s") == ["x", "y", "z"]
    assert store.replace("new", ["n"]) == 1
    assert store.replace("s", []) == 0
    assert list(store.session_ids()) == ["new"]


def test_remove_takes_only_that_text_at_that_index(store: Coloured) -> None:
    store.append("s", ["twin", "r1", "twin", "r3"])
    assert store.remove("s", 1, "twin") is False
    assert store.remove("s", 9, "twin") is False
    assert store.remove("s", 2, "twin") is True
    assert store.read("s") == ["twin", "r1", "r3"]


def test_removing_the_last_record_ends_the_session(store: Coloured) -> None:
    store.append("s", ["r0"])
    assert store.remove("s", 0, "r0") is True
    assert store.length("s") == 0
    assert store.delete("s") is False


def test_read_many_yields_whole_sessions_in_order(store: Coloured) -> None:
    names = [f"s{i:02}" for i in range(60)]
    for number, name in enumerate(names):
        if number % 3:
            store.append(name, [f"{name}-{i}" for i in range(number % 5)] or ["one"])
    long = [f"long-{i}" for i in range(1_700)]
    store.append("s07", long)
    expected = {name: store.read(name) for name in names}
    read: dict[str, list[str]] = {}
    for name, start, records in store.read_many(iter(names)):
        assert records
        assert start == len(read.setdefault(name, []))
        read[name] += records
    assert read == {name: records for name, records in expected.items() if records}
    assert list(read) == sorted(read)


def test_reads_are_paged_and_whole(store: Coloured) -> None:
    records = [f"r{i}" for i in range(5_000)]
    store.append("s", records)
    assert store.length("s") == 5_000
    assert store.read("s") == records
    assert store.read("s", 100, 4_500) == records[100:4_500]
    assert store.read("s", -4_000, -10) == records[-4_000:-10]


@pytest.mark.parametrize("session_id", ["", None, 7, "lone \ud800 surrogate"])
def test_a_name_that_cannot_be_used_is_refused_before_anything_is_sent(
    store: Coloured, session_id: object
) -> None:
    spent = store.store.commands.requests
    for call in (
        lambda: store.append(session_id, ["r"]),
        lambda: store.read(session_id),
        lambda: store.length(session_id),
        lambda: store.delete(session_id),
        lambda: store.insert(session_id, 0, ["r"]),
        lambda: store.replace(session_id, ["r"]),
        lambda: store.remove(session_id, 0, "r"),
        lambda: store.summaries([session_id]),
        lambda: list(store.read_many([session_id])),
    ):
        with pytest.raises(InvalidInputError):
            call()
    assert store.store.commands.requests == spent


@pytest.mark.parametrize("records", ["text", None, [b"bytes"], ["ok", None], [{"type": "human"}]])
def test_records_that_are_no_texts_are_refused_before_anything_is_sent(store: Coloured, records: Any) -> None:
    for verb in (store.append, store.replace):
        with pytest.raises(InvalidInputError):
            verb("s", records)
    with pytest.raises(InvalidInputError):
        store.insert("s", 0, records)
    assert store.read("s") == []


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), 60, "1h"])
def test_an_invalid_ttl_is_rejected(make: Callable[..., SessionStore], ttl: Any) -> None:
    with pytest.raises(InvalidInputError):
        make(ttl=ttl)


@pytest.mark.parametrize("timeout_s", [0, -1, float("inf"), "10", None])
def test_an_invalid_timeout_is_rejected(make: Callable[..., SessionStore], timeout_s: Any) -> None:
    with pytest.raises(InvalidInputError):
        make(timeout_s=timeout_s)


def test_a_closed_store_says_so(store: Coloured) -> None:
    store.append("s", ["r"])
    store.close()
    store.close()
    for call in (
        lambda: store.append("s", ["r"]),
        lambda: store.read("s"),
        lambda: store.length("s"),
        lambda: store.delete("s"),
        lambda: store.insert("s", 0, ["r"]),
        lambda: store.replace("s", ["r"]),
        lambda: store.remove("s", 0, "r"),
        lambda: store.summaries(["s"]),
        lambda: list(store.session_ids()),
        lambda: list(store.read_many(["s"])),
    ):
        with pytest.raises(StoreClosedError):
            call()


def test_a_store_that_was_never_used_closes(make: Callable[..., SessionStore]) -> None:
    make().close()
    asyncio.run(make().aclose())


def test_a_store_is_a_context_manager(make: Callable[..., SessionStore]) -> None:
    async def use() -> list[str]:
        async with make() as store:
            await store.aappend("s", ["r"])
            return await store.aread("s")

    assert asyncio.run(use()) == ["r"]
    with make() as store:
        assert store.read("s") == ["r"]
    with pytest.raises(StoreClosedError):
        store.read("s")


def test_one_store_serves_loop_after_loop(make: Callable[..., SessionStore]) -> None:
    with make() as store:
        for number in range(3):
            assert asyncio.run(store.aappend("s", [f"r{number}"])) == number + 1
        assert store.read("s") == ["r0", "r1", "r2"]


def test_one_store_serves_loops_of_several_threads(make: Callable[..., SessionStore]) -> None:
    async def talk(store: SessionStore, name: str) -> None:
        await asyncio.gather(*(store.aappend(name, [str(i)]) for i in range(20)))
        for i in range(20):
            await store.aappend(name, [f"in order {i}"])

    with make() as store:
        threads = [
            threading.Thread(target=lambda name=name: asyncio.run(talk(store, name))) for name in "abc"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in "abc":
            records = store.read(name)
            assert sorted(records[:20], key=int) == [str(i) for i in range(20)]
            assert records[20:] == [f"in order {i}" for i in range(20)]


def test_a_store_is_what_the_protocol_says(make: Callable[..., SessionStore]) -> None:
    with make() as store:
        assert isinstance(store, SessionStore)
        assert isinstance(store.commands, CommandCount)
        assert store.ttl is None


def test_what_is_spent_is_counted(store: Coloured) -> None:
    commands = store.store.commands
    store.append("s", ["r" * 1_000])
    requests, billed, sent, received = (
        commands.requests,
        commands.billed,
        commands.bytes_sent,
        commands.bytes_received,
    )
    assert requests >= 1
    assert billed >= 1
    assert sent >= 1_000
    store.read("s")
    assert commands.requests > requests
    assert commands.billed > billed
    assert commands.bytes_received >= received + 1_000


def test_twins_have_the_same_signature(make: Callable[..., SessionStore]) -> None:
    with make() as store:
        kind = type(store)
    names = [
        name for name in dir(SessionStore) if not name.startswith("_") and f"a{name}" in dir(SessionStore)
    ]
    assert len(names) >= 11
    for name in names:
        sync, twin = getattr(kind, name), getattr(kind, f"a{name}")
        promised = inspect.signature(getattr(SessionStore, name)).parameters
        assert inspect.signature(sync).parameters == inspect.signature(twin).parameters, name
        assert list(inspect.signature(sync).parameters) == list(promised), name
        assert sync.__doc__, name
        assert twin.__doc__ == sync.__doc__, name


def test_a_store_shows_no_secret(
    make: Callable[..., SessionStore], local_upstash: LocalUpstash, local_momento: LocalMomento
) -> None:
    with make(key_prefix="<b>:") as store:
        page = store._repr_html_()
        assert "<table" in page
        assert store.service in page
        assert "&lt;b&gt;:" in page
        assert "<b>" not in page
        for server in (local_upstash, local_momento):
            assert server.token not in page + repr(store) + str(vars(store))


def test_every_failure_is_one_of_ours(make: Callable[..., SessionStore]) -> None:
    with make() as store:
        store.close()
        with pytest.raises(ChatMemError) as failed:
            store.read("s")
    assert isinstance(failed.value, StoreClosedError)
