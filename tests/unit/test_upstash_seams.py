"""Where the Upstash store reaches beneath the SDK: each name that it relies on, pinned."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import upstash_redis
import upstash_redis.asyncio
from chatmem_nb.stores.upstash.deadline import Again, Backoff, Deadline
from chatmem_nb.stores.upstash.glob import escaped
from chatmem_nb.stores.upstash.http import Exchange
from chatmem_nb.stores.upstash.writing import parts_of

from chatmem_nb import stores
from chatmem_nb.errors import InvalidInputError, RecordTooLargeError
from chatmem_nb.stores import scripts
from chatmem_nb.stores._loops import LoopClients
from chatmem_nb.stores.protocol import CommandCount
from chatmem_nb.stores.upstash import errors as upstash_errors
from chatmem_nb.stores.upstash.clients import clients_for
from chatmem_nb.stores.upstash.network import LimitedBackend

URL = "https://example.upstash.io"


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8000", "https://localhost"])
def test_the_sdks_http_client_is_where_its_timeout_is_set(url: str) -> None:
    client = clients_for(url, "token", 7.0).make()
    assert isinstance(client._http._client, httpx.Client)
    assert client._http._client.timeout == httpx.Timeout(7.0)
    assert len(client._http._client.event_hooks["request"]) == 1
    assert len(client._http._client.event_hooks["response"]) == 1
    client.close()


@pytest.mark.parametrize("url", [URL, "http://127.0.0.1:8000", "https://localhost"])
def test_the_sdks_async_http_client_is_where_its_timeout_is_set(url: str) -> None:
    client = clients_for(url, "token", 7.0).make_async()
    assert isinstance(client._http._client, httpx.AsyncClient)
    assert client._http._client.timeout == httpx.Timeout(7.0)
    assert len(client._http._client.event_hooks["request"]) == 1
    assert len(client._http._client.event_hooks["response"]) == 1
    asyncio.run(client.close())


def test_the_sdk_still_waits_without_end_by_itself() -> None:
    """Once this fails, the SDK has a timeout, and the seam can go."""
    with upstash_redis.Redis(URL, "token") as client:
        assert client._http._client.timeout == httpx.Timeout(None)


def test_a_request_is_the_same_as_httpx_makes_it() -> None:
    for make in (clients_for(URL, "token", 7.0).make, clients_for(URL, "token", 7.0).make_async):
        client: Any = make()
        asked = {
            "method": "POST",
            "url": URL,
            "headers": {"X-Own": "1"},
            "json": ["EVAL", 1, '漢字 "\n\x00 👋', 2.5],
        }
        plain = client._http._client.build_request(**asked)
        with Exchange("host", 1, Deadline(1), CommandCount()).running():
            quick = client._http._client.build_request(**asked)
        assert json.loads(quick.content) == json.loads(plain.content) == asked["json"]
        assert quick.headers == plain.headers
        closed = client.close()
        if closed is not None:
            asyncio.run(closed)


def test_the_sdk_retries_nothing_and_decodes_nothing() -> None:
    clients = clients_for(URL, "token", 7.0)
    client, aclient = clients.make(), clients.make_async()
    for each in (client, aclient):
        assert each._http._retries == 0
        assert each._http._encoding is None
        assert "Upstash-Encoding" not in each._headers
    client.close()
    asyncio.run(aclient.close())


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_every_connection_is_made_by_the_backend_that_ends(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    client = clients_for(URL, "token", 7.0).make()
    http: Any = client._http._client
    transports = [http._transport, *(one for one in http._mounts.values() if one)]
    assert len(transports) == (2 if proxy else 1)
    for transport in transports:
        assert isinstance(transport._pool._network_backend, LimitedBackend)
    client.close()


def test_a_name_that_takes_long_to_look_up_ends_in_time() -> None:
    looking = threading.Event()

    class Slow(httpcore.NetworkBackend):
        def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
            looking.wait(5)
            return Stream()

    class Stream(httpcore.NetworkStream):
        def close(self) -> None:
            closed.set()

    closed = threading.Event()
    exchange = Exchange("host", 1, Deadline(0.1), CommandCount())
    began = time.monotonic()
    with exchange.running(), pytest.raises(httpcore.ConnectTimeout):
        LimitedBackend(Slow()).connect_tcp("some.name", 443)
    assert time.monotonic() - began < 3
    looking.set()
    assert closed.wait(5)  # a connection that comes too late is closed


def test_the_twins_of_the_sdk_have_what_is_used_of_them() -> None:
    for kind in (upstash_redis.Redis, upstash_redis.asyncio.Redis):
        for name in ("execute", "pipeline", "multi", "close"):
            assert callable(getattr(kind, name))
        parameters = inspect.signature(kind).parameters
        assert {"url", "token", "rest_encoding", "rest_retries"} <= set(parameters)


def test_the_token_stands_in_no_attribute_and_no_repr() -> None:
    clients = clients_for(URL, "very-secret", 7.0)
    assert "very-secret" not in repr(clients)
    assert clients.hide("a very-secret word") == "a *** word"


def test_what_is_allowed_is_every_script() -> None:
    constants = {
        name: value for name, value in vars(scripts).items() if name.isupper() and isinstance(value, str)
    }
    sent = {value for name, value in constants.items() if not name.startswith("_")}
    assert sent == set(scripts.SCRIPTS)


def test_each_error_is_the_sdks_too() -> None:
    kinds = [
        kind
        for kind in vars(upstash_errors).values()
        if isinstance(kind, type) and issubclass(kind, upstash_errors.UpstashStoreError)
    ]
    assert len(kinds) >= 12
    for kind in kinds:
        assert issubclass(kind, upstash_redis.errors.UpstashError)
        assert str(kind("text")) == "text"
        assert kind.__doc__


def test_the_sdk_is_used_in_the_upstash_modules_alone() -> None:
    for path in Path(stores.__file__).parents[1].rglob("*.py"):
        if path.parent.name != "upstash":
            lines = path.read_text(encoding="utf-8").splitlines()
            imported = [
                line for line in lines if line.startswith(("from upstash_redis", "import upstash_redis"))
            ]
            assert not imported, path


def test_a_deadline_never_goes_below_zero() -> None:
    deadline = Deadline(0.001)
    time.sleep(0.005)
    assert deadline.remaining_s() == 0
    assert deadline.patience_s() == 0


def test_an_attempt_has_about_a_third_of_the_time_and_a_second_at_least() -> None:
    assert 2.9 <= Deadline(10).patience_s() <= 3
    assert Deadline(2).patience_s() == 1
    assert Deadline(0.5).patience_s() < 0.5


def test_pauses_grow_and_end_with_the_time() -> None:
    backoff = Backoff(Deadline(100))
    pauses = [backoff.pause_s(Again.ALWAYS) for _ in range(12)]
    assert all(pause is not None and 0 < pause <= 1 for pause in pauses)
    assert Backoff(Deadline(100)).pause_s(Again.ALWAYS, at_least_s=7) == 7
    assert Backoff(Deadline(5)).pause_s(Again.ALWAYS, at_least_s=7) is None
    assert Backoff(Deadline(100)).pause_s(Again.NEVER) is None
    brief = Backoff(Deadline(100))
    assert [brief.pause_s(Again.BRIEFLY) is None for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("text", ["plain", "a*b", "a?b", "[a-c]", "back\\slash", "^", "-", ""])
def test_an_escaped_glob_matches_itself_alone(text: str) -> None:
    assert escaped(text).replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text
    assert not set("*?[") & set(escaped(text).replace("\\*", "").replace("\\?", "").replace("\\[", ""))


def test_parts_fit_and_keep_the_order() -> None:
    records = [f'{i} {"漢" * (i % 50)}\n"' for i in range(2_000)]
    parts = parts_of(records, 5_000)
    assert [record for part in parts for record in part] == records
    for part in parts:
        sent = httpx.Request("POST", URL, json=part).content
        assert len(sent) <= 5_000 + 2
    assert parts_of(["a"], 5_000) == [["a"]]
    assert parts_of([], 5_000) == [[]]
    assert len(parts_of(["a"] * 100, 5_000, each=100)) > 1


def test_a_part_never_holds_what_does_not_fit() -> None:
    with pytest.raises(RecordTooLargeError, match="record 2 takes"):
        parts_of(["a", "b", "c" * 5_000], 5_000)
    with pytest.raises(InvalidInputError, match="record 1 holds a lone surrogate at character 1"):
        parts_of(["a", "b\udfff"], 5_000)


def test_each_loop_has_one_client() -> None:
    made: list[object] = []
    closed: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    async def close(client: object) -> None:
        closed.append(client)

    clients = LoopClients(make, close)

    async def use() -> None:
        both = await asyncio.gather(clients.get(), clients.get())
        assert both == [made[-1]] * 2
        assert await clients.get() is made[-1]

    asyncio.run(use())
    asyncio.run(use())
    assert len(made) == 2
    assert closed == made
    assert len(clients) == 0


def test_a_loop_that_ended_without_a_word_is_forgotten() -> None:
    async def close(client: object) -> None:
        raise AssertionError("nothing runs in a loop that ended")

    clients = LoopClients(object, close)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(clients.get())
    loop.close()
    assert len(clients) == 0
    clients.close()


def test_a_client_of_a_loop_elsewhere_is_closed_there() -> None:
    closed_in: list[int | None] = []
    closed = threading.Event()

    async def close(client: object) -> None:
        closed_in.append(threading.get_ident())
        closed.set()

    clients = LoopClients(object, close)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(clients.get(), loop).result()
    clients.close()
    assert closed.wait(10)
    assert closed_in == [thread.ident]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_port_is_part_of_what_is_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert clients_for(f"http://127.0.0.1:{port}/", "t", 1.0).host == f"127.0.0.1:{port}"
