"""How fast messages are appended to Momento and read back, at this version of the package.

    python -m tests.benchmarks.bench_momento [--rounds 9]

The service runs in a process of its own. To compare versions, run it with each in PYTHONPATH, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from momento import CredentialProvider

from chatmem_nb import MomentoChatMessageHistory, MomentoSessionStore

_SERVE = """
import sys
from chatmem_nb.local import LocalMomento
with LocalMomento() as server:
    print(server.token, server.port, flush=True)
    sys.stdin.read()
"""


@contextmanager
def service() -> Iterator[CredentialProvider]:
    """A local Momento in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        token, port = process.stdout.readline().split()
        host = "127.0.0.1"
        yield CredentialProvider(token, host, host, host, int(port))
        process.terminate()


def talk(count: int) -> list[BaseMessage]:
    kinds = (HumanMessage, AIMessage)
    return [kinds[at % 2](f"message {at}: " + "words of a chat " * 10) for at in range(count)]


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the first decile of the times of `work`: what it takes when nothing else runs."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.quantiles(times, n=10)[0] * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with (
        service() as provider,
        MomentoSessionStore.from_credentials(provider, "c", timedelta(hours=1)) as store,
    ):

        def history() -> MomentoChatMessageHistory:
            return MomentoChatMessageHistory.from_store(store, uuid4().hex)

        one, long, short = history(), history(), history()
        long.add_messages(talk(10_000))
        short.add_messages(talk(100))
        batch = talk(1_000)

        async def together() -> None:
            await asyncio.gather(*(history().aadd_messages(talk(1)) for _ in range(50)))

        for name, work, times in (
            ("append 1 message", lambda: one.add_messages(talk(1)), 40 * rounds),
            ("append 1,000 messages", lambda: history().add_messages(batch), rounds),
            ("append 50 at once, async", lambda: asyncio.run(together()), 3 * rounds),
            ("read the last 20", lambda: short.last(20), 40 * rounds),
            ("read 10,000 texts", lambda: store.read(long.session_id), rounds),
            ("read 10,000 messages", lambda: long.messages, rounds),
        ):
            print(f"{name:26} {milliseconds(work, times):8.2f} ms", flush=True)


if __name__ == "__main__":
    main()
