"""LocalUpstash in a process of its own, over its embedded engine or a real Redis server."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb.local import LocalUpstash
from tests.benchmarks.server_process import server_process, until_told
from tests.redis_server import redis_server

ENGINES = ("embedded", "redis")


@contextmanager
def service(engine: str = "embedded", latency_ms: float = 0) -> Iterator[tuple[str, str]]:
    """Yield url and token of a LocalUpstash that holds each request for `latency_ms`."""
    with server_process(_serve, engine, latency_ms) as (url_and_token, _):
        yield url_and_token


def _serve(pipe: Connection, engine: str, latency_ms: float) -> None:
    with TemporaryDirectory() as folder:
        real = redis_server(Path(folder)) if engine == "redis" else nullcontext()
        latency = timedelta(milliseconds=latency_ms)
        with real as url, LocalUpstash(redis_url=url, latency=latency) as server:
            pipe.send((server.url, server.token))
            until_told(pipe)


def talk(number: int) -> list[BaseMessage]:
    """Return `number` messages: questions, answers with usage, tool calls and what the tools returned."""
    rng = random.Random(7)
    words = ["the", "order", "arrived", "late", "and", "its", "box", "was", "open", "so", "I", "want", "it"]
    usage = {"input_tokens": 310, "output_tokens": 62, "total_tokens": 372}
    metadata = {"model_name": "gpt-4o", "finish_reason": "stop", "system_fingerprint": "fp_1"}
    made: list[BaseMessage] = []
    for turn in range(number):
        text = " ".join(rng.choices(words, k=rng.randint(5, 90)))
        if turn % 4 == 0:
            made.append(HumanMessage(text))
        elif turn % 4 == 2:
            made.append(ToolMessage(text, tool_call_id=f"call_{turn - 1}", name="get_order"))
        else:
            calls = [{"name": "get_order", "args": {"order": turn}, "id": f"call_{turn}"}]
            made.append(
                AIMessage(
                    text,
                    id=f"run-{turn}",
                    tool_calls=calls if turn % 4 == 1 else [],
                    usage_metadata=usage,
                    response_metadata=metadata,
                )
            )
    return made


def seconds(call: Callable[[], object]) -> float:
    """Return how long `call` takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turn(rounds: int, *calls: Callable[[], object]) -> list[tuple[float, float]]:
    """Return for each call its median seconds, and the median of how many times those of the first it takes.

    All of them are measured in each round, one after the other, and compared within it: what else this
    machine does then weighs on both sides alike.
    """
    for call in calls:
        call()
    taken = [[seconds(call) for call in calls] for _ in range(rounds)]
    return [
        (
            statistics.median(row[number] for row in taken),
            statistics.median(row[number] / row[0] for row in taken),
        )
        for number in range(len(calls))
    ]
