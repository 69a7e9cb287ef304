"""The HTTP side of LocalUpstash: sockets, threads, sizes and faults."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from chatmem_nb.local.faults import Fault, FaultPlan
from chatmem_nb.local.upstash.access import Access
from chatmem_nb.local.upstash.requests import RefusedRequestError, read_job
from chatmem_nb.local.upstash.service import Answer, Service

_JSON = "application/json"
_PROXY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)
_DRAINED = 8  # how many times the allowed size is still read, so that the client gets to see the 413


class Front(ThreadingMixIn, TCPServer):
    """Accepts connections, one thread each, and knows them all, so that closing ends them."""

    daemon_threads = True
    request_queue_size = 256
    # Windows would let two servers share the port; elsewhere this only spares the wait after a close.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self,
        address: tuple[str, int],
        service: Service,
        access: Access,
        faults: FaultPlan,
        max_request_bytes: int,
    ) -> None:
        self.service, self.access, self.faults = service, access, faults
        self.max_request_bytes = max_request_bytes
        self.latency = timedelta(0)
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._closing = False
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Accept connections until `close`."""
        while not self._closing:
            self.handle_request()

    def close(self) -> None:
        """End the accepting and every connection, and wait for their threads."""
        with self._guard:
            self._closing = True
            connections = dict(self._connections)
        self.faults.close()
        with suppress(OSError), socket.create_connection(self._own_address(), timeout=1):
            pass  # wakes `serve`
        for connection in connections:
            with suppress(OSError):  # its client may have left already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(timeout=5)
        self.server_close()

    def _own_address(self) -> tuple[str, int]:
        host, port = self.server_address[:2]
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host)), int(port)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            if not self._closing:
                self._connections[request] = threading.current_thread()
        if request not in self._connections:
            self.shutdown_request(request)
            return
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._connections[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no news, and a traceback might hold its token."""


class _Handler(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "LocalUpstash", ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def _serve(self) -> None:
        try:
            body = self._read_body()
            self.server.access.check(self.path, self.headers)
            if body is None:
                raise self._too_large()
            job = read_job(self.path, body)
        except RefusedRequestError as refusal:
            self._answer(Answer(refusal.status, {"error": str(refusal)}))
            return
        fault = self.server.faults.take(job.names)
        if not self._arrives(fault):
            self.close_connection = True
        elif fault and fault.kind == "refuse":
            self._answer(
                Answer(HTTPStatus.TOO_MANY_REQUESTS, {"error": "ERR max commands per second exceeded"})
            )
        else:
            encode = self.headers.get("Upstash-Encoding", "").lower() == "base64"
            self._answer(self.server.service.run(job, encode=encode), fault)

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def _read_body(self) -> bytes | None:
        """Return the body, or None if it is too large; it is read all the same, to leave no rest."""
        given = self.headers.get("Content-Length", "0")
        if not (given.isascii() and given.isdigit()) or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # where the body ends is not known
            raise RefusedRequestError(HTTPStatus.LENGTH_REQUIRED, "ERR a Content-Length is needed")
        length = int(given)
        if length <= self.server.max_request_bytes:
            return self.rfile.read(length)
        self.close_connection = length > _DRAINED * self.server.max_request_bytes
        while not self.close_connection and length > 0:
            length -= len(self.rfile.read(min(length, 1 << 16))) or length
        return None

    def _too_large(self) -> RefusedRequestError:
        limit, actual = self.server.max_request_bytes, self.headers.get("Content-Length")
        text = f"ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes"
        return RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)

    def _arrives(self, fault: Fault | None) -> bool:
        """Let the network's time pass; False if the request is lost on its way."""
        faults = self.server.faults
        if self.server.latency and not faults.wait(self.server.latency):
            return False
        if fault and fault.kind == "hang":
            faults.wait(fault.delay or None)
        return not (fault and fault.kind in ("hang", "drop_before"))

    def _answer(self, answer: Answer, fault: Fault | None = None) -> None:
        body = json.dumps(answer.payload, ensure_ascii=False, separators=(",", ":")).encode()
        match fault.kind if fault else None:
            case "drop_after":
                self.close_connection = True
                return
            case "delay" if fault:
                self.server.faults.wait(fault.delay)
            case "html":
                self._write(HTTPStatus.BAD_GATEWAY, "text/html", _PROXY_PAGE)
                return
            case "cut":
                self.close_connection = True
                self._write(answer.status, _JSON, body, sent=len(body) // 2)
                return
        self._write(answer.status, _JSON, body)

    def _write(self, status: HTTPStatus, content_type: str, body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Upstash-Sync-Token", self.server.service.next_sync_token())
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer in JSON where http.server refuses a request by itself."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # what http.server says for a method that has no `do_`
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, None
        self.close_connection, self.request_version = True, self.protocol_version
        self._write(status, _JSON, json.dumps({"error": f"ERR {message or status.phrase}"}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep silent: a request line may hold a token."""
