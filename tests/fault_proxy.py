"""A proxy before a server that loses, cuts, delays, repeats and invents answers, by chance."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
BUSY = b'{"error":"ERR max commands per second exceeded"}'

FAULTS = (
    "drop_before",  # the connection is lost, and the request never arrives
    "drop_after",  # it arrives, and its answer is lost
    "cut",  # its answer ends in the middle
    "html",  # it arrives, and a proxy's page stands in place of its answer
    "busy",  # it never arrives: too many requests
    "twice",  # it arrives twice, one after the other
    "late",  # the connection is lost at once, and the request arrives some moments later
)


class FaultProxy:
    """Passes HTTP requests on to `port`, each with the chance `rate` of one of `faults`."""

    def __init__(self, port: int, rate: float, seed: int, faults: tuple[str, ...] = FAULTS) -> None:
        self.rate, self.faults = rate, faults
        self.met: Counter[str] = Counter()
        self._port = port
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._start(lambda connection=connection: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        upstream = socket.create_connection(("127.0.0.1", self._port))
        for each in (connection, upstream):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(each)
        with suppress(OSError), connection, upstream:
            while request := read_message(connection):
                if not self._pass_on(request, connection, upstream):
                    break
        with self._lock:
            self._open -= {connection, upstream}

    def _pass_on(self, request: bytes, connection: socket.socket, upstream: socket.socket) -> bool:
        """Whether the connection lives on."""
        fault = self._fault()
        if fault == "drop_before":
            return False
        if fault == "late":
            self._start(lambda: self._send_late(request))
            return False
        if fault == "busy":
            connection.sendall(answer_message(b"429 Too Many Requests", b"application/json", BUSY))
            return True
        for _ in range(2 if fault == "twice" else 1):
            upstream.sendall(request)
            answer = read_message(upstream)
        if fault == "drop_after":
            return False
        if fault == "html":
            answer = answer_message(b"502 Bad Gateway", b"text/html", PAGE)
        connection.sendall(answer[: -len(answer) // 20] if fault == "cut" else answer)
        return fault != "cut"

    def _send_late(self, request: bytes) -> None:
        time.sleep(0.1)
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as upstream:
            upstream.sendall(request)
            read_message(upstream)

    def _fault(self) -> str | None:
        with self._lock:
            if self._random.random() >= self.rate:
                return None
            fault = self._random.choice(self.faults)
            self.met[fault] += 1
            return fault


@contextmanager
def fault_proxy(port: int, rate: float, seed: int, faults: tuple[str, ...] = FAULTS) -> Iterator[FaultProxy]:
    proxy = FaultProxy(port, rate, seed, faults)
    try:
        yield proxy
    finally:
        proxy.close()


def read_message(connection: socket.socket) -> bytes:
    """Return one HTTP message with its body, whose length it names; b"" where the connection has ended."""
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    [length] = [line.split(b":")[1] for line in lines if line.startswith(b"content-length:")]
    pieces, left = [read], int(length) - len(body)
    while left > 0 and (piece := connection.recv(min(left, 65_536))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def answer_message(status: bytes, kind: bytes, body: bytes, extra: bytes = b"") -> bytes:
    """Return an HTTP answer."""
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n"
    return head % (status, kind, len(body), extra) + body
