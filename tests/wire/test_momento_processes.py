"""The Momento store under Ctrl+C, in forked children, and when the process ends: real signals, real forks."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chatmem_nb.local import LocalMomento


@pytest.fixture(scope="module")
def server() -> Iterator[LocalMomento]:
    with LocalMomento() as server:
        yield server


START = """
    import asyncio, os, random, signal, sys, threading, time
    from datetime import timedelta
    from momento import CacheClient, Configurations, CredentialProvider
    from chatmem_nb.errors import StoreClosedError, StoreError, StoreTimeoutError, StoreUnavailableError
    from chatmem_nb.stores.momento import MomentoSessionStore

    provider = CredentialProvider(sys.argv[1], "127.0.0.1", "127.0.0.1", "127.0.0.1", int(sys.argv[2]))
    hour = timedelta(hours=1)
    name = f"s{os.getpid()}"

    def own(timeout_s=3.0):
        return MomentoSessionStore.from_credentials(provider, "c", hour, timeout_s=timeout_s)

    def given(timeout_s=3.0):
        client = CacheClient(Configurations.Laptop.v1(), provider, hour)
        return MomentoSessionStore(client, "c", timeout_s=timeout_s)

    def sync(store, verb, *args):
        return getattr(store, verb)(*args)

    def native(store, verb, *args):
        return asyncio.run(getattr(store, "a" + verb)(*args))
"""


def run(server: LocalMomento, code: str, *, timeout_s: float = 100, forks_at_rest: bool = True) -> str:
    """Run `code` in a process of its own, and return what it prints; it must end by itself."""
    source = textwrap.dedent(START) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", source, server.token, str(server.port)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr
    assert "ignored" not in done.stderr, done.stderr  # an interrupt that landed in a `__del__`
    if forks_at_rest:
        assert "skipping fork" not in done.stderr, done.stderr  # gRPC's state is of no use in the child
    return done.stdout


INTERRUPTED = """
    call, chance = {call}, random.Random({seed})
    store = {store}(timeout_s=6.0)
    sent = []
    interrupts = 0
    call(store, "append", name, ["first"])

    def arm():
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.004))

    def texts(number):
        return ['{{"record_id": "%d-%d"}}' % (number, position) for position in range(200)]

    def write(number):
        arm()
        for text in texts(number):
            store.append(name, [text])
            sent.append(text)

    async def awrite(number):
        arm()
        for text in texts(number):
            await store.aappend(name, [text])
            sent.append(text)

    for number in range(60):
        try:
            write(number) if call is sync else asyncio.run(awrite(number))
        except KeyboardInterrupt:
            interrupts += 1
        started = time.monotonic()
        call(store, "length", name)
        assert time.monotonic() - started < 6.0, "slow after an interrupt"
    stored = call(store, "read", name)
    assert interrupts == 60, interrupts
    assert len(set(stored)) == len(stored)
    assert [text for text in stored if text in set(sent)] == sent
    {end}
    print("done")
"""


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("store", ["own", "given"])
@pytest.mark.parametrize("call", ["sync", "native"])
@pytest.mark.parametrize("end", ["store.close()", "pass"], ids=["closed", "left open"])
def test_every_call_after_an_interrupt_ends(
    server: LocalMomento, call: str, store: str, end: str, seed: int
) -> None:
    assert run(server, INTERRUPTED.format(call=call, store=store, end=end, seed=seed)) == "done\n"


BROKEN = """
    call = {call}
    store = {store}(timeout_s=1.5)
    call(store, "append", name, ["first"])
    # What an interrupt within gRPC leaves behind: a lock that nobody releases, so that no request ends.
    channel = store.cache_client._data_clients[0]._grpc_manager._channel
    held = threading.Event()

    def hold():
        with channel._call_state.lock:
            held.set()
            threading.Event().wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    started = time.monotonic()
    try:
        call(store, "length", name)
    except StoreTimeoutError:
        print("timed out")
    except StoreUnavailableError as error:
        print("make a new CacheClient" in str(error))
    assert time.monotonic() - started < 6.0
    {then}
"""


@pytest.mark.parametrize("call", ["sync", "native"])
def test_a_broken_channel_of_the_store_is_replaced(server: LocalMomento, call: str) -> None:
    then = 'print(call(store, "append", name, ["second"]), call(store, "length", name)); store.close()'
    assert run(server, BROKEN.format(call=call, store="own", then=then)) == "timed out\n2 2\n"


@pytest.mark.parametrize("call", ["sync", "native"])
def test_a_broken_channel_of_a_given_client_is_said(server: LocalMomento, call: str) -> None:
    assert run(server, BROKEN.format(call=call, store="given", then="store.close()")) == "True\n"


FORKED = """
    call, store = {call}, {store}()
    call(store, "append", name, ["parent"])

    def child():
        try:
            print(call(store, "append", name, ["child"]), call(store, "read", name))
        except StoreClosedError as error:
            print("make a new CacheClient" in str(error))
        store.close()
        sys.stdout.flush()

    for _ in range(3):
        if (pid := os.fork()) == 0:
            child()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    print(call(store, "length", name), flush=True)
    store.close()
"""


@pytest.mark.parametrize("call", ["sync", "native"])
def test_a_forked_child_makes_a_client_of_its_own(server: LocalMomento, call: str) -> None:
    printed = run(server, FORKED.format(call=call, store="own")).splitlines()
    assert printed == [
        "2 ['parent', 'child']",
        "3 ['parent', 'child', 'child']",
        "4 ['parent', 'child', 'child', 'child']",
        "4",
    ]


@pytest.mark.parametrize("call", ["sync", "native"])
def test_a_forked_child_does_not_use_a_given_client(server: LocalMomento, call: str) -> None:
    assert run(server, FORKED.format(call=call, store="given")).splitlines() == ["True"] * 3 + ["1"]


def test_a_fork_while_threads_write_mixes_nothing(server: LocalMomento) -> None:
    code = """
        store, stop = own(10.0), threading.Event()
        store.append(name, ["parent"])
        def write(number):
            while not stop.is_set():
                store.append(f"{name}-{number}", ["x"])
        threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            if (pid := os.fork()) == 0:
                ok = store.read(name) == ["parent"] and store.append(f"child-{os.getpid()}", ["r"]) == 1
                os._exit(0 if ok else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        store.close()
        print("done")
    """
    assert run(server, code) == "done\n"


@pytest.mark.parametrize("call", ["sync", "native"])
def test_a_fork_waits_for_requests_under_way(server: LocalMomento, call: str) -> None:
    code = f"""
        store = own(10.0)
        store.append(name, ["parent"])
        reading = threading.Thread(target={call}, args=(store, "read", name + "-slow"), daemon=True)
        sent = store.commands.requests
        reading.start()
        while store.commands.requests == sent:
            time.sleep(0.001)
        if (pid := os.fork()) == 0:
            os._exit(0 if {call}(store, "read", name) == ["parent"] else 1)
        print(os.waitpid(pid, 0)[1])
        reading.join()
    """
    server.faults.add("delay", command="ListFetch", delay=timedelta(seconds=0.5))
    try:
        assert run(server, code) == "0\n"
    finally:
        server.faults.clear()


def test_a_fork_does_not_wait_for_ever(server: LocalMomento) -> None:
    server.faults.add("hang", command="ListFetch")
    code = """
        store = own(60.0)
        threading.Thread(target=store.read, args=(name,), daemon=True).start()
        while not store.commands.requests:
            time.sleep(0.001)
        if (pid := os.fork()) == 0:
            os._exit(0)
        print(os.waitpid(pid, 0)[1], flush=True)
        os._exit(0)
    """
    try:
        assert run(server, code, timeout_s=20, forks_at_rest=False) == "0\n"
    finally:
        server.faults.clear()


def test_a_process_ends_with_requests_under_way(server: LocalMomento) -> None:
    server.faults.add("hang", command="ListFetch", times=3)
    code = """
        store = own(60.0)
        for _ in range(3):
            threading.Thread(target=lambda: store.read(name), daemon=True).start()
        while store.commands.requests < 3:
            time.sleep(0.01)
        print("done")
    """
    try:
        assert run(server, code, timeout_s=20) == "done\n"
    finally:
        server.faults.clear()
