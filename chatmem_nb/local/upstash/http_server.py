"""The HTTP server of LocalUpstash: its socket, and one thread for each connection."""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from chatmem_nb.local.faults import FaultPlan
from chatmem_nb.local.upstash.authentication import Authentication
from chatmem_nb.local.upstash.http_handler import HttpHandler, HttpLimits
from chatmem_nb.local.upstash.rest_api import RestApi
from chatmem_nb.local.usage import Usage

_LOG = logging.getLogger(__name__)


class HttpServer(ThreadingMixIn, TCPServer):
    """Accepts connections, and keeps track of them for `close`."""

    request_queue_size = 256
    # On Windows it would let two servers share the port; elsewhere it skips the wait for TIME_WAIT to end.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self,
        address: tuple[str, int],
        api: RestApi,
        authentication: Authentication,
        faults: FaultPlan,
        limits: HttpLimits,
        usage: Usage,
    ) -> None:
        self.api, self.authentication, self.faults = api, authentication, faults
        self.limits, self.usage = limits, usage
        self.latency = timedelta(0)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._closing = False
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, HttpHandler)

    def serve(self) -> None:
        """Accept connections until `close`."""
        while not self._closing:
            self.handle_request()

    def close(self) -> None:
        """Stop accepting, end every connection, and wait for their threads."""
        with self._guard:
            self._closing = True
            connections = dict(self._connections)
        self.faults.close()
        # Connecting wakes up `serve`; if that has returned already, the connection is refused.
        with suppress(OSError), socket.create_connection(self._own_address(), timeout=1):
            pass
        for connection in connections:
            with suppress(OSError):  # the client may have disconnected already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(timeout=5)
        self.server_close()

    def _own_address(self) -> tuple[str, int]:
        host, port = self.server_address[:2]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host)), int(port)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a connection, which `close` knows from the first moment."""
        arguments = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=arguments, daemon=True)
        with self._guard:
            if not self._closing:
                thread.start()
                self._connections[request] = thread
                return
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._connections[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log no traceback: it may contain a token. Clients may disconnect at any time."""
        _LOG.debug("a connection ended with an error", exc_info=False)
