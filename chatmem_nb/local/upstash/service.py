"""What LocalUpstash does with a request's commands, whatever brought them."""

from __future__ import annotations

import itertools
import secrets
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chatmem_nb.local.upstash.engine import Engine, EngineError
from chatmem_nb.local.upstash.replies import Refusal, as_result
from chatmem_nb.local.upstash.requests import Job


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the JSON that go back."""

    status: HTTPStatus
    payload: Any


class Service:
    """Runs jobs on an engine that may still be loading; safe to use from every thread."""

    def __init__(self, engine: Future[Engine]) -> None:
        self._engine = engine
        self._run_id = secrets.token_hex(4)
        self._served = itertools.count(1)

    def next_sync_token(self) -> str:
        """Return a token that no earlier answer of this server had."""
        return f"{self._run_id}-{next(self._served)}"

    def run(self, job: Job, *, encode: bool) -> Answer:
        """Return the answer to `job`; its strings are base64 if `encode`. Never raises for what a command does."""
        try:
            return self._run(job, self._engine.result(), encode)
        except EngineError as error:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"ERR {error}"})

    def _run(self, job: Job, engine: Engine, encode: bool) -> Answer:
        if job.kind == "transaction":
            replies = engine.transaction(job.commands)
            if isinstance(replies, Refusal):
                return Answer(HTTPStatus.BAD_REQUEST, {"error": replies.text})
        else:
            replies = engine.run(job.commands)
        results = [as_result(reply, encode=encode) for reply in replies]
        if job.kind != "command":
            return Answer(HTTPStatus.OK, results)
        [result] = results
        return Answer(HTTPStatus.BAD_REQUEST if "error" in result else HTTPStatus.OK, result)
