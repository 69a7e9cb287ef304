"""One HTTP request and its response, with limits on time, encodings and bytes.

httpx limits each silence, but not a response that trickles or never ends, nor what decompression makes of
it: `Content-Encoding: gzip, gzip, gzip` turns 312 bytes into 1.2 GB. The SDK has a place for none of this, so
that an `HttpAttempt` takes the place of its httpx client for one request (see `transport`).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic_core import to_json

from ..deadline import Deadline
from ..runner import Attempt
from .network import sockets_until

_LEAST_RESPONSE_BYTES = 64 * 2**20
_ESCAPED = 8
"""A byte of a record takes up to six in JSON; the rest is for brackets and quotes."""


class ResponseTooLargeError(Exception):
    """The response has more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class UnsupportedEncodingError(Exception):
    """The response has an encoding that was not asked for."""


def response_limit(max_request_bytes: int) -> int:
    """Return the maximum size of a response, well above the limit of the service itself."""
    return max(_LEAST_RESPONSE_BYTES, _ESCAPED * max_request_bytes)


class HttpAttempt:
    """One attempt at a request, and its response so far.

    `post` and `json` are what the SDK calls of an httpx.Client and of a response.
    """

    def __init__(self, host: str, attempt: Attempt, max_response_bytes: int) -> None:
        self.host, self.call_s = host, attempt.deadline.timeout_s
        self.bytes_sent = self.bytes_received = 0
        self.status: int | None = None
        """The HTTP status; None if no response began."""
        self.headers: Mapping[str, str] = {}
        self._end = Deadline(attempt.timeout_s)
        self._room = self._limit = max_response_bytes
        self._chunks: list[bytes] = []
        self._gzip: Any = None

    def post(self, http: httpx.Client, url: str, headers: Mapping[str, str], json: Any) -> HttpAttempt:
        """Make the request, blocking."""
        request = self._request(http, url, headers, json)
        with sockets_until(self._end):
            response = http.send(request, stream=True)
            try:
                self._begin(response)
                for chunk in response.iter_raw():
                    self._add(chunk)
            finally:
                response.close()
        return self

    async def apost(
        self, http: httpx.AsyncClient, url: str, headers: Mapping[str, str], json: Any
    ) -> HttpAttempt:
        """Make the request, awaiting; the caller limits the time of the whole."""
        request = self._request(http, url, headers, json)
        response = await http.send(request, stream=True)
        try:
            self._begin(response)
            async for chunk in response.aiter_raw():
                self._add(chunk)
        finally:
            await response.aclose()
        return self

    def json(self) -> Any:
        """Return what the response holds."""
        if self._gzip is not None and not self._gzip.eof:
            raise httpx.DecodingError("the compressed response is truncated")
        return json.loads(b"".join(self._chunks))

    @property
    def body(self) -> bytes:
        """The decoded response, or the beginning of it if it did not come whole."""
        return b"".join(self._chunks)

    @property
    def is_html(self) -> bool:
        return "html" in self._header("content-type") or self.body[:100].lstrip()[:1] == b"<"

    @property
    def is_json(self) -> bool:
        return "json" in self._header("content-type")

    @property
    def retry_after_s(self) -> float:
        """How long the service asks to wait, in seconds; 0.0 if it does not say."""
        seconds = self._header("retry-after")
        return float(seconds) if seconds.isdecimal() else 0.0

    def _header(self, name: str) -> str:
        return self.headers.get(name, "").lower()

    def _request(
        self, http: httpx.Client | httpx.AsyncClient, url: str, headers: Mapping[str, str], json: Any
    ) -> httpx.Request:
        content = to_json(json)  # in a quarter of httpx's time
        left_s = self._end.remaining_s()
        # Without a byte for about a third of the call's time, an attempt ends, so that a lost response can be
        # retried; but not within the first second, which a slow network may take. Slightly less than the time
        # left: httpcore 1.0 does not close a connection that is cancelled from outside in its TLS handshake,
        # but closes one whose own timeout has passed.
        silence_s = min(0.95 * left_s, max(0.3 * self.call_s, 1.0))
        request = http.build_request(
            "POST",
            url,
            headers={**headers, "Content-Type": "application/json", "Accept-Encoding": "gzip"},
            content=content,
            timeout=httpx.Timeout(silence_s, pool=left_s),
        )
        self.bytes_sent = len(content)
        return request

    def _begin(self, response: httpx.Response) -> None:
        self.status, self.headers = response.status_code, response.headers
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding == "gzip":
            self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        elif encoding != "identity":
            raise UnsupportedEncodingError

    def _add(self, chunk: bytes) -> None:
        self.bytes_received += len(chunk)
        if not self._end.remaining_s():
            raise httpx.ReadTimeout("the response did not end in time")
        if self._gzip is not None:
            try:
                # Up to one byte more than there is room for, to see that there is more.
                chunk = self._gzip.decompress(chunk, self._room + 1)
            except zlib.error as exc:
                raise httpx.DecodingError(str(exc)) from exc
        self._room -= len(chunk)
        if self._room < 0:
            self._chunks.clear()
            raise ResponseTooLargeError(self._limit)
        self._chunks.append(chunk)
