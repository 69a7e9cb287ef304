"""One HTTP connection to LocalUpstash: timeouts, size limits, faults.

The token is checked before a body is read, and no client occupies a thread for longer than the limits allow.
"""

from __future__ import annotations

import io
import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from chatmem_nb.local.faults import Fault
from chatmem_nb.local.upstash.rest_api import RejectedRequestError, RestResponse, parse_request

if TYPE_CHECKING:
    from chatmem_nb.local.upstash.http_server import HttpServer

_JSON = "application/json"
_PROXY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)
_DRAIN_TIMEOUT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The size limit of a request, and the timeouts of its parts."""

    request_bytes: int = 10 * 1024 * 1024
    headers_timeout: timedelta = timedelta(seconds=10)
    """From the first byte of a request to the end of its headers."""
    body_timeout: timedelta = timedelta(seconds=60)
    idle_timeout: timedelta = timedelta(seconds=60)
    """From a response, or from connecting, to the first byte of the next request."""
    response_timeout: timedelta = timedelta(seconds=60)
    """For the client to read a response."""


class _DeadlineSocket(io.RawIOBase):
    """A socket whose reads and writes end by a deadline, however slowly bytes arrive."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._deadline = connection, 0.0

    def allow(self, timeout: timedelta) -> None:
        self._deadline = time.monotonic() + timeout.total_seconds()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._apply_deadline()
        return self._connection.recv_into(buffer)

    def write(self, data: Any) -> int:
        self._apply_deadline()
        self._connection.sendall(data)
        return len(data)

    def _apply_deadline(self) -> None:
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("the client took too long")
        self._connection.settimeout(remaining_s)


class HttpHandler(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after another."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "LocalUpstash", ""
    disable_nagle_algorithm = True
    _body_is_unread = False

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._stream = _DeadlineSocket(self.connection)
        self.rfile = io.BufferedReader(self._stream)
        self.wfile = io.BufferedWriter(self._stream)  # headers and body are sent in one packet

    def handle_one_request(self) -> None:
        """Wait for a request and serve it; http.server closes the connection on TimeoutError."""
        self._stream.allow(self.server.limits.idle_timeout)
        try:
            if not self.rfile.peek(1):  # type: ignore[attr-defined]  # it is a BufferedReader
                self.close_connection = True
                return
        except OSError:  # a timeout, or the client disconnected
            self.close_connection = True
            return
        self._stream.allow(self.server.limits.headers_timeout)
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        """Leave `100 Continue` to `_read_body`, after the token is checked."""
        return True

    def _serve(self) -> None:
        try:
            self.server.authentication.check(self.path, self.headers)
            self.server.usage.add(requests=1)
            request = parse_request(self.path, self._read_body())
        except RejectedRequestError as error:
            self._send(RestResponse(error.status, {"error": str(error)}))
            self._drain()
            return
        fault = self.server.faults.take(request.names)
        if not self._is_delivered(fault):
            self.close_connection = True
        elif fault and fault.kind == "refuse":
            text = "ERR max commands per second exceeded"
            self._send(RestResponse(HTTPStatus.TOO_MANY_REQUESTS, {"error": text}))
        elif fault and fault.kind == "error":
            self.server.faults.hold(fault.delay)
            self._send(RestResponse(HTTPStatus.BAD_REQUEST, {"error": fault.code}))
        else:
            encode = self.headers.get("Upstash-Encoding", "").lower() == "base64"
            self._send(self.server.api.run(request, encode=encode), fault)

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def parse_request(self) -> bool:
        self._body_is_unread = False
        if not super().parse_request():
            return False
        self._body_is_unread = self.headers.get("Content-Length", "0") != "0" or (
            "Transfer-Encoding" in self.headers
        )
        return True

    def _read_body(self) -> bytes:
        lengths, limit = self.headers.get_all("Content-Length", ["0"]), self.server.limits.request_bytes
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            raise RejectedRequestError(HTTPStatus.LENGTH_REQUIRED, "ERR one Content-Length is required")
        if "Transfer-Encoding" in self.headers:
            raise RejectedRequestError(
                HTTPStatus.LENGTH_REQUIRED, "ERR send a Content-Length, not a Transfer-Encoding"
            )
        if len(lengths[0]) > 18 or (length := int(lengths[0])) > limit:
            text = f"ERR max request size exceeded. Limit: {limit} bytes, Actual: {lengths[0]:.18} bytes"
            raise RejectedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        self._stream.allow(self.server.limits.body_timeout)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()
        body = self.rfile.read(length)
        self._body_is_unread = False
        if len(body) < length:  # the client disconnected
            raise ConnectionError("the body is incomplete")
        return body

    def _drain(self) -> None:
        """Read a rejected body for a moment: closing at once might reset the connection too early."""
        if not self._body_is_unread:
            return
        with suppress(OSError):  # a timeout, or the client disconnected
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self._stream.allow(_DRAIN_TIMEOUT)
            while self.rfile.read1(1 << 16):
                pass

    def _is_delivered(self, fault: Fault | None) -> bool:
        """Simulate the network's latency; return False if the request is lost."""
        faults = self.server.faults
        if self.server.latency and not faults.wait(self.server.latency):
            return False
        if fault and fault.kind == "hang":
            faults.hold(fault.delay or None)
        if fault and fault.kind == "drop_before":
            faults.hold(fault.delay)
        return not (fault and fault.kind in ("hang", "drop_before"))

    def _send(self, response: RestResponse, fault: Fault | None = None) -> None:
        body = json.dumps(response.payload, ensure_ascii=False, separators=(",", ":")).encode()
        match fault.kind if fault else None:
            case "drop_after" if fault:
                self.server.faults.hold(fault.delay)
                self.close_connection = True
                return
            case "delay" if fault:
                self.server.faults.hold(fault.delay)
            case "html":
                self._write(HTTPStatus.BAD_GATEWAY, "text/html", _PROXY_PAGE)
                return
            case "cut":
                self.close_connection = True
                self._write(response.status, _JSON, body, sent=len(body) // 2)
                return
        self._write(response.status, _JSON, body)

    def _write(self, status: HTTPStatus, content_type: str, body: bytes, sent: int | None = None) -> None:
        self.close_connection = self.close_connection or self._body_is_unread
        self._stream.allow(self.server.limits.response_timeout)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Upstash-Sync-Token", self.server.api.next_sync_token())
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Respond in JSON where http.server itself rejects a request."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # that of http.server for a method without `do_...`
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, None
        self.close_connection, self.request_version = True, self.protocol_version
        self._write(status, _JSON, json.dumps({"error": f"ERR {message or status.phrase}"}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request line may contain a token."""
