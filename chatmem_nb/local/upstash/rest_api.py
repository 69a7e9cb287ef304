"""Upstash's REST API: parses HTTP requests as commands, runs them on an engine, and returns replies as JSON.

See https://upstash.com/docs/redis/features/restapi: "API Semantics", "Pipelining", "Transactions".
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from chatmem_nb.local.upstash.command_allowlist import CommandAllowlist
from chatmem_nb.local.upstash.engine import Engine, EngineError
from chatmem_nb.local.upstash.replies import Command, ErrorReply, Reply, as_result, size
from chatmem_nb.local.usage import Usage

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DISCARDED = ErrorReply("EXECABORT Transaction discarded because of previous errors.")


class RejectedRequestError(Exception):
    """A request rejected with this status and message; no command was executed."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class RestRequest:
    """The commands of one request."""

    kind: Literal["command", "pipeline", "transaction"]
    commands: list[Command]

    @property
    def names(self) -> list[str]:
        """The commands' names, as the client wrote them."""
        return [command[0].decode("utf-8", "replace") for command in self.commands]


@dataclass(frozen=True, slots=True)
class RestResponse:
    """The status and the JSON of one response."""

    status: HTTPStatus
    payload: Any


def parse_request(target: str, body: bytes) -> RestRequest:
    """Parse a request for `target`. Raises: RejectedRequestError."""
    parts = urlsplit(target)
    match parts.path:
        case "/pipeline":
            return RestRequest("pipeline", _parse_rows(body))
        case "/multi-exec":
            return RestRequest("transaction", _parse_rows(body))
        case "/" | "":
            return RestRequest("command", [_parse_command(_parse_json(body))])
        case path:
            return RestRequest("command", [_path_command(path, parts.query, body)])


class RestApi:
    """Runs requests on an engine that may still be loading; thread-safe."""

    def __init__(
        self, engine: Future[Engine], allowlist: CommandAllowlist, max_bytes: int, usage: Usage
    ) -> None:
        self._engine, self._allowlist, self._max_bytes, self._usage = engine, allowlist, max_bytes, usage
        self._run_id = secrets.token_hex(4)
        self._served = itertools.count(1)

    def next_sync_token(self) -> str:
        """Return a token that is unique to one response."""
        return f"{self._run_id}-{next(self._served)}"

    def run(self, request: RestRequest, *, encode: bool) -> RestResponse:
        """Run the commands; strings in the response are base64 if `encode`. Never raises for a command."""
        try:
            replies = self._replies(request)
        except EngineError as error:
            return RestResponse(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"ERR {error}"})
        if isinstance(replies, ErrorReply):
            return RestResponse(HTTPStatus.BAD_REQUEST, {"error": replies.text})
        results = [as_result(self._limited(reply), encode=encode) for reply in replies]
        if request.kind != "command":
            return RestResponse(HTTPStatus.OK, results)
        [result] = results
        return RestResponse(HTTPStatus.BAD_REQUEST if "error" in result else HTTPStatus.OK, result)

    def _replies(self, request: RestRequest) -> list[Reply] | ErrorReply:
        engine, commands = self._engine.result(), request.commands
        rejections = [self._allowlist.rejection(command) for command in commands]
        if request.kind == "transaction":
            replies = _DISCARDED if any(rejections) else engine.transaction(commands)
            self._usage.add(billed=0 if isinstance(replies, ErrorReply) else len(replies))
            return replies
        allowed = [command for command, error in zip(commands, rejections, strict=True) if error is None]
        # Each command of a pipeline is billed, and an EVAL is one: https://upstash.com/docs/redis/overall/pricing
        self._usage.add(billed=len(allowed))
        replies_of_allowed = iter(engine.run(allowed))
        return [next(replies_of_allowed) if error is None else error for error in rejections]

    def _limited(self, reply: Reply) -> Reply:
        """Replace a reply over the limit, which applies to requests and responses, by an error."""
        if (actual := size(reply)) <= self._max_bytes:
            return reply
        return ErrorReply(
            f"ERR max request size exceeded. Limit: {self._max_bytes} bytes, Actual: {actual} bytes"
        )


def _path_command(path: str, query: str, body: bytes) -> Command:
    """Parse `/set/key`, with a body and `?EX=10`, as `SET key <body> EX 10`."""
    command = [unquote_to_bytes(segment) for segment in path.strip("/").split("/")]
    if body:
        command.append(body)
    for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
        if name != "_token":
            command += [part.encode("utf-8", "surrogateescape") for part in (name, value) if part]
    return command


def _parse_rows(body: bytes) -> list[Command]:
    rows = _parse_json(body)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _rejected("ERR failed to parse pipeline request")
    if not rows:
        raise _rejected("ERR empty pipeline request")
    return [_parse_command(row) for row in rows]


def _parse_json(body: bytes) -> Any:
    """Parse `body`, or return None; numbers stay as they were written, since Redis stores text."""
    try:
        return json.loads(body, parse_int=str, parse_float=str, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return None


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parse_command(row: Any) -> Command:
    if not isinstance(row, list):
        raise _rejected("ERR failed to parse command")
    if not row:
        raise _rejected("ERR empty command")
    return [_parse_argument(element) for element in row]


def _parse_argument(element: Any) -> bytes:
    if isinstance(element, str):
        try:
            return element.encode()
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8 encoding
            return _LONE_SURROGATE.sub("\ufffd", element).encode()
    if isinstance(element, bool):
        return b"true" if element else b"false"
    if element is None:
        return b"null"
    raise _rejected("ERR failed to parse command: an argument is neither a string nor a number")


def _rejected(text: str) -> RejectedRequestError:
    return RejectedRequestError(HTTPStatus.BAD_REQUEST, text)
