"""LocalUpstash over raw sockets: what is read before the token, and how long a client may take."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.upstash import HttpLimits

SHORT = timedelta(milliseconds=300)
PING = b'["PING"]'


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@contextmanager
def connected(server: LocalUpstash) -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port)) as connection:
        connection.settimeout(20)
        yield connection


def head(token: str, length: int | str = len(PING), *more: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    return "\r\n".join([*lines, f"Content-Length: {length}", *more, "", ""]).encode()


def response(connection: socket.socket) -> tuple[int, bytes]:
    """Read one response: its status and body."""
    with connection.makefile("rb") as file:
        status, length = int(file.readline().split()[1]), 0
        while (line := file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, file.read(length)


def seconds_until_closed(connection: socket.socket) -> float:
    began = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began


def test_a_wrong_token_is_rejected_before_the_body_arrives(server: LocalUpstash) -> None:
    with connected(server) as connection:
        connection.sendall(head("wrong", 10_000_000))
        assert response(connection)[0] == 401
        assert seconds_until_closed(connection) < 10


def test_a_wrong_token_with_its_body_gets_the_response_too(server: LocalUpstash) -> None:
    with connected(server) as connection:
        connection.sendall(head("wrong", 1_000_000) + b"x" * 1_000_000)
        assert response(connection)[0] == 401


def test_100_continue_is_sent_only_to_who_has_the_token(server: LocalUpstash) -> None:
    with connected(server) as connection:
        connection.sendall(head("wrong", len(PING), "Expect: 100-continue"))
        assert response(connection)[0] == 401
    with connected(server) as connection:
        connection.sendall(head(server.token, len(PING), "Expect: 100-continue"))
        assert response(connection)[0] == 100
        connection.sendall(PING)
        assert response(connection) == (200, b'{"result":"PONG"}')


def test_a_body_over_the_limit_is_rejected_before_it_arrives(server: LocalUpstash) -> None:
    for length in (10 * 1024 * 1024 + 1, 10**17, "9" * 5000):
        with connected(server) as connection:
            connection.sendall(head(server.token, length))
            status, body = response(connection)
            assert status == 413
            assert "Limit: 10485760 bytes" in json.loads(body)["error"]


@pytest.mark.parametrize("length", ["-1", "+8", "8, 8", "0x8", "8\r\nContent-Length: 9", "\u0668"])
def test_an_ambiguous_length_is_rejected(server: LocalUpstash, length: str) -> None:
    with connected(server) as connection:
        connection.sendall(head(server.token, length))
        assert response(connection)[0] == 411
        assert seconds_until_closed(connection) < 10


def test_a_body_that_is_cut_off_runs_nothing(server: LocalUpstash) -> None:
    body = b'["SET","cut","v"]'
    with connected(server) as connection:
        connection.sendall(head(server.token, len(body) + 1) + body)
        connection.shutdown(socket.SHUT_WR)
        seconds_until_closed(connection)
    with connected(server) as connection:
        body = b'["EXISTS","cut"]'
        connection.sendall(head(server.token, len(body)) + body)
        assert response(connection) == (200, b'{"result":0}')


def test_an_idle_connection_ends() -> None:
    with LocalUpstash(limits=HttpLimits(idle_timeout=SHORT)) as server:
        with connected(server) as connection:
            assert seconds_until_closed(connection) < 10
        with connected(server) as connection:
            connection.sendall(head(server.token) + PING)
            assert response(connection)[0] == 200
            assert seconds_until_closed(connection) < 10


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_request_that_trickles_in_ends(part: str) -> None:
    """A byte now and then does not extend the time for the whole."""
    limits = HttpLimits(headers_timeout=SHORT) if part == "headers" else HttpLimits(body_timeout=SHORT)
    with LocalUpstash(limits=limits) as server, connected(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\n" if part == "headers" else head(server.token, 1000))
        ended = threading.Event()

        def trickle() -> None:
            while not ended.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            assert seconds_until_closed(connection) < 10
        finally:
            ended.set()
            trickling.join()


def test_a_client_that_takes_no_response_is_dropped() -> None:
    """And its thread ends, so that nobody holds the server with responses that are not read."""
    with LocalUpstash(limits=HttpLimits(response_timeout=SHORT)) as server:
        text = "x" * 9_000_000
        with connected(server) as connection:
            body = json.dumps(["SET", "k", text]).encode()
            connection.sendall(head(server.token, len(body)) + body)
            assert response(connection)[0] == 200
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((server.host, server.port))
            body = b'["GET","k"]'
            connection.sendall(head(server.token, len(body)) + body)
            deadline = time.monotonic() + 20
            while server._http._connections and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not server._http._connections


def test_a_slow_client_within_the_limits_is_served(server: LocalUpstash) -> None:
    request = head(server.token) + PING
    with connected(server) as connection:
        for first in range(0, len(request), 20):
            connection.sendall(request[first : first + 20])
            time.sleep(0.01)
        assert response(connection) == (200, b'{"result":"PONG"}')


@pytest.mark.parametrize("service", [LocalUpstash, LocalMomento])
def test_an_address_that_others_can_reach_needs_a_token(service: type) -> None:
    with pytest.raises(InvalidInputError, match="token is required"):
        service(host="0.0.0.0", expose=True, token="")
    with pytest.raises(InvalidInputError, match="expose=True"):
        service(host="0.0.0.0")
    service(host="0.0.0.0", expose=True).close()
    service(token="").close()
