"""A server that answers every request as it is told to, in bytes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .fault_proxy import read_message

Talk = Callable[[socket.socket], None]


def answers(status: str, body: bytes, kind: str = "application/json", extra: str = "") -> Talk:
    """Return a talk that answers each request with this."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"

    def talk(connection: socket.socket) -> None:
        while read_message(connection):
            connection.sendall(head.encode() + body)

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
