"""The Momento store in event loops, threads and at its end: native async on the client's own channel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chatmem_nb.errors import StoreClosedError, StoreTimeoutError
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore


@pytest.fixture
def server(momento: LocalMomento) -> LocalMomento:
    return momento


def test_no_thread_of_an_executor_is_used(store: MomentoSessionStore) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("an executor posing as async")

    async def use() -> list[str]:
        asyncio.get_running_loop().run_in_executor = refuse
        await store.aappend("s", ["r0", "r1"])
        await store.ainsert("s", 1, ["x"])
        await store.aremove("s", 0, "r0")
        assert [session_id async for session_id in store.asession_ids()] == ["s"]
        assert [row.length for row in await store.asummaries(["s"])] == [2]
        return await store.aread("s")

    assert asyncio.run(use()) == ["x", "r1"]


def test_appends_of_many_tasks_wait_at_the_same_time(
    server: LocalMomento, store: MomentoSessionStore
) -> None:
    """50 appends at 200 ms each end in the time of a few, not of 50: none blocks the loop."""

    async def use() -> int:
        server.latency = timedelta(milliseconds=200)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.02)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await asyncio.wait_for(asyncio.gather(*(store.aappend("s", [f"r{i}"]) for i in range(50))), 8.0)
        ticking.cancel()
        return ticks

    assert asyncio.run(use()) > 2
    server.latency = timedelta(0)
    assert sorted(store.read("s")) == sorted(f"r{i}" for i in range(50))


def test_appends_of_one_task_keep_their_order_after_loops_have_ended(store: MomentoSessionStore) -> None:
    async def use(name: str) -> None:
        for i in range(5):
            await store.aappend("s", [f"{name}{i}"])

    asyncio.run(use("a"))
    store.append("s", ["between"])
    asyncio.run(use("b"))
    assert store.read("s") == [*(f"a{i}" for i in range(5)), "between", *(f"b{i}" for i in range(5))]


def test_sync_and_async_work_inside_of_a_running_loop(store: MomentoSessionStore) -> None:
    async def use() -> list[str]:
        store.append("s", ["sync"])
        await store.aappend("s", ["async"])
        return store.read("s")

    assert asyncio.run(use()) == ["sync", "async"]


def test_a_cancelled_call_is_cancelled_at_the_server(
    server: LocalMomento, store: MomentoSessionStore
) -> None:
    async def use() -> list[str]:
        server.faults.add("hang", command="ListFetch", delay=timedelta(seconds=30))
        reading = asyncio.create_task(store.aread("s"))
        while len(server.faults):
            await asyncio.sleep(0.005)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await store.aappend("s", ["r"])
        return await store.aread("s")

    assert asyncio.run(use()) == ["r"]


def test_a_timeout_of_asyncio_ends_a_call(server: LocalMomento, store: MomentoSessionStore) -> None:
    async def use() -> None:
        server.faults.add("hang", delay=timedelta(seconds=30))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.aread("s"), 0.1)

    asyncio.run(use())


def test_a_cancelled_making_of_the_cache_leaves_it_to_the_next(server: LocalMomento) -> None:
    async def use() -> list[str]:
        async with server.store(uuid4().hex) as store:
            server.faults.add("hang", command="CreateCache", delay=timedelta(seconds=30))
            first = asyncio.create_task(store.aappend("s", ["lost"]))
            while len(server.faults):
                await asyncio.sleep(0.005)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            await store.aappend("s", ["r"])
            return await store.aread("s")

    assert asyncio.run(use()) == ["r"]


def test_a_loop_that_ends_before_the_response_leaves_no_trace(
    server: LocalMomento, store: MomentoSessionStore, recwarn: pytest.WarningsRecorder
) -> None:
    server.faults.add("delay", delay=timedelta(milliseconds=100))

    async def use() -> None:
        asyncio.create_task(store.aread("s"))  # noqa: RUF006 - left behind on purpose
        await asyncio.sleep(0.02)

    asyncio.run(use())
    threading.Event().wait(0.2)
    assert store.read("s") == []
    assert list(recwarn) == []


def test_a_timeout_does_not_stop_the_other_tasks(server: LocalMomento) -> None:
    async def use() -> list[Any]:
        async with server.store(key_prefix=f"{uuid4().hex}:", timeout_s=2.0) as store:
            server.faults.add("hang", command="ListFetch", delay=timedelta(seconds=30))
            return await asyncio.gather(*(store.aread(f"s{i}") for i in range(10)), return_exceptions=True)

    answers = asyncio.run(use())
    assert len([answer for answer in answers if isinstance(answer, StoreTimeoutError)]) == 1
    assert answers.count([]) == 9


# A closed client ends the process where it is used carelessly: each of these runs in one of its own.

CLOSED = """
    import asyncio
    from datetime import timedelta
    from momento import CacheClient, Configurations
    from chatmem_nb.errors import StoreClosedError
    from chatmem_nb.local import LocalMomento
    from chatmem_nb.stores.momento import MomentoSessionStore

    def refused(call):
        try:
            result = call()
            if asyncio.iscoroutine(result):
                asyncio.run(result)
        except StoreClosedError as exc:
            return str(exc)
        raise AssertionError("not refused")

    with LocalMomento() as server:
        client = CacheClient(Configurations.Laptop.v1(), server.credential_provider, timedelta(hours=1))
        store = MomentoSessionStore(client, "c")
        {use}
        {close}
        for prefix in ("", "a"):
            for verb, *args in (
                ("append", "s", ["r"]), ("read", "s"), ("length", "s"), ("delete", "s"), ("summaries", ["s"]),
                ("insert", "s", 0, ["r"]), ("replace", "s", ["r"]), ("remove", "s", 0, "r"),
            ):
                print(refused(lambda: getattr(store, prefix + verb)(*args)))
        print(refused(lambda: list(store.session_ids())))
        {end}
"""


@pytest.mark.parametrize("use", ["pass", "store.append('s', ['r'])"])
@pytest.mark.parametrize(
    ("close", "end"),
    [
        ("store.close()", "client.__exit__(None, None, None)"),
        ("client.__exit__(None, None, None)", "print(refused(lambda: MomentoSessionStore(client, 'c')))"),
    ],
    ids=["closed store", "closed client"],
)
def test_what_is_closed_says_so_and_does_not_end_the_process(use: str, close: str, end: str) -> None:
    code = textwrap.dedent(CLOSED).format(use=use, close=close, end=end)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == (17 if close == "store.close()" else 18)
    assert "closed" in done.stdout


def test_a_store_closes_the_client_that_it_made(server: LocalMomento) -> None:
    store = server.store()
    client = store.cache_client
    store.close()
    with pytest.raises(StoreClosedError):
        MomentoSessionStore(client, "c")


def test_closing_in_one_task_ends_the_calls_of_others(server: LocalMomento) -> None:
    async def use() -> list[Any]:
        store = server.store()
        server.faults.add("hang", times=3, delay=timedelta(seconds=30))
        reading = [asyncio.create_task(store.aread("s")) for _ in range(3)]
        while len(server.faults):
            await asyncio.sleep(0.005)
        await store.aclose()
        return await asyncio.gather(*reading, return_exceptions=True)

    assert [type(answer).__bases__[1] for answer in asyncio.run(use())] == [StoreClosedError] * 3
