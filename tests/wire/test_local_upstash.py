"""LocalUpstash as its SDK and as plain HTTP meet it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis
from upstash_redis.errors import UpstashError

from chatmem_nb.errors import InvalidInputError, StoreUnavailableError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.faults import FaultKind
from tests.waiting import until


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server:
        yield server


@pytest.fixture
def redis(server: LocalUpstash) -> Iterator[Redis]:
    with Redis(server.url, server.token, rest_retries=0) as redis:
        yield redis


@pytest.fixture
def http_client(server: LocalUpstash) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


class TestSdk:
    @pytest.mark.parametrize("encoding", ["base64", None])
    def test_the_sync_client_is_served(self, server: LocalUpstash, encoding: Any) -> None:
        with Redis(server.url, server.token, rest_encoding=encoding, rest_retries=0) as redis:
            assert redis.ping() == "PONG"
            assert redis.lpush("l", "a", "é😀", "OK") == 3
            assert redis.lrange("l", 0, -1) == ["OK", "é😀", "a"]
            assert redis.get("missing") is None
            with pytest.raises(UpstashError, match=r"^WRONGTYPE"):
                redis.get("l")

    def test_the_asyncio_client_is_served(self, server: LocalUpstash) -> None:
        async def go() -> list[int]:
            async with AsyncRedis(server.url, server.token, rest_retries=0) as redis:
                return await asyncio.gather(*(redis.incr("n") for _ in range(20)))

        assert sorted(asyncio.run(go())) == list(range(1, 21))

    def test_a_pipeline_goes_on_after_a_failing_command(self, server: LocalUpstash, http_client: Any) -> None:
        body = [["SET", "k", "v"], ["LPUSH", "k", "x"], ["NOPE"], ["GET", "k"]]
        answer = http_client.post("/pipeline", json=body)
        assert answer.status_code == 200
        kinds = [next(iter(each)) for each in answer.json()]
        assert kinds == ["result", "error", "error", "result"]

    def test_a_transaction_keeps_what_its_sound_commands_did(self, redis: Redis, http_client: Any) -> None:
        body = [["SET", "k", "v"], ["LPUSH", "k", "x"], ["INCR", "n"]]
        answer = http_client.post("/multi-exec", json=body)
        assert [next(iter(each)) for each in answer.json()] == ["result", "error", "result"]
        assert redis.mget("k", "n") == ["v", "1"]

    @pytest.mark.parametrize("bad", [["NOPE"], ["CONFIG", "GET", "*"], ["GET"]])
    def test_a_transaction_with_an_impossible_command_is_refused_whole(
        self, redis: Redis, http_client: Any, bad: list[str]
    ) -> None:
        answer = http_client.post("/multi-exec", json=[["SET", "k", "v"], bad])
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("EXECABORT")
        assert redis.exists("k") == 0

    def test_transactions_of_many_clients_do_not_mix(self, server: LocalUpstash) -> None:
        def work() -> None:
            with Redis(server.url, server.token) as redis:
                for _ in range(20):
                    transaction = redis.multi()
                    transaction.incr("a")
                    transaction.incr("b")
                    first, second = transaction.exec()
                    assert first == second

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Redis(server.url, server.token) as redis:
            assert redis.mget("a", "b") == ["80", "80"]

    def test_every_response_has_a_new_sync_token(self, http_client: Any) -> None:
        tokens = [http_client.post("/", json=["PING"]).headers["Upstash-Sync-Token"] for _ in range(3)]
        assert len(set(tokens)) == 3

    def test_the_sdk_sends_the_sync_token_back(self, server: LocalUpstash) -> None:
        with Redis(server.url, server.token, read_your_writes=True) as redis:
            redis.set("k", "v")
            before = redis._sync_token
            redis.set("k", "w")
            assert before
            assert redis._sync_token != before


class TestHttp:
    @pytest.mark.parametrize(
        ("method", "path", "body", "result"),
        [
            ("POST", "/", b'["SET","k","v"]', "OK"),
            ("PUT", "/", b'["ECHO","x"]', "x"),
            ("POST", "/set/k/v", b"", "OK"),
            ("GET", "/echo/a%2Fb%20%C3%A9", b"", "a/b é"),
            ("POST", "/set/k", b"\x00v", "OK"),
            ("POST", "/set/k?EX=100&GET", b"v", None),
            ("GET", "/echo/x/", b"", "x"),
            ("POST", "/", b'["SET","n",1.50]', "OK"),
            ("POST", "/", b'["ECHO",12345678901234567890]', "12345678901234567890"),
            ("POST", "/", b'["ECHO",1.50]', "1.50"),
            ("POST", "/", b'["ECHO",true]', "true"),
            ("POST", "/", b'["ECHO",null]', "null"),
            ("POST", "/", rb'["ECHO","\ud83d\ude00 \ud83d"]', "😀 \ufffd"),
            ("POST", "/", b'["ECHO",""]', ""),
        ],
    )
    def test_a_command_comes_as_json_or_as_a_path(
        self, http_client: Any, method: str, path: str, body: bytes, result: Any
    ) -> None:
        answer = http_client.request(method, path, content=body)
        assert (answer.status_code, answer.json()) == (200, {"result": result})
        assert answer.headers["Content-Type"] == "application/json"

    def test_options_of_a_path_command_follow_its_body(self, http_client: Any, redis: Redis) -> None:
        http_client.post("/set/k?EX=100", content=b"v")
        assert redis.get("k") == "v"
        assert redis.ttl("k") in (99, 100)

    @pytest.mark.parametrize(
        ("path", "body", "error"),
        [
            ("/", b"{", "ERR failed to parse command"),
            ("/", b'{"a":1}', "ERR failed to parse command"),
            ("/", b"\xff", "ERR failed to parse command"),
            ("/", b"[" * 100_000, "ERR failed to parse command"),
            ("/", b"", "ERR failed to parse command"),
            ("/", b"[]", "ERR empty command"),
            ("/", b'["GET",["k"]]', "ERR failed to parse command: an argument is neither"),
            ("/", b'["ECHO",NaN]', "ERR failed to parse command"),
            ("/", b'["GET"]', "ERR wrong number of arguments for 'get' command"),
            ("/", b'[""]', "ERR Command is not available: ''"),
            ("/", '["ſet","k","v"]'.encode(), "ERR Command is not available"),
            ("/", b'["GET\\u0000","k"]', "ERR Command is not available"),
            ("/pipeline", b"[]", "ERR empty pipeline request"),
            ("/pipeline", b'["GET","k"]', "ERR failed to parse pipeline request"),
            ("/pipeline", b"[[]]", "ERR empty command"),
            ("/multi-exec", b"{}", "ERR failed to parse pipeline request"),
            ("/get", b"", "ERR wrong number of arguments for 'get' command"),
        ],
    )
    def test_an_invalid_command_is_a_400(self, http_client: Any, path: str, body: bytes, error: str) -> None:
        answer = http_client.post(path, content=body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(error)

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE", "MAKE"])
    def test_other_methods_are_refused_with_405(self, http_client: Any, method: str) -> None:
        answer = http_client.request(method, "/ping")
        assert (answer.status_code, set(answer.json())) == (405, {"error"})

    def test_head_has_no_response_body(self, http_client: Any) -> None:
        answer = http_client.head("/ping")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_base64_is_for_all_texts_but_ok(self, http_client: Any) -> None:
        body = [
            ["SET", "k", "OK"],
            ["GET", "k"],
            ["PING"],
            ["EVAL", "x", "0"],
            ["INCR", "n"],
            ["GET", "none"],
        ]
        answer = http_client.post("/pipeline", json=body, headers={"Upstash-Encoding": "base64"})
        pong = base64.b64encode(b"PONG").decode()
        results = [each.get("result", "error") for each in answer.json()]
        assert results == ["OK", "OK", pong, "error", 1, None]

    def test_bytes_that_are_no_text_survive_as_base64_only(self, http_client: Any) -> None:
        http_client.post("/set/k", content=b"\xff\x00")
        plain = http_client.get("/get/k").json()
        encoded = http_client.get("/get/k", headers={"Upstash-Encoding": "base64"}).json()
        assert plain == {"result": "\ufffd\x00"}
        assert base64.b64decode(encoded["result"]) == b"\xff\x00"

    def test_one_connection_serves_many_requests_even_refused_ones(self, server: LocalUpstash) -> None:
        connection = http.client.HTTPConnection(server.host, server.port)
        headers = {"Authorization": f"Bearer {server.token}"}
        for body in ('["PING"]', "{", '["PING"]'):
            connection.request("POST", "/", body, headers)
            handle = connection.sock
            connection.getresponse().read()
            assert connection.sock is handle
        connection.close()

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"NONSENSE\r\n\r\n",
            b"POST / HTTP/9.9\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: much\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        ],
    )
    def test_what_is_hardly_http_gets_a_json_error(self, server: LocalUpstash, request_bytes: bytes) -> None:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.settimeout(10)
            connection.sendall(request_bytes)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split()[1] in {b"400", b"401", b"411", b"414", b"431", b"505"}
        assert set(json.loads(body)) == {"error"}


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "applied"),
        [
            ("drop_before", False),
            ("drop_after", True),
            ("cut", True),
            ("html", True),
            ("refuse", False),
            ("delay", True),
            ("hang", False),
        ],
    )
    def test_a_fault_meets_one_request_and_applies_it_or_not(
        self, server: LocalUpstash, redis: Redis, kind: FaultKind, applied: bool
    ) -> None:
        redis.ping()
        server.faults.add(kind, command="incr", delay=timedelta(milliseconds=30))
        assert redis.get("n") is None
        if kind == "delay":
            assert redis.incr("n") == 1
        else:
            with pytest.raises((httpx.TransportError, ValueError, UpstashError)):
                redis.incr("n")
        assert redis.get("n") == ("1" if applied else None)

    @pytest.mark.parametrize(
        ("kind", "applied"), [("delay", True), ("drop_after", True), ("drop_before", False), ("hang", False)]
    )
    def test_a_held_request_ends_when_it_is_released(
        self, server: LocalUpstash, redis: Redis, kind: FaultKind, applied: bool
    ) -> None:
        server.faults.add(kind, command="incr", delay=timedelta(seconds=60))
        with ThreadPoolExecutor(1) as pool:
            count = pool.submit(redis.incr, "n")
            until(lambda: server.faults.held)
            assert redis.get("n") == ("1" if applied else None)
            server.faults.release()
            assert isinstance(count.exception(), httpx.TransportError) == (kind != "delay")
        assert server.faults.held == 0

    def test_a_refusal_is_429_and_a_page_is_502(self, server: LocalUpstash, http_client: Any) -> None:
        server.faults.add("refuse")
        server.faults.add("html")
        assert http_client.get("/ping").status_code == 429
        page = http_client.get("/ping")
        assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")

    def test_a_fault_meets_so_many_requests_as_were_asked_for(
        self, server: LocalUpstash, http_client: Any
    ) -> None:
        server.faults.add("refuse", times=2, command="GET")
        server.faults.add("refuse", command="PING")
        paths = ["/get/k", "/ping", "/get/k", "/get/k", "/ping"]
        statuses = [http_client.get(path).status_code for path in paths]
        assert statuses == [429, 429, 429, 200, 200]

    def test_cleared_faults_are_forgotten(self, server: LocalUpstash, redis: Redis) -> None:
        server.faults.add("drop_before", times=9)
        assert len(server.faults) == 9
        server.faults.clear()
        assert redis.ping() == "PONG"

    @pytest.mark.parametrize(
        "arguments",
        [{"kind": "rain"}, {"kind": "cut", "times": 0}, {"kind": "delay", "delay": -timedelta(1)}],
    )
    def test_a_fault_that_cannot_be_is_refused(self, server: LocalUpstash, arguments: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            server.faults.add(**arguments)

    def test_closing_ends_a_hanging_request(self) -> None:
        with LocalUpstash() as server:
            server.faults.add("hang")
            errors: list[Exception] = []

            def ask() -> None:
                with Redis(server.url, server.token, rest_retries=0) as redis:
                    try:
                        redis.ping()
                    except httpx.TransportError as error:
                        errors.append(error)

            thread = threading.Thread(target=ask)
            thread.start()
            until(lambda: server.faults.held)
        thread.join(10)
        assert len(errors) == 1

    def test_latency_holds_every_request(self, server: LocalUpstash, redis: Redis) -> None:
        redis.ping()
        server.latency = timedelta(milliseconds=50)
        began = time.monotonic()
        redis.ping()
        assert time.monotonic() - began >= 0.05


class TestLife:
    def test_closing_is_idempotent_and_frees_the_port(self) -> None:
        server = LocalUpstash()
        server.close()
        server.close()
        with LocalUpstash(port=server.port) as again:
            assert again.port == server.port

    @pytest.mark.parametrize("host", ["localhost", "::1"] if _has_ipv6() else ["localhost"])
    def test_it_listens_at_every_name_of_this_machine(self, host: str) -> None:
        with LocalUpstash(host=host) as server, Redis(server.url, server.token) as redis:
            assert redis.ping() == "PONG"

    def test_two_servers_never_share_a_port(self, server: LocalUpstash) -> None:
        with pytest.raises(OSError, match="in use"):
            LocalUpstash(port=server.port)

    def test_closing_ends_idle_connections_and_every_thread(self) -> None:
        before = set(threading.enumerate())
        server = LocalUpstash()
        clients = [Redis(server.url, server.token) for _ in range(5)]
        for client in clients:
            client.ping()
        server.close()
        assert set(threading.enumerate()) <= before
        for client in clients:
            client.close()

    def test_an_unused_server_closes_without_a_warning(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            LocalUpstash().close()

    def test_its_repr_tells_the_url_and_not_the_token(self, server: LocalUpstash) -> None:
        assert server.url in repr(server)
        assert server.token not in repr(server)

    def test_an_unreachable_redis_server_is_reported_at_once_without_its_password(self) -> None:
        with pytest.raises(StoreUnavailableError) as caught:
            LocalUpstash(redis_url="redis://:secret@127.0.0.1:1/0")
        assert "secret" not in str(caught.value)

    def test_keys_are_kept_in_a_file_or_in_redis(self) -> None:
        with pytest.raises(InvalidInputError):
            LocalUpstash(redis_url="redis://127.0.0.1:1", path="x.json")

    def test_its_store_is_ready(self, server: LocalUpstash) -> None:
        with server.store(key_prefix="p:") as store:
            assert store.append("s", ['{"type": "human", "data": {"content": "x"}}']) == 1
            assert list(store.session_ids()) == ["s"]

    def test_importing_it_loads_no_engine_and_no_sdk(self) -> None:
        import subprocess
        import sys

        code = "import sys; from chatmem_nb.local import LocalUpstash; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        foreign = {"fakeredis", "redis", "lupa", "upstash_redis", "momento", "grpc", "httpx", "pandas"}
        assert not foreign & set(loaded.stdout.split())
