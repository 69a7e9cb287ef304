"""One attempt at one HTTP request: what may be spent on it, and what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
from pydantic_core import to_json

from ..protocol import CommandCount
from .deadline import Deadline


class Exchange:
    """What is known of one attempt; the HTTP clients fill it through their event hooks."""

    def __init__(self, host: str, billed: int, deadline: Deadline, commands: CommandCount) -> None:
        self.host, self.deadline = host, deadline
        self._billed, self._commands = billed, commands
        self._response: httpx.Response | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the clients below know of this exchange, in this thread or task alone."""
        token = _RUNNING.set(self)
        try:
            yield
        finally:
            _RUNNING.reset(token)
            self._count_answer()

    def began(self, request: httpx.Request) -> None:
        """Give `request` what is left of the time, and count it."""
        patience = self.deadline.patience_s()
        waits = {"connect": patience, "read": patience, "write": patience}
        request.extensions["timeout"] = {**waits, "pool": self.deadline.remaining_s()}
        self._commands.add(requests=1, sent=len(request.content))

    def answered(self, response: httpx.Response) -> None:
        """Keep the beginning of an answer; its body may still be cut."""
        self._response = response

    @property
    def status(self) -> int | None:
        """The HTTP status; None where no answer began."""
        return None if self._response is None else self._response.status_code

    @property
    def body(self) -> bytes:
        """The answer's body; b"" where it did not come whole."""
        try:
            return b"" if self._response is None else self._response.content
        except httpx.ResponseNotRead:
            return b""

    @property
    def is_html(self) -> bool:
        return "html" in self._header("content-type") or self.body[:100].lstrip()[:1] == b"<"

    @property
    def is_json(self) -> bool:
        return "json" in self._header("content-type")

    @property
    def retry_after_s(self) -> float:
        """How long the service asks to wait, in seconds; 0.0 where it does not say."""
        seconds = self._header("retry-after")
        return float(seconds) if seconds.isdecimal() else 0.0

    def _header(self, name: str) -> str:
        return "" if self._response is None else self._response.headers.get(name, "").lower()

    def _count_answer(self) -> None:
        if self._response is None:
            return
        status = self._response.status_code
        free = status in (401, 403, 404, 429) or status >= 500
        received = self._response.num_bytes_downloaded
        self._commands.add(billed=0 if free else self._billed, received=received)


_RUNNING: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def running_exchange() -> Exchange | None:
    """Return the exchange that this thread or task is in; None where somebody uses the SDK on their own."""
    return _RUNNING.get()


class Hooks:
    """What the HTTP clients of one store call before and after each request.

    They share the newest sync token, by which Upstash answers from a replica only once it has seen what this
    store wrote: the SDK's clients know each of their own, and what is written by one may be read by another.
    """

    def __init__(self) -> None:
        self._sync_token: str | None = None

    def request(self, request: httpx.Request) -> None:
        if self._sync_token is not None:
            request.headers["Upstash-Sync-Token"] = self._sync_token
        if exchange := _RUNNING.get():
            exchange.began(request)

    def response(self, response: httpx.Response) -> None:
        self._sync_token = response.headers.get("Upstash-Sync-Token") or self._sync_token
        if exchange := _RUNNING.get():
            exchange.answered(response)

    async def arequest(self, request: httpx.Request) -> None:
        self.request(request)

    async def aresponse(self, response: httpx.Response) -> None:
        self.response(response)


def quickly(build_request: Callable[..., httpx.Request]) -> Callable[..., httpx.Request]:
    """Return `build_request` with the JSON of this store's requests made in a quarter of httpx's time."""

    def build(*args: Any, json: Any = None, headers: Any = None, **options: Any) -> httpx.Request:
        if json is None or _RUNNING.get() is None:
            return build_request(*args, json=json, headers=headers, **options)
        options["content"] = to_json(json)
        return build_request(*args, headers={**headers, "Content-Type": "application/json"}, **options)

    return build
