"""The Momento store over a network that fails: nothing is stored twice, and what is lost is said."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from momento import CredentialProvider

from chatmem_nb.errors import (
    StoreClosedError,
    StoreError,
    StoreThrottledError,
    StoreTimeoutError,
    StoreUnavailableError,
)
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore, push
from chatmem_nb.stores.momento.errors import MomentoThrottledError
from tests.colours import Coloured
from tests.waiting import until

HOUR = timedelta(hours=1)
LOST = ("drop_before", "drop_after", "cut", "html")
PASSING = (*LOST, "refuse", "delay")
MOMENT = timedelta(milliseconds=5)

Make = Callable[..., Coloured]


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


@pytest.fixture(autouse=True)
def short_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store looks for a lost request at once. `test_momento_timeouts` has the pause of a user."""
    monkeypatch.setattr(push, "_SETTLE_S", 0.0)


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, server: LocalMomento) -> Iterator[Make]:
    """Makes stores of either colour, closed at the end; each test has a prefix of its own."""
    prefix, made = f"{uuid4().hex}:", []

    def make(**options: Any) -> Coloured:
        made.append(Coloured(server.store(**{"key_prefix": prefix, **options}), request.param))
        return made[-1]

    yield make
    server.faults.clear()
    for coloured in made:
        coloured.end()


def record(name: object) -> str:
    """A record that knows itself, as `records.encode` makes it."""
    return json.dumps({"type": "human", "data": {"content": str(name)}, "record_id": uuid4().hex})


# one fault


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("size", [1, 3, 300])
def test_an_append_lands_once(server: LocalMomento, make: Make, kind: Any, size: int) -> None:
    store = make()
    before, records = [record(i) for i in range(5)], [record(i) for i in range(size)]
    store.append("s", before)
    server.faults.add(kind, command="ListConcatenateBack", delay=MOMENT)
    assert store.append("s", records) == 5 + size
    assert len(server.faults) == 0
    assert store.read("s") == before + records


@pytest.mark.parametrize("kind", LOST)
def test_the_first_append_of_a_session_lands_once(server: LocalMomento, make: Make, kind: Any) -> None:
    store = make(index=False)
    records = [record(i) for i in range(3)]
    server.faults.add(kind, command="ListConcatenateBack")
    assert store.append("s", records) == 3
    assert store.read("s") == records


@pytest.mark.parametrize("kind", LOST)
def test_texts_that_do_not_know_themselves_land_once(server: LocalMomento, make: Make, kind: Any) -> None:
    store = make()
    store.append("s", ["one", "two"])
    server.faults.add(kind, command="ListConcatenateBack")
    assert store.append("s", ["three", "three"]) == 4
    assert store.read("s") == ["one", "two", "three", "three"]


def test_an_equal_text_further_up_is_not_taken_for_the_one_that_was_lost(
    server: LocalMomento, make: Make
) -> None:
    store = make()
    store.append("s", ["yes", "no"])
    server.faults.add("drop_before", command="ListConcatenateBack")
    assert store.append("s", ["yes"]) == 3


@pytest.mark.parametrize("kind", LOST)
def test_records_are_found_behind_those_that_others_wrote_meanwhile(
    server: LocalMomento, make: Make, kind: Any
) -> None:
    store = make()
    store.append("s", [first := record("first")])
    mine, theirs = [record("mine")], [record(i) for i in range(2_500)]
    server.faults.add(kind, command="ListConcatenateBack")
    server.faults.add("delay", command="ListLength", delay=timedelta(seconds=30))
    writer = threading.Thread(target=store.store.append, args=("s", mine))
    writer.start()
    until(lambda: server.faults.held)  # `mine` was lost, and the look for it is held
    for start in range(0, 2_500, 500):
        store.append("s", theirs[start : start + 500])
    server.faults.release()
    writer.join()
    records = store.read("s")
    assert records[0] == first
    assert sorted(records[1:]) == sorted(mine + theirs)


@pytest.mark.parametrize("kind", PASSING)
def test_each_part_of_a_large_batch_lands_once(server: LocalMomento, make: Make, kind: Any) -> None:
    store = make(max_request_bytes=1_000)
    records = [record(i) for i in range(60)]
    for _ in range(3):
        server.faults.add("delay", command="ListConcatenateBack")
        server.faults.add(kind, command="ListConcatenateBack", delay=MOMENT)
    assert store.append("s", records) == 60
    assert len(server.faults) == 0
    assert store.read("s") == records


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize(
    "rpc", ["ListLength", "ListFetch", "ListErase", "ListConcatenateBack", "ListConcatenateFront", "Delete"]
)
def test_every_change_is_made_once(server: LocalMomento, make: Make, kind: Any, rpc: str) -> None:
    store = make()
    r = [record(i) for i in range(9)]
    for change, expected in (
        (lambda: store.append("s", r[:4]), r[:4]),
        (lambda: store.insert("s", 0, [r[4]]), [r[4], *r[:4]]),
        (lambda: store.insert("s", 1, [r[5]]), [r[4], r[5], *r[:4]]),
        (lambda: store.insert("s", 5, [r[6]]), [r[4], r[5], *r[:3], r[6], r[3]]),
        (lambda: store.remove("s", 1, r[5]), [r[4], *r[:3], r[6], r[3]]),
        (lambda: store.replace("s", [r[4], r[7], r[8]]), [r[4], r[7], r[8]]),
        (lambda: store.delete("s"), []),
    ):
        server.faults.add(kind, command=rpc, delay=MOMENT)
        assert change()
        server.faults.clear()
        assert store.read("s") == expected


@pytest.mark.parametrize("kind", PASSING)
def test_readers_notice_no_fault(server: LocalMomento, make: Make, kind: Any) -> None:
    store = make()
    store.append("a", ["r0", "r1"])
    store.append("b", ["r2"])
    for read, expected in (
        (lambda: store.read("a"), ["r0", "r1"]),
        (lambda: store.length("a"), 2),
        (lambda: [row.length for row in store.summaries(["a", "none", "b"])], [2, 0, 1]),
        (lambda: store.session_ids(), ["b", "a"]),
        (lambda: store.read_many(["a", "b"]), [("a", 0, ["r0", "r1"]), ("b", 0, ["r2"])]),
    ):
        server.faults.add(kind, times=2, delay=MOMENT)
        assert read() == expected
        server.faults.clear()


# throttling


def test_a_throttled_request_is_made_again_with_pauses(server: LocalMomento, make: Make) -> None:
    store = make()
    server.faults.add("refuse", times=4)
    assert store.append("s", ["r"]) == 1
    server.faults.add("refuse", times=3)
    assert store.read("s") == ["r"]
    assert len(server.faults) == 0


@pytest.mark.parametrize("sessions", [1, 25])
def test_throttled_pushes_wait_as_long_as_the_service_asks(
    server: LocalMomento, make: Make, sessions: int
) -> None:
    store = make()
    server.faults.add("refuse", command="ListConcatenateBack", times=sessions)
    began = time.monotonic()
    assert store.append_many([(f"s{number}", ["r"]) for number in range(sessions)]) == [1] * sessions
    assert time.monotonic() - began >= MomentoThrottledError.retry_after_s
    assert len(server.faults) == 0


def test_throttling_without_end_ends_with_the_timeout(server: LocalMomento, make: Make) -> None:
    store = make(timeout_s=1.0)
    server.faults.add("refuse", times=10_000)
    for call in (lambda: store.append("s", ["r"]), lambda: store.read("s"), lambda: store.delete("s")):
        with pytest.raises(StoreThrottledError):
            call()


# time


def test_a_push_that_was_applied_but_timed_out_is_found(server: LocalMomento, make: Make) -> None:
    store = make(timeout_s=3.0)
    records = [record(0)]
    server.faults.add("delay", command="ListConcatenateBack", delay=timedelta(seconds=5))
    assert store.append("s", records) == 1
    assert store.read("s") == records


def test_a_push_without_response_is_not_retried(server: LocalMomento, make: Make) -> None:
    store = make(timeout_s=1.5)
    server.faults.add("hang", command="ListConcatenateBack", delay=timedelta(seconds=5))
    with pytest.raises(StoreTimeoutError, match="not known") as failed:
        store.append("s", [record(0)])
    assert isinstance(failed.value, TimeoutError)
    assert failed.value.records_stored == 0
    assert store.read("s") == []


@pytest.fixture
def silent() -> Iterator[CredentialProvider]:
    """A server that accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        port = listener.getsockname()[1]
        yield CredentialProvider("token", "127.0.0.1", "127.0.0.1", "127.0.0.1", port)


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("index", [True, False])
def test_every_call_ends_if_the_service_never_responds(
    silent: CredentialProvider, colour: str, index: bool
) -> None:
    store = Coloured(
        MomentoSessionStore.from_credentials(silent, "c", HOUR, timeout_s=0.2, index=index), colour
    )
    for call in (
        lambda: store.append("s", ["r"]),
        lambda: store.read("s"),
        lambda: store.read("s", -5, -2),
        lambda: store.length("s"),
        lambda: store.delete("s"),
        lambda: store.insert("s", 1, ["r"]),
        lambda: store.replace("s", ["r"]),
        lambda: store.remove("s", 0, "r"),
        lambda: store.summaries(["s"]),
        lambda: store.read_many(["s"]),
    ):
        with pytest.raises(StoreTimeoutError):
            call()
    if index:
        with pytest.raises(StoreTimeoutError):
            store.session_ids()
    store.end()


# closing


def test_closing_ends_what_is_under_way(server: LocalMomento) -> None:
    ended: list[BaseException] = []
    store = server.store()

    def read() -> None:
        try:
            store.read("s")
        except StoreError as exc:
            ended.append(exc)

    server.faults.add("hang", times=4)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: server.faults.held == 4)
    store.close()
    for thread in threads:
        thread.join()
    assert all(isinstance(exc, StoreClosedError) for exc in ended)
    assert len(ended) == 4


# by chance


def test_nothing_is_lost_doubled_or_out_of_order_under_random_faults(server: LocalMomento) -> None:
    """What was appended is there once, in its writer's order; what an error came for, at most once."""
    store = server.store(key_prefix=f"{uuid4().hex}:", timeout_s=20.0)
    chance = random.Random(7)
    stored: dict[int, list[str]] = {}
    doubtful: set[str] = set()

    def write(writer: int) -> None:
        stored[writer] = []
        for number in range(60):
            batch = [record((writer, number, i)) for i in range(chance.choice([1, 1, 2, 20]))]
            if chance.random() < 0.25:
                server.faults.add(chance.choice(PASSING), command="ListConcatenateBack", delay=MOMENT)
            try:
                store.append("random", batch)
            except StoreUnavailableError:
                doubtful.update(batch)
            else:
                stored[writer] += batch

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.faults.clear()
    records = store.read("random")
    store.close()
    assert [text for text, times in Counter(records).items() if times > 1] == []
    assert set(records) - doubtful == {text for texts in stored.values() for text in texts}
    for texts in stored.values():
        mine = set(texts)
        assert [text for text in records if text in mine] == texts
    assert len(doubtful) < len(records) / 10


def test_nothing_is_lost_or_doubled_by_tasks_under_random_faults(server: LocalMomento) -> None:
    chance = random.Random(11)

    async def talk() -> tuple[list[str], list[str]]:
        async with server.store(key_prefix=f"{uuid4().hex}:", timeout_s=20.0) as store:
            stored: list[str] = []

            async def append(number: int) -> None:
                text = record(number)
                with suppress(StoreUnavailableError):
                    await store.aappend("s", [text])
                    stored.append(text)

            for start in range(0, 300, 30):
                for _ in range(8):
                    server.faults.add(chance.choice(PASSING), command="ListConcatenateBack", delay=MOMENT)
                await asyncio.gather(*(append(start + i) for i in range(30)))
            server.faults.clear()
            return stored, await store.aread("s")

    stored, records = asyncio.run(talk())
    assert len(set(records)) == len(records)
    assert set(stored) <= set(records)
    assert len(stored) > 280
