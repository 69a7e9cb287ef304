"""An HTTP request as the commands that it asks for.

See https://upstash.com/docs/redis/features/restapi, "API Semantics", "Pipelining" and "Transactions".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from chatmem_nb.local.upstash.replies import Command

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class RefusedRequestError(Exception):
    """The request is answered with `status` and this error's text, and nothing is run."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Job:
    """What one request asks for."""

    kind: Literal["command", "pipeline", "transaction"]
    commands: list[Command]

    @property
    def names(self) -> list[str]:
        """Return the commands' names, as they were written."""
        return [command[0].decode("utf-8", "replace") for command in self.commands]


def read_job(target: str, body: bytes) -> Job:
    """Return what a request for `target` with this body asks for. Raises: RefusedRequestError."""
    parts = urlsplit(target)
    match parts.path:
        case "/pipeline":
            return Job("pipeline", _rows(body))
        case "/multi-exec":
            return Job("transaction", _rows(body))
        case "/" | "":
            return Job("command", [_command(_read_json(body))])
        case path:
            return Job("command", [_path_command(path, parts.query, body)])


def _path_command(path: str, query: str, body: bytes) -> Command:
    """Return `/set/key` with its body and `?EX=10` behind it as `SET key <body> EX 10`."""
    command = [unquote_to_bytes(segment) for segment in path.strip("/").split("/")]
    if body:
        command.append(body)
    for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
        if name != "_token":
            command += [part.encode("utf-8", "surrogateescape") for part in (name, value) if part]
    return command


def _rows(body: bytes) -> list[Command]:
    rows = _read_json(body)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _refused("ERR failed to parse pipeline request")
    if not rows:
        raise _refused("ERR empty pipeline request")
    return [_command(row) for row in rows]


def _read_json(body: bytes) -> Any:
    """Return the JSON of `body`, or None; its numbers as they were written, since Redis knows text only."""
    try:
        return json.loads(body, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _command(row: Any) -> Command:
    if not isinstance(row, list):
        raise _refused("ERR failed to parse command")
    if not row:
        raise _refused("ERR empty command")
    return [_argument(element) for element in row]


def _argument(element: Any) -> bytes:
    if isinstance(element, str):
        try:
            return element.encode()
        except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8
            return _LONE_SURROGATE.sub("\ufffd", element).encode()
    if isinstance(element, bool):
        return b"true" if element else b"false"
    if element is None:
        return b"null"
    raise _refused("ERR failed to parse command: an argument is neither a string nor a number")


def _refused(text: str) -> RefusedRequestError:
    return RefusedRequestError(HTTPStatus.BAD_REQUEST, text)
