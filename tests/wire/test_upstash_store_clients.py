"""Clients by process and event loop, what they send besides commands, and DNS that does not respond."""

from __future__ import annotations

import asyncio
import gc
import pickle
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chatmem_nb.errors import StoreClosedError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.fault_proxy import answer_message, read_message
from tests.odd_server import odd_server

ROOT = Path(__file__).parents[2]
BEGIN = """
import asyncio, os, signal, socket, sys, threading, time
sys.path.insert(0, sys.argv[1])
from chatmem_nb.errors import StoreTimeoutError
from chatmem_nb.stores.upstash import UpstashSessionStore
colour, url, token = sys.argv[2:5]

def read(store, session_id):
    return store.read(session_id) if colour == "sync" else asyncio.run(store.aread(session_id))
"""


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


def run(program: str, *arguments: str) -> None:
    """Run `program` in a process of its own, which ends soon and without an error."""
    command = [sys.executable, "-c", BEGIN + program, str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


FORK = """
sessions = {f"s{number}": [f"s{number} {i}" for i in range(20)] for number in range(4)}
store = UpstashSessionStore(url, token)
for session_id, records in sessions.items():
    store.append(session_id, records)

def check(session_id):
    for _ in range(30 if colour == "sync" else 8):
        assert read(store, session_id) == sessions[session_id]

def fork(work):
    process_id = os.fork()
    if process_id == 0:
        signal.alarm(100)
        try:
            work()
        except BaseException as exc:  # a fork must not go on as a second pytest
            print(repr(exc), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return process_id

children = [fork(lambda session_id=session_id: check(session_id)) for session_id in sessions]
check("s0")
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
"""


@pytest.mark.slow
def test_a_forked_child_reads_its_own_session(colour: str) -> None:
    with LocalUpstash() as server:
        run(FORK, colour, server.url, server.token)


FORK_IN_A_LOOP = """
store = UpstashSessionStore(url, token)
store.append("s", ["parent"])
store.append("t", ["child"])

async def main():
    assert await store.aread("s") == ["parent"]
    process_id = os.fork()
    if process_id == 0:
        signal.alarm(100)
        async def check():
            for _ in range(20):
                assert await store.aread("t") == ["child"]
        try:
            asyncio.run(check())
        except BaseException as exc:  # a fork must not go on as a second pytest
            print(repr(exc), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    for _ in range(20):
        assert await store.aread("s") == ["parent"]
    assert os.waitpid(process_id, 0)[1] == 0

asyncio.run(main())
"""


def test_a_child_that_is_forked_in_an_event_loop_reads_its_own_session() -> None:
    with LocalUpstash() as server:
        run(FORK_IN_A_LOOP, "async", server.url, server.token)


FORK_UNDER_LOCKS = """
store = UpstashSessionStore(url, token)
store.append("s", ["r"])
ending = threading.Event()

def count():
    while not ending.is_set():
        store.commands.add(requests=1)
        store.redis_client
        time.sleep(0)

threads = [threading.Thread(target=count) for _ in range(2)]
for thread in threads:
    thread.start()
sys.setswitchinterval(1e-6)
for _ in range(10):
    process_id = os.fork()
    if process_id == 0:
        signal.alarm(100)
        os._exit(0 if read(store, "s") == ["r"] else 1)
    assert os.waitpid(process_id, 0)[1] == 0
ending.set()
"""


@pytest.mark.slow
def test_a_fork_under_a_held_lock_leaves_the_child_usable(colour: str) -> None:
    with LocalUpstash() as server:
        run(FORK_UNDER_LOCKS, colour, server.url, server.token)


def test_a_store_that_is_closed_while_it_connects_leaves_no_socket(server: LocalUpstash, colour: str) -> None:
    async def read_and_close() -> None:
        store = server.store()
        reading = [asyncio.ensure_future(store.aread("s")) for _ in range(6)]
        await asyncio.sleep(0)
        await store.aclose()
        for outcome in await asyncio.gather(*reading, return_exceptions=True):
            assert outcome == [] or isinstance(outcome, StoreClosedError)

    def read(store: UpstashSessionStore, ready: threading.Barrier) -> None:
        ready.wait()
        with suppress(StoreClosedError):
            store.read("s")

    for _ in range(5):
        if colour == "async":
            asyncio.run(read_and_close())
            continue
        with ThreadPoolExecutor(6) as pool:
            store, ready = server.store(), threading.Barrier(7)
            for _ in range(6):
                pool.submit(read, store, ready)
            ready.wait()
            store.close()
    gc.collect()  # an open socket would be a ResourceWarning here, and so an error


def test_a_tls_handshake_that_is_cancelled_leaves_no_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def cancel_in_handshake() -> None:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            async with UpstashSessionStore(url, "token", timeout_s=60) as store:
                reading = asyncio.ensure_future(store.aread("s"))
                accepted, _ = await asyncio.to_thread(listener.accept)
                with accepted:
                    accepted.settimeout(20)
                    assert await asyncio.to_thread(accepted.recv, 65_536)  # the handshake has begun
                    reading.cancel()
                    await asyncio.wait([reading])
                    with suppress(ConnectionResetError):
                        assert await asyncio.to_thread(accepted.recv, 65_536) == b""

        asyncio.run(cancel_in_handshake())


def test_a_store_is_not_pickled_and_says_what_to_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalUpstash() as server, server.store() as store:
        store.append("s", ["r"])
        with pytest.raises(
            TypeError, match=r"Pickle functools.partial\(UpstashSessionStore.from_env"
        ) as failed:
            pickle.dumps(store)
        assert server.token not in str(failed.value)
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", server.url)
        monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", server.token)
        make = pickle.loads(pickle.dumps(partial(UpstashSessionStore.from_env, timeout_s=5.0)))
        with make() as other:
            assert other.read("s") == ["r"]


BLACK_HOLE = """
def getaddrinfo(*args, **kwargs):
    time.sleep(40)
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

socket.getaddrinfo = getaddrinfo
began = time.monotonic()
try:
    read(UpstashSessionStore(url, token, timeout_s=1.0), "s")
except StoreTimeoutError:
    pass
else:
    sys.exit("no timeout")
elapsed = time.monotonic() - began
assert elapsed < 8, elapsed
"""


@pytest.mark.slow
def test_dns_that_does_not_respond_holds_up_neither_call_nor_loop_nor_exit(colour: str) -> None:
    command = [sys.executable, "-c", BEGIN + BLACK_HOLE, str(ROOT), colour, "https://db.example", "token"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_a_host_name_is_resolved(colour: str) -> None:
    with LocalUpstash() as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with Coloured(UpstashSessionStore(url, server.token), colour) as store:
            assert store.append("s", ["r"]) == 1
            assert store.read("s") == ["r"]


def test_no_telemetry_is_sent(colour: str) -> None:
    heads: list[str] = []

    def talk(connection: Any) -> None:
        while request := read_message(connection):
            heads.append(request.partition(b"\r\n\r\n")[0].decode().lower())
            result = b'[{"result":[]}]' if b"/pipeline " in request else b'{"result":1}'
            connection.sendall(answer_message(b"200 OK", b"application/json", result))

    with odd_server(talk) as url, Coloured(UpstashSessionStore(url, "token"), colour) as store:
        store.append("s", ["r"])
        store.length("s")
        store.read_many(["s"])
        store.store.redis_client.llen("s")
    assert len(heads) == 4
    for head in heads:
        assert "telemetry" not in head
        assert "python-upstash" not in head
