"""What LocalUpstash does with a request's commands, whatever brought them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chatmem_nb.local.upstash.engine import Engine, EngineError
from chatmem_nb.local.upstash.permits import Permits
from chatmem_nb.local.upstash.replies import Command, Refusal, Reply, as_result, size
from chatmem_nb.local.upstash.requests import Job

_DISCARDED = Refusal("EXECABORT Transaction discarded because of previous errors.")


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the JSON that go back."""

    status: HTTPStatus
    payload: Any


class Service:
    """Runs jobs on an engine that may still be loading; safe to use from every thread."""

    def __init__(self, engine: Future[Engine], permits: Permits, max_bytes: int) -> None:
        self._engine, self._permits, self._max_bytes = engine, permits, max_bytes
        self._run_id = secrets.token_hex(4)
        self._served = itertools.count(1)

    def next_sync_token(self) -> str:
        """Return a token that no earlier answer of this server had."""
        return f"{self._run_id}-{next(self._served)}"

    def run(self, job: Job, *, encode: bool) -> Answer:
        """Return the answer to `job`; its strings are base64 if `encode`. No command makes it raise."""
        try:
            replies = self._replies(job)
        except EngineError as error:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"ERR {error}"})
        if isinstance(replies, Refusal):
            return Answer(HTTPStatus.BAD_REQUEST, {"error": replies.text})
        results = [as_result(self._bounded(reply), encode=encode) for reply in replies]
        if job.kind != "command":
            return Answer(HTTPStatus.OK, results)
        [result] = results
        return Answer(HTTPStatus.BAD_REQUEST if "error" in result else HTTPStatus.OK, result)

    def _replies(self, job: Job) -> list[Reply] | Refusal:
        engine = self._engine.result()
        refusals = [self._permits.refusal(command) for command in job.commands]
        if not any(refusals):
            return engine.transaction(job.commands) if job.kind == "transaction" else engine.run(job.commands)
        return _DISCARDED if job.kind == "transaction" else _run_rest(engine, job.commands, refusals)

    def _bounded(self, reply: Reply) -> Reply:
        """Refuse an answer beyond the limit, which holds for both directions."""
        if (actual := size(reply)) <= self._max_bytes:
            return reply
        return Refusal(
            f"ERR max request size exceeded. Limit: {self._max_bytes} bytes, Actual: {actual} bytes"
        )


def _run_rest(engine: Engine, commands: Sequence[Command], refusals: Sequence[Refusal | None]) -> list[Reply]:
    allowed = [command for command, refusal in zip(commands, refusals, strict=True) if refusal is None]
    replies = iter(engine.run(allowed))
    return [next(replies) if refusal is None else refusal for refusal in refusals]
