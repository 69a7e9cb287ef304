"""What a server may send: one encoding, so many bytes, for so long."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.colours import Coloured
from tests.fault_proxy import read_message
from tests.odd_server import answers, odd_server

LIMIT = 80_000_000
"""Of the bytes of a response, by the default max_request_bytes."""

READ = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from chatmem_nb.errors import StoreError
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.peak_memory import peak_mb
colour, url, expected = sys.argv[2:5]
store = UpstashSessionStore(url, "token", timeout_s=5.0)
before = peak_mb()
try:
    store.length("s") if colour == "sync" else asyncio.run(store.alength("s"))
except StoreError as error:
    assert expected in str(error), error
else:
    sys.exit("no error")
print(peak_mb() - before)
"""


def grown_mb(colour: str, url: str, expected: str) -> int:
    """Return by how many MB reading a length from `url` lets a process grow at its peak."""
    command = [sys.executable, "-c", READ, str(Path(__file__).parents[2]), colour, url, expected]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@cache
def bomb(megabytes: int) -> bytes:
    """Return a valid response whose text takes so many MB, compressed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    pieces = [packer.compress(b'{"result": "')]
    pieces += [packer.compress(b"x" * 1_000_000) for _ in range(megabytes)]
    return b"".join([*pieces, packer.compress(b'"}'), packer.flush()])


def test_a_compressed_response_is_limited_in_memory(colour: str) -> None:
    body = bomb(300)
    with odd_server(answers("200 OK", body, extra="Content-Encoding: gzip\r\n")) as url:
        assert grown_mb(colour, url, f"larger than {LIMIT:,} bytes") < 250


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip, gzip, gzip", "deflate", "br", "zstd", "x-unknown"])
def test_a_response_has_one_encoding_at_most(colour: str, encoding: str) -> None:
    body = gzip.compress(gzip.compress(b'{"result": 1}'))
    extra = f"Content-Encoding: {encoding}\r\n"
    with (
        odd_server(answers("200 OK", body, extra=extra)) as url,
        Coloured(UpstashSessionStore(url, "token"), colour) as store,
        pytest.raises(errors.StoreResponseError, match="compressed more than once, or by an unknown method"),
    ):
        store.length("s")


def test_a_response_that_is_compressed_three_times_is_limited_in_memory(colour: str) -> None:
    body = gzip.compress(gzip.compress(bomb(300)))
    assert len(body) < 20_000
    with odd_server(answers("200 OK", body, extra="Content-Encoding: gzip, gzip, gzip\r\n")) as url:
        assert grown_mb(colour, url, "compressed more than once") < 50


def test_repeated_headers_count_as_several_encodings(colour: str) -> None:
    body = gzip.compress(b'{"result": 1}')
    extra = "Content-Encoding: gzip\r\n" * 2
    with (
        odd_server(answers("200 OK", gzip.compress(body), extra=extra)) as url,
        Coloured(UpstashSessionStore(url, "token"), colour) as store,
        pytest.raises(errors.StoreResponseError, match="compressed more than once"),
    ):
        store.length("s")


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "identity", ""])
def test_a_response_in_one_encoding_is_read(colour: str, encoding: str) -> None:
    body = b'{"result": 7}'
    packed = gzip.compress(body) if encoding.lower() == "gzip" else body
    extra = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    with (
        odd_server(answers("200 OK", packed, extra=extra)) as url,
        Coloured(UpstashSessionStore(url, "token"), colour) as store,
    ):
        assert store.length("s") == 7
        assert store.store.commands.bytes_received == len(packed)


def endless(chunk: bytes, pause_s: float) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        while read_message(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while True:
                connection.sendall(chunk)
                time.sleep(pause_s)

    return talk


@pytest.mark.slow
def test_an_endless_body_ends_at_the_limit_of_bytes(colour: str) -> None:
    with odd_server(endless(b" " * 1_000_000, 0)) as url:
        assert grown_mb(colour, url, f"larger than {LIMIT:,} bytes") < 250


def test_an_endless_body_ends_at_the_deadline(colour: str) -> None:
    with (
        odd_server(endless(b" " * 100, 0.01)) as url,
        Coloured(UpstashSessionStore(url, "token", timeout_s=1.0), colour) as store,
    ):
        began = time.monotonic()
        with pytest.raises(errors.StoreTimeoutError):
            store.length("s")
        assert time.monotonic() - began < 10


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.mark.slow
def test_sessions_beyond_the_limit_of_a_response_are_read_in_pages(server: LocalUpstash, colour: str) -> None:
    expected = [f"{number} {'x' * 1_900_000}" for number in range(36)]  # 64 MiB and a little more
    with Coloured(server.store(max_request_bytes=8_000_000), colour) as store:
        for record in expected:
            store.append("large", [record])
        assert store.read("large") == expected
        store.delete("large")


def test_a_change_whose_response_is_too_large_may_have_been_made(colour: str) -> None:
    with (
        odd_server(endless(b" " * 1_000_000, 0)) as url,
        Coloured(UpstashSessionStore(url, "token"), colour) as store,
    ):
        with pytest.raises(errors.StoreLimitError) as failed:
            store.append("s", ["r"])
        assert failed.value.maybe_applied
