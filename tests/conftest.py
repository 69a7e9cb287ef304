"""Options of the whole test suite, what every test file is held to, and the servers that tests share."""

from __future__ import annotations

import functools
import gc
import signal
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx._transports.default as httpx_transport
import pytest
from hypothesis import HealthCheck, settings
from upstash_redis import Redis

from chatmem_nb import local

from .redis_server import redis_server

# A loaded machine draws slowly; that says nothing about what is tested.
_LOADED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=5, derandomize=True, **_LOADED)
settings.register_profile("slow", max_examples=20, derandomize=True, **_LOADED)
settings.register_profile("thorough", max_examples=200, **_LOADED)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take a minute")
    parser.addoption("--soak", action="store_true", help="also run those that take many")


def pytest_configure(config: pytest.Config) -> None:
    soak, slow = config.getoption("--soak"), config.getoption("--slow")
    settings.load_profile("thorough" if soak else "slow" if slow else "quick")
    # A process in the background ignores SIGINT, and so would what the tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # httpx 0.28 loads all root certificates for each client, also for http://. That takes 30 ms, and the
    # tests make thousands of clients.
    httpx_transport.create_ssl_context = functools.cache(httpx_transport.create_ssl_context)
    gc.disable()  # importing makes much, and nothing that could be freed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The notebooks take minutes on one worker, for they share an environment: first, or others wait for them.
    items.sort(key=lambda item: not item.nodeid.startswith("tests/notebooks"))
    # Deselected and not skipped: a skipped test is one that could not run here.
    left_out = [name for name in ("slow", "soak") if not config.getoption(f"--{name}")]
    deselected = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in set(deselected)]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    # Odd records hold lone surrogates, which pytest-xdist cannot send: one failure would end the whole run.
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_sendable(one) for one in value)
    return value


def pytest_collection_finish() -> None:
    # What is imported by now stays: the garbage collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(
        20_000
    )  # 700 would take a twentieth of the time; what is left open is found all the same
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _leaves_nothing_open() -> Iterator[None]:
    """Collect what a file leaves behind: a socket left open is an error there, and not in a later file."""
    yield
    gc.collect()
    gc.freeze()  # what is still there stays: the next collection is of one file


# The servers run once for each worker. A test gets one by `upstash`, `momento` or `redis_upstash`, without
# faults or latency, and a key prefix of its own by `prefix`. `server`, `store` and `other` are of both
# services: a file about one of them defines `server` anew, in a line. Data that a whole file shares needs
# a server of its own.


@pytest.fixture(scope="session")
def local_upstash() -> Iterator[local.LocalUpstash]:
    with local.LocalUpstash() as server:
        yield server


@pytest.fixture(scope="session")
def local_momento() -> Iterator[local.LocalMomento]:
    with local.LocalMomento() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real redis-server."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def local_redis_upstash(redis_url: str) -> Iterator[local.LocalUpstash]:
    with local.LocalUpstash(redis_url=redis_url) as server:
        yield server


@pytest.fixture
def upstash(local_upstash: local.LocalUpstash) -> Iterator[local.LocalUpstash]:
    """LocalUpstash over its embedded engine; emptied after the test."""
    yield local_upstash
    _reset(local_upstash)


@pytest.fixture
def redis_upstash(local_redis_upstash: local.LocalUpstash) -> Iterator[local.LocalUpstash]:
    """LocalUpstash over a real redis-server; emptied after the test."""
    yield local_redis_upstash
    _reset(local_redis_upstash)


@pytest.fixture
def momento(local_momento: local.LocalMomento) -> Iterator[local.LocalMomento]:
    """LocalMomento; what a test stored there stays, under its own prefix."""
    yield local_momento
    _reset(local_momento)


def _reset(server: local.LocalUpstash | local.LocalMomento) -> None:
    server.faults.clear()
    server.latency = timedelta(0)
    if isinstance(server, local.LocalUpstash):
        with Redis(server.url, server.token, allow_telemetry=False) as redis:
            redis.flushall()


@pytest.fixture(params=["upstash", "momento"])
def server(request: pytest.FixtureRequest) -> Any:
    """Both services, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"{uuid4().hex}:"


@pytest.fixture
def store(server: Any, prefix: str) -> Iterator[Any]:
    with server.store(key_prefix=prefix) as store:
        yield store


@pytest.fixture
def other(server: Any, prefix: str) -> Iterator[Any]:
    """A second store on the same server, with a prefix of its own."""
    with server.store(key_prefix=f"other:{prefix}") as store:
        yield store


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    """For `Coloured`: the verbs of a store, or their async twins."""
    return str(request.param)


@pytest.fixture(params=["memory", "sqlite", "async-sqlite", "upstash"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A checkpointer of LangGraph, of each kind."""
    from .langgraph_threads import saver_of

    with saver_of(request.param, tmp_path) as saver:
        yield saver


@pytest.fixture
def memory() -> Any:
    """A checkpointer of LangGraph that keeps its threads in memory."""
    from langgraph.checkpoint.memory import InMemorySaver

    return InMemorySaver()


@pytest.fixture
def browser(store: Any) -> Iterator[Any]:
    """A HistoryBrowser over `store`, whose messages to the page are kept; see `tests.wire.browser_page`."""
    from chatmem_nb import HistoryBrowser

    from .wire.browser_page import kept_comms

    with kept_comms():
        browser = HistoryBrowser(store)
        yield browser
        browser.close()


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The variables of the notebook, as the browser sees them."""
    from chatmem_nb.widgets import notebook_variables

    names: dict[str, Any] = {}
    monkeypatch.setattr(notebook_variables, "user_namespace", lambda: names)
    return names
