"""A server that answers every request as it is told to, in bytes."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .fault_proxy import answer_message, read_message

Talk = Callable[[socket.socket], None]


def answers(status: str, body: bytes, kind: str = "application/json", extra: str = "") -> Talk:
    """Return a talk that answers each request with this."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"

    def talk(connection: socket.socket) -> None:
        while read_message(connection):
            connection.sendall(head.encode() + body)

    return talk


def passing_on(port: int, meet: Callable[[Any], Any]) -> Talk:
    """Return a talk that passes what each request holds on to the server at `port`, as `meet` returns it;
    a text is the error to respond with instead."""

    def talk(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            while request := read_message(connection):
                head, _, body = request.partition(b"\r\n\r\n")
                passed = meet(json.loads(body))
                if isinstance(passed, str):
                    refusal = json.dumps({"error": passed}).encode()
                    connection.sendall(answer_message(b"400 Bad Request", b"application/json", refusal))
                    continue
                body = json.dumps(passed).encode()
                length = b"Content-Length: %d" % len(body)
                upstream.sendall(re.sub(rb"(?i)content-length: \d+", length, head) + b"\r\n\r\n" + body)
                connection.sendall(read_message(upstream))

    return talk


@contextmanager
def odd_server(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield its url; each connection has `talk`, and ends with it."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if context is None:
                talk(connection)
            else:
                with context.wrap_socket(connection, server_side=True) as secured:
                    talk(secured)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"{'http' if context is None else 'https'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
