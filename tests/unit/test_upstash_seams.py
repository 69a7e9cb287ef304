"""Where the Upstash store reaches beneath the SDK: each name that it relies on, pinned."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
from typing import Any

import httpcore
import httpx
import pytest
import upstash_redis
import upstash_redis.asyncio

from chatmem_nb.errors import RecordTooLargeError
from chatmem_nb.stores._loops import LoopClients
from chatmem_nb.stores.deadline import Deadline
from chatmem_nb.stores.runner import Attempt
from chatmem_nb.stores.upstash import errors as upstash_errors
from chatmem_nb.stores.upstash import scripts
from chatmem_nb.stores.upstash.async_network import ResolvingBackend
from chatmem_nb.stores.upstash.clients import Clients
from chatmem_nb.stores.upstash.commands import split
from chatmem_nb.stores.upstash.http_limits import HttpAttempt
from chatmem_nb.stores.upstash.network import LimitedBackend, sockets_until

URL = "https://example.upstash.io"


URLS = [URL, "http://127.0.0.1:8000", "https://localhost"]


def async_client(clients: Clients) -> Any:
    """A client of a loop that has ended, to be looked at."""

    async def get() -> Any:
        return await clients.of_loop()

    return asyncio.run(get())


@pytest.mark.parametrize("url", URLS)
def test_the_sdks_http_client_is_where_its_timeout_is_set(url: str) -> None:
    clients = Clients(url, "token", 7.0)
    for client, kind in ((clients.sync, httpx.Client), (async_client(clients), httpx.AsyncClient)):
        http: Any = client._http._client
        assert isinstance(http, kind)
        assert http.timeout == httpx.Timeout(7.0)
        assert len(http.event_hooks["request"]) == len(http.event_hooks["response"]) == 1
    clients.close()


def test_the_sdk_still_waits_without_end_by_itself() -> None:
    """Once this fails, the SDK has a timeout, and the seam can go."""
    with upstash_redis.Redis(URL, "token") as client:
        assert client._http._client.timeout == httpx.Timeout(None)


def test_a_request_is_the_same_as_httpx_makes_it() -> None:
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"result": 1}'))

    command = ["EVAL", 1, '漢字 "\n\x00 👋', 2.5]
    headers = {"X-Own": "1"}
    with httpx.Client(transport=httpx.MockTransport(respond)) as http:
        http.post(URL, headers=headers, json=command)
        reply = HttpAttempt("host", Attempt([], Deadline(5), 5), 1_000).post(http, URL, headers, command)
    plain, ours = sent
    assert json.loads(ours.content) == json.loads(plain.content) == command
    assert reply.json() == {"result": 1}
    changed = {"accept-encoding", "content-length"}
    assert {name: value for name, value in ours.headers.items() if name not in changed} == {
        name: value for name, value in plain.headers.items() if name not in changed
    }


def test_the_sdk_retries_nothing_decodes_nothing_and_reports_nothing() -> None:
    clients = Clients(URL, "token", 7.0)
    for client in (clients.sync, async_client(clients)):
        assert client._http._retries == 0
        assert client._http._encoding is None
        assert "Upstash-Encoding" not in client._headers
        assert not [name for name in client._headers if "Telemetry" in name]
    clients.close()


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_every_connection_is_made_by_a_backend_with_limits(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    clients = Clients(URL, "token", 7.0)
    for client, kind in ((clients.sync, LimitedBackend), (async_client(clients), ResolvingBackend)):
        http: Any = client._http._client
        transports = [http._transport, *(one for one in http._mounts.values() if one)]
        assert len(transports) == (2 if proxy else 1)
        for transport in transports:
            assert isinstance(transport._pool._network_backend, kind)
    clients.close()


def test_a_name_that_takes_long_to_resolve_ends_in_time() -> None:
    looking = threading.Event()

    class Slow(httpcore.NetworkBackend):
        def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
            looking.wait(5)
            return Stream()

    class Stream(httpcore.NetworkStream):
        def close(self) -> None:
            closed.set()

    closed = threading.Event()
    began = time.monotonic()
    with sockets_until(Deadline(0.1)), pytest.raises(httpcore.ConnectTimeout):
        LimitedBackend(Slow()).connect_tcp("some.name", 443)
    assert time.monotonic() - began < 3
    looking.set()
    assert closed.wait(5)  # a connection that comes too late is closed


def test_a_connection_made_while_the_client_closes_is_closed() -> None:
    closed: list[str] = []

    class Slow(httpcore.NetworkBackend):
        def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
            backend.close()
            return Stream()

    class Stream(httpcore.NetworkStream):
        def close(self) -> None:
            closed.append("sync")

    backend = LimitedBackend(Slow())
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("127.0.0.1", 443)
    assert closed == ["sync"]


def test_an_asyncio_connection_made_while_the_client_closes_is_closed() -> None:
    network = Network({"127.0.0.1": 0.001})
    backend = ResolvingBackend(network)

    async def close_meanwhile() -> None:
        connecting = asyncio.ensure_future(backend.connect_tcp("127.0.0.1", 443))
        while not network.tried:
            await asyncio.sleep(0)
        await backend.aclose()
        with pytest.raises(httpcore.ConnectError):
            await connecting

    asyncio.run(close_meanwhile())
    assert network.closed == ["127.0.0.1"]


class Network(httpcore.AsyncNetworkBackend):
    """Connects to each address after so many seconds, or fails with an error."""

    def __init__(self, addresses: dict[str, float | Exception]) -> None:
        self.addresses, self.tried = addresses, list[str]()
        self.closed: list[str] = []

    async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        self.tried.append(host)
        outcome = self.addresses[host]
        if isinstance(outcome, Exception):
            raise outcome
        await asyncio.sleep(outcome)
        return Connection(host, self.closed)


class Connection(httpcore.AsyncNetworkStream):
    def __init__(self, host: str, closed: list[str]) -> None:
        self.host, self._closed = host, closed

    def get_extra_info(self, info: str) -> Any:
        return self.host if info == "server_addr" else None

    async def aclose(self) -> None:
        self._closed.append(self.host)


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("addresses", "connected", "tried"),
    [
        ({"1.1.1.1": 0.0, "2.2.2.2": 0.0}, "1.1.1.1", ["1.1.1.1"]),
        ({"1.1.1.1": httpcore.ConnectError("refused"), "2.2.2.2": 0.0}, "2.2.2.2", ["1.1.1.1", "2.2.2.2"]),
        ({"1::1": 60.0, "2.2.2.2": 0.0}, "2.2.2.2", ["1::1", "2.2.2.2"]),
        ({"2.2.2.2": 60.0, "3.3.3.3": 60.0, "1::1": 0.0}, "1::1", ["1::1"]),
    ],
)
def test_the_addresses_of_a_host_are_tried_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
    addresses: dict[str, float | Exception],
    connected: str,
    tried: list[str],
) -> None:
    resolves_to(monkeypatch, *addresses)
    network = Network(addresses)

    async def connect() -> Any:
        return await ResolvingBackend(network).connect_tcp("some.name", 443, timeout=10)

    assert asyncio.run(connect()).get_extra_info("server_addr") == connected
    assert network.tried == tried


def test_a_host_without_a_working_address_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "1.1.1.1", "2.2.2.2")
    network = Network({"1.1.1.1": httpcore.ConnectError("first"), "2.2.2.2": httpcore.ConnectError("second")})
    with pytest.raises(httpcore.ConnectError, match="first"):
        asyncio.run(ResolvingBackend(network).connect_tcp("some.name", 443, timeout=10))
    resolves_to(monkeypatch)
    with pytest.raises(httpcore.ConnectError, match="no IPv4 or IPv6"):
        asyncio.run(ResolvingBackend(network).connect_tcp("some.name", 443, timeout=10))


def test_the_twins_of_the_sdk_have_what_is_used_of_them() -> None:
    for kind in (upstash_redis.Redis, upstash_redis.asyncio.Redis):
        for name in ("execute", "pipeline", "multi", "close"):
            assert callable(getattr(kind, name))
        parameters = inspect.signature(kind).parameters
        assert {"url", "token", "rest_encoding", "rest_retries"} <= set(parameters)


def test_the_token_stands_in_no_attribute_and_no_repr() -> None:
    clients = Clients(URL, "very-secret", 7.0)
    assert "very-secret" not in repr(clients) + repr(vars(clients))
    assert clients.hide("a very-secret word") == "a *** word"


def test_every_script_is_allowed_in_both_forms() -> None:
    sent = [script for script in vars(scripts).values() if isinstance(script, scripts.Script)]
    assert sent
    assert set(scripts.SCRIPTS) == {text for script in sent for text in (script.flagged, script.plain)}
    for script in sent:
        first, _, rest = script.flagged.partition("\n")
        assert first == (
            "#!lua flags=allow-key-locking"
            if script.command == "EVAL"
            else "#!lua flags=no-writes,allow-key-locking"
        )
        assert rest == script.plain
        assert "--" not in rest  # comments stay at home
        assert len(script.flagged) < 3_000  # `batches` leaves room for 4,096 bytes


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


def test_a_deadline_never_goes_below_zero() -> None:
    deadline = Deadline(0.001)
    time.sleep(0.005)
    assert deadline.remaining_s() == 0


@pytest.mark.parametrize(("call_s", "least", "most"), [(10, 2.9, 3), (2, 0.99, 1), (0.5, 0.1, 0.5)])
def test_an_attempt_may_be_silent_for_a_third_of_the_time_and_a_second_at_least(
    call_s: float, least: float, most: float
) -> None:
    timeouts: list[dict[str, float]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        return httpx.Response(200, stream=httpx.ByteStream(b'{"result": 1}'))

    with httpx.Client(transport=httpx.MockTransport(respond)) as http:
        HttpAttempt("host", Attempt([], Deadline(call_s), call_s), 1_000).post(http, URL, {}, [])
    [timeout] = timeouts
    assert all(least <= timeout[name] <= most for name in ("connect", "read", "write"))


def test_batches_fit_and_keep_the_order() -> None:
    records = [f'{i} {"漢" * (i % 50)}\n"' for i in range(2_000)]
    batches = split(records, 20_000, "key")
    assert len(batches) > 5
    assert [record for batch in batches for record in batch] == records
    for batch in batches:
        assert len(httpx.Request("POST", URL, json=batch).content) <= 20_000 - 4_000
    assert split(["a"], 20_000, "key") == [["a"]]
    assert split([], 20_000, "key") == [[]]
    assert len(split(["a" * 15_000] * 2, 40_000, "key" * 1_000)) == 2


def test_a_batch_never_holds_what_does_not_fit() -> None:
    with pytest.raises(RecordTooLargeError, match="record 2 takes") as refused:
        split(["a", "b", "c" * 20_000], 20_000, "key")
    assert refused.value.position == 2


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


def test_a_loop_that_was_closed_without_shutdown_is_forgotten() -> None:
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


def test_a_port_is_part_of_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert Clients(f"http://127.0.0.1:{port}/", "t", 1.0).host == f"127.0.0.1:{port}"
