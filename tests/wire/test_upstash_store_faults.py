"""Faults on the way to Upstash: nothing is lost, doubled or out of order, and every call ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.fault_proxy import FAULTS, fault_proxy
from tests.waiting import until

LOST_ANSWERS = ["drop_before", "drop_after", "cut", "html", "refuse"]


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.fixture
def store(server: LocalUpstash, colour: str) -> Iterator[Coloured]:
    coloured = Coloured(server.store(timeout_s=10), colour)
    yield coloured
    coloured.end()


@pytest.mark.parametrize("fault", LOST_ANSWERS)
@pytest.mark.parametrize("times", [1, 2])
def test_every_change_happens_once(store: Coloured, server: LocalUpstash, fault: Any, times: int) -> None:
    server.faults.add(fault, times=times)
    assert store.append("s", ["r0", "r1", "r2"]) == 3
    server.faults.add(fault, times=times)
    assert store.insert("s", 1, ["x", "y"]) == 5
    server.faults.add(fault, times=times)
    assert store.insert("s", 0, ["first"]) == 6
    server.faults.add(fault, times=times)
    assert store.remove("s", 2, "x") is True
    assert store.read("s") == ["first", "r0", "y", "r1", "r2"]
    server.faults.add(fault, times=times)
    assert store.replace("s", ["n0", "n1"]) == 2
    assert store.read("s") == ["n0", "n1"]
    store.append("s", ["n0", "n1"])
    server.faults.add(fault, times=times)
    assert store.delete("s", count=2, last="n1") is True
    assert store.read("s") == ["n0", "n1"]
    server.faults.add(fault, times=times)
    with pytest.raises(errors.StoreConflictError):
        store.delete("s", count=2, last="n0")
    assert store.read("s") == ["n0", "n1"]
    server.faults.add(fault, times=times)
    assert store.delete("s") is True
    assert store.length("s") == 0


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_every_look_is_repeated(store: Coloured, server: LocalUpstash, fault: Any) -> None:
    store.append("s", ["r0", "r1"])
    server.faults.add(fault)
    assert store.read("s") == ["r0", "r1"]
    server.faults.add(fault)
    assert store.length("s") == 2
    server.faults.add(fault)
    assert list(store.session_ids()) == ["s"]
    server.faults.add(fault)
    assert store.summaries(["s"])[0].last == "r1"
    server.faults.add(fault)
    assert list(store.read_many(["s"])) == [("s", 0, ["r0", "r1"])]


def test_a_response_that_never_comes_is_retried(server: LocalUpstash, colour: str) -> None:
    with Coloured(server.store(timeout_s=4), colour) as store:
        server.faults.add("hang")
        server.faults.add("delay", delay=timedelta(seconds=2))
        assert store.append("s", ["r0"]) == 1
        assert store.append("s", ["r1"]) == 2


def test_a_batch_of_any_size_lands_once_and_at_once(server: LocalUpstash, colour: str) -> None:
    with Coloured(server.store(max_request_bytes=40_000, ttl=timedelta(hours=1)), colour) as store:
        records = [f"{i:05} {'漢' * (i % 90)}\n" for i in range(3_000)]
        assert store.append("s", ["before"]) == 1
        lengths: set[int] = set()
        with fault_proxy(server.port, 0.2, 7) as proxy, ThreadPoolExecutor(1) as pool:
            broken = Coloured(
                UpstashSessionStore(
                    proxy.url, server.token, max_request_bytes=40_000, ttl=timedelta(hours=1), timeout_s=30
                ),
                colour,
            )
            appending = pool.submit(broken.append, "s", records)
            while not appending.done():
                lengths.add(store.length("s"))
            assert appending.result() == 3_001
            assert proxy.met
            assert broken.replace("t", records) == 3_000
            assert broken.insert("t", 1, records) == 6_000
            broken.end()
        assert lengths <= {1, 3_001}
        assert store.read("s") == ["before", *records]
        assert store.read("t") == [records[0], *records, *records[1:]]
        assert store.summaries(["s"])[0].ttl


@pytest.mark.slow
@pytest.mark.parametrize("appends", [100, pytest.param(625, marks=pytest.mark.soak)])
def test_no_concurrent_append_is_lost_doubled_or_out_of_order(server: LocalUpstash, appends: int) -> None:
    threads, sessions = 16, 4

    def records(worker: int, number: int) -> list[str]:
        return [f"{worker} {number} {part}" for part in range(1 + number % 3)]

    def work(worker: int) -> None:
        for number in range(appends):
            store.append(f"s{worker % sessions}", records(worker, number))

    async def awork(worker: int) -> None:
        for number in range(appends):
            await store.aappend(f"s{worker % sessions}", records(worker, number))

    async def all_awork() -> None:
        await asyncio.gather(*(awork(worker) for worker in range(threads // 2)))

    with (
        fault_proxy(server.port, 0.1, 20_000) as proxy,
        UpstashSessionStore(proxy.url, server.token, timeout_s=60) as store,
        ThreadPoolExecutor(threads) as pool,
    ):
        working = [pool.submit(work, worker) for worker in range(threads // 2, threads)]
        asyncio.run(all_awork())
        for each in working:
            each.result()
        assert set(proxy.met) == set(FAULTS)
    with server.store() as reader:
        stored = [record for number in range(sessions) for record in reader.read(f"s{number}")]
    for worker in range(threads):
        mine = [record for record in stored if record.startswith(f"{worker} ")]
        assert mine == [record for number in range(appends) for record in records(worker, number)]


def test_reading_is_stable_while_others_append(server: LocalUpstash, colour: str) -> None:
    records = [f"r{i}" for i in range(30_000)]
    pushed, done = threading.Event(), threading.Event()

    def push() -> None:
        with server.store() as other:
            while not done.is_set():
                other.append("s", ["new", "new"])
                pushed.set()

    with Coloured(server.store(), colour) as store:
        store.append("s", records)
        pusher = threading.Thread(target=push)
        pusher.start()
        assert pushed.wait(30)
        try:
            for _ in range(3):
                assert store.read("s")[:30_000] == records
                assert store.read("s", 10, 29_000) == records[10:29_000]
                newest = store.read("s", -20_000)
                old = newest.index("new")
                assert newest[:old] == records[30_000 - old :]
        finally:
            done.set()
            pusher.join()


def test_every_call_ends_by_its_timeout(server: LocalUpstash, colour: str) -> None:
    timeout_s = 0.3
    with Coloured(server.store(timeout_s=timeout_s), colour) as store:
        server.faults.add("hang", times=100)
        for call in (
            lambda: store.append("s", ["r"]),
            lambda: store.read("s"),
            lambda: list(store.session_ids()),
        ):
            began = time.monotonic()
            with pytest.raises(errors.StoreTimeoutError, match="did not respond"):
                call()
            assert time.monotonic() - began < timeout_s + 5


def test_too_many_requests_are_an_error_when_the_time_is_over(server: LocalUpstash, colour: str) -> None:
    with Coloured(server.store(timeout_s=1.0), colour) as store:
        server.faults.add("refuse", command="EVAL", times=1_000)
        with pytest.raises(errors.StoreThrottledError):
            store.append("s", ["r"])
        # The fault stays: an attempt that timed out may still be waiting in the server.
        assert store.length("s") == 0


def test_a_cancelled_append_leaves_the_store_usable(server: LocalUpstash) -> None:
    async def use() -> list[str]:
        async with server.store() as store:
            server.faults.add("hang")
            appending = asyncio.create_task(store.aappend("s", ["never"]))
            await asyncio.to_thread(until, lambda: server.faults.held)
            appending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await appending
            await store.aappend("s", ["r"])
            return await store.aread("s")

    assert asyncio.run(use()) == ["r"]


def test_closing_ends_calls_that_are_under_way(server: LocalUpstash) -> None:
    store = server.store(timeout_s=20)
    store.append("s", ["r"])
    server.faults.add("delay", delay=timedelta(seconds=0.5), times=5)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(store.read, "s")
        until(lambda: len(server.faults) < 5)  # the server has the request
        store.close()
        with suppress(errors.StoreClosedError):
            assert reading.result() == ["r"]
