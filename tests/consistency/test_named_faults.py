"""Faults that were found from outside, each as it was found: one test a claim."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chatmem_nb import HistoryBrowser, export, import_file
from chatmem_nb.errors import StoreError, StoreThrottledError
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.stores.protocol import SessionStore
from tests.consistency.check import check
from tests.consistency.history import History, new_record
from tests.consistency.violations import ATOMIC
from tests.wire.browser_page import Page, Refused, kept_comms

ROOT = Path(__file__).parents[2]
PUSH, FRONT, ERASE = "ListConcatenateBack", "ListConcatenateFront", "ListErase"


@pytest.fixture(scope="module")
def momento_server() -> Iterator[LocalMomento]:
    with LocalMomento() as server:
        yield server


@pytest.fixture(scope="module")
def upstash_server() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server:
        yield server


@pytest.fixture
def momento(momento_server: LocalMomento) -> Iterator[SessionStore]:
    with momento_server.store(key_prefix=f"{uuid4().hex}:") as store:
        yield store
    momento_server.faults.clear()


@pytest.fixture
def faults(momento_server: LocalMomento) -> Any:
    return momento_server.faults


@pytest.fixture(params=["upstash", "momento"])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    server = request.getfixturevalue(f"{request.param}_server")
    yield server
    server.faults.clear()


@pytest.fixture
def store(server: Any) -> Iterator[SessionStore]:
    with server.store(key_prefix=f"{uuid4().hex}:") as store:
        yield store


@pytest.fixture
def slow_network(server: Any) -> Iterator[None]:
    """Holds each request for some milliseconds, so that others come in between."""
    server.latency = timedelta(milliseconds=4)
    yield
    server.latency = timedelta(0)


@pytest.fixture
def browser(store: SessionStore) -> Iterator[HistoryBrowser]:
    with kept_comms():
        browser = HistoryBrowser(store)
        yield browser
        browser.close()


def in_a_thread(call: Callable[[], Any]) -> Callable[[], Any]:
    """Start `call`; what is returned waits for its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future.result


def wait_until(claim: Callable[[], bool]) -> None:
    while not claim():
        threading.Event().wait(0.0005)


def records(number: int) -> list[str]:
    return [new_record(i) for i in range(number)]


# 1: a push that was not applied


def test_a_replace_by_records_that_are_there_keeps_them(momento: SessionStore, faults: Any) -> None:
    own = records(10)
    momento.append("s", own)
    faults.add("drop_before", command=PUSH)
    assert momento.replace("s", own[-4:]) == 4
    assert momento.read("s") == own[-4:]


@pytest.mark.parametrize(("index", "rpc"), [(6, PUSH), (3, FRONT)], ids=["back", "front"])
def test_a_split_insert_keeps_what_it_moves(momento_server: LocalMomento, index: int, rpc: str) -> None:
    with momento_server.store(key_prefix=f"{uuid4().hex}:", max_request_bytes=200) as store:
        own, new = records(10), records(1)
        for record in own:
            store.append("s", [record])
        for _ in range(3):  # a part without one in between, so that each part meets it
            momento_server.faults.add("drop_before", command=rpc)
            momento_server.faults.add("delay", command=rpc)
        store.insert("s", index, new)
        momento_server.faults.clear()
        assert store.read("s") == [*own[:index], *new, *own[index:]]


def test_an_append_of_a_record_that_is_there_lands(momento: SessionStore, faults: Any) -> None:
    own = records(3)
    momento.append("s", own)
    faults.add("drop_before", command=PUSH)
    assert momento.append("s", own[-1:]) == 4
    assert momento.read("s") == [*own, own[-1]]


def test_a_second_import_stores_what_it_reports(momento: SessionStore, faults: Any, tmp_path: Path) -> None:
    own = records(10)
    momento.append("s", own)
    export(momento, tmp_path / "s.jsonl", progress=False)
    momento.delete("s")
    import_file(tmp_path / "s.jsonl", momento)
    faults.add("drop_before", command=PUSH)
    report = import_file(tmp_path / "s.jsonl", momento, on_conflict="append")
    assert report["n_messages"].tolist() == [10]
    assert momento.read("s") == own * 2


# 2: an erase whose response was lost


@pytest.mark.parametrize("equal", [True, False], ids=["of three equal ones", "of three"])
def test_a_remove_takes_one_record(
    momento: SessionStore, momento_server: LocalMomento, faults: Any, equal: bool
) -> None:
    own, new = [new_record("yes")] * 3 if equal else records(3), records(2)
    momento.append("s", own)
    with momento_server.store(key_prefix=momento.key_prefix) as other:
        other.length("s")
        faults.add("drop_after", command=ERASE)
        removed = in_a_thread(lambda: momento.remove("s", 0, own[0]))
        wait_until(lambda: len(faults) == 0)
        other.append("s", new)  # after the erase, and before anybody looks for it
        assert removed() is True
    assert momento.read("s") == [*own[1:], *new]


# 3: interrupts

_INTERRUPTED = """
import contextlib, faulthandler, signal, sys, threading, time
from datetime import timedelta
from momento import CredentialProvider
from chatmem_nb.errors import StoreError
from chatmem_nb.stores.momento import MomentoSessionStore
port, token, prefix = int(sys.argv[1]), sys.argv[2], sys.argv[3]
provider = CredentialProvider(token, "127.0.0.1", "127.0.0.1", "127.0.0.1", port)
store = MomentoSessionStore.from_credentials(
    provider, "chatmem", timedelta(hours=1), key_prefix=prefix, timeout_s=0.5
)
connected = False
while not connected:  # on a slow machine that takes longer
    with contextlib.suppress(StoreError):
        store.append("s", ["first"])
        connected = True
main = threading.main_thread().ident
def interrupt(delay):
    time.sleep(delay)
    signal.pthread_kill(main, signal.SIGINT)
for number in range(40):
    faulthandler.dump_traceback_later(20, exit=True)
    thread = threading.Thread(target=interrupt, args=[0.0002 * (1 + number % 15)])
    try:
        thread.start()
        while True:
            with contextlib.suppress(StoreError):
                store.append("s", [f"{number}"])
    except KeyboardInterrupt:
        pass
    thread.join()
    with contextlib.suppress(StoreError):
        store.length("s")  # the next call, which nobody interrupts
faulthandler.dump_traceback_later(20, exit=True)
print("ended", flush=True)
"""


def test_each_call_after_an_interrupt_ends(momento_server: LocalMomento) -> None:
    arguments = [str(momento_server.port), momento_server.token, f"{uuid4().hex}:"]
    ended = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ended.stdout, ended.returncode) == ("ended\n", 0), ended.stderr[-2_000:]


# 4: a store in a forked process

_FORKED = """
import os, sys
from chatmem_nb.errors import StoreError
from chatmem_nb.stores.upstash import UpstashSessionStore
names = [f"s{number}" for number in range(4)]
def wrong(store, name):
    found = 0
    for _ in range(20):
        try:
            found += store.read(name) != [name]
        except StoreError:
            found += 1
    return found
total = 0
for round in range(8):
    store = UpstashSessionStore(sys.argv[1], sys.argv[2], key_prefix=f"{sys.argv[3]}{round}", timeout_s=4.0)
    for name in names:
        store.append(name, [name])
    children = []
    for name in names[1:]:
        pid = os.fork()
        if pid == 0:
            os._exit(wrong(store, name))
        children.append(pid)
    total += wrong(store, names[0])
    total += sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)
print(total, flush=True)
"""


def test_forked_processes_read_their_own_sessions(upstash_server: LocalUpstash) -> None:
    arguments = [upstash_server.url, upstash_server.token, f"{uuid4().hex}:"]
    ended = subprocess.run(
        [sys.executable, "-c", _FORKED, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "0\n", ended.stderr[-2_000:]


# 5: the undo of a clear, and a page that is behind


@pytest.mark.usefixtures("slow_network")
def test_the_undo_of_a_clear_keeps_what_others_appended(
    browser: HistoryBrowser, server: Any, store: SessionStore
) -> None:
    own, history = records(3), History()
    store.append("s", own)
    browser.select("s")
    stop, new = threading.Event(), list[str]()

    def append() -> None:
        with server.store(key_prefix=store.key_prefix) as other:
            while not stop.is_set():
                record = new_record(len(new))
                operation = history.invoke("s", "append", records=(record,))
                history.call(operation, partial(other.append, "s", [record]))
                new.append(record)

    appended = in_a_thread(append)
    for _ in range(25):
        clear = history.invoke("s", "clear")
        if history.call(clear, lambda: bool(browser.clear("s"))).result:
            history.call(history.invoke("s", "undo", undoes=clear.number), browser.undo)
    stop.set()
    appended()
    found = check(history, {"s": store.read("s")}, ATOMIC, initial={"s": own})
    assert not found, "\n".join(map(str, found[:5]))


def test_a_page_removes_the_message_that_it_shows_or_none(
    browser: HistoryBrowser, server: Any, store: SessionStore
) -> None:
    own = records(4)
    store.append("s", own)
    page = Page(browser)
    opened = page.open("s")
    row = page.ask("window", **opened, start=2, stop=3)["rows"][0]
    with server.store(key_prefix=store.key_prefix) as other:
        other.remove("s", 0, own[0])
    known = {name: row[name] for name in ("record_id", "digest") if name in row}
    with suppress(Refused):
        page.ask("remove", **opened, index=2, **known)
    assert store.read("s") in (own[1:], [own[1], own[3]])


# 6: sessions that no listing names


def test_a_session_that_is_appended_to_while_it_is_deleted_is_listed(
    momento: SessionStore, momento_server: LocalMomento, faults: Any
) -> None:
    momento.append("s", records(2))
    with momento_server.store(key_prefix=momento.key_prefix) as other:
        _append_before_a_name_goes(momento_server, lambda: momento.delete("s"), other)
        assert other.length("s") == 1
        assert list(other.session_ids()) == ["s"]


def test_a_session_that_lost_its_name_is_listed_after_the_next_use(
    momento: SessionStore, momento_server: LocalMomento, faults: Any
) -> None:
    momento.append("s", records(2))
    with momento_server.store(key_prefix=momento.key_prefix) as other:
        _append_before_a_name_goes(momento_server, lambda: momento.delete("s"), other)
        assert len(other.read("s")) == 1
        assert list(other.session_ids()) == ["s"]


def test_a_session_that_is_appended_to_while_its_expired_name_goes_is_listed(
    momento: Any, momento_server: LocalMomento, faults: Any
) -> None:
    key = f"{momento.key_prefix}s"
    momento.length("s")
    momento.append("another", records(1))
    momento.cache_client.list_concatenate_back("chatmem", key, records(1))
    momento.read("s")  # lists it, with no time of a write
    momento.cache_client.delete("chatmem", key)  # as if it had expired
    with momento_server.store(key_prefix=momento.key_prefix) as other:
        _append_before_a_name_goes(momento_server, lambda: list(momento.session_ids()), other)
        assert other.length("s") == 1
        assert "s" in list(other.session_ids())


def _append_before_a_name_goes(server: LocalMomento, call: Callable[[], Any], other: SessionStore) -> None:
    """Do `call`; another client appends while the request that takes the name out is on its way."""
    other.length("s")
    server.faults.add("hang", command="SortedSetRemove", delay=timedelta(milliseconds=300))
    called = in_a_thread(call)
    wait_until(lambda: len(server.faults) == 0)
    other.append("s", records(1))
    called()


# beyond the issue


def test_an_append_that_may_be_stored_is_not_reported_as_throttled(upstash_server: LocalUpstash) -> None:
    with upstash_server.store(key_prefix=f"{uuid4().hex}:", timeout_s=1.0) as store:
        assert store.length("s") == 0  # connected: the time is for the append alone
        upstash_server.faults.add("drop_after", command="EVAL")
        upstash_server.faults.add("refuse", command="EVAL", times=1_000)
        with pytest.raises(StoreError) as failed:
            store.append("s", records(1))
        assert store.length("s") == 1
        assert not isinstance(failed.value, StoreThrottledError)
    upstash_server.faults.clear()
