"""What clients were told, and what stands in the end, agree: every verb, service, colour and kind of fault.

The short form runs with the suite. The long form (`--soak`) makes tens of thousands of operations.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatmem_nb.local import LocalUpstash
from tests.consistency.clients import in_tasks, in_threads
from tests.consistency.ending import Verdict, judge
from tests.consistency.history import History
from tests.consistency.mixes import KINDS
from tests.consistency.processes import in_processes
from tests.consistency.services import MortalRedis, Service, running, service_of
from tests.redis_server import redis_program

STEPS = 14
LONG_STEPS, LONG_ROUNDS = 50, int(os.environ.get("HISTORY_ROUNDS", "4"))
MODES: dict[str, Callable[[Service, str, int, int], History]] = {"threads": in_threads, "tasks": in_tasks}


def _cases() -> Iterator[Any]:
    for name in ("upstash", "redis", "proxied", "momento"):
        for mode in ("threads",) if name == "proxied" else MODES:
            for kind in KINDS:
                yield name, mode, kind
        yield name, "threads", "browser"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Service]]:
    """Starts each service once, when it is first asked for."""
    with Started(tmp_path_factory) as started:
        yield started.get


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Keeps a figure of this test for the report of the run."""
    return lambda name, value: request.node.user_properties.append((name, value))


class Started:
    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._running: dict[str, tuple[Any, Service]] = {}

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *exc: object) -> None:
        for context, _ in self._running.values():
            context.__exit__(None, None, None)

    def get(self, name: str) -> Service:
        """Return the service, with a prefix of its own."""
        if name not in self._running:
            context = running(name, self._folders.mktemp(name))
            self._running[name] = context, context.__enter__()
        return self._running[name][1].afresh()


def agree(verdicts: Iterable[Verdict], note: Callable[[str, object], None]) -> None:
    """Note the figures of all `verdicts` for the report of the run, and assert that nothing is violated."""
    total = Verdict.of_all(verdicts)
    note("verdict", str(total))
    assert total.faults
    assert not total.violations, str(total)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode", "kind"), list(_cases()))
def test_the_end_agrees_with_the_history(services: Any, note: Any, name: str, mode: str, kind: str) -> None:
    service = services(name)
    agree([judge(MODES[mode](service, kind, 1, STEPS), service)], note)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("name", "mode", "kind"), list(_cases()))
def test_the_end_agrees_with_each_of_many_histories(
    services: Any, note: Any, name: str, mode: str, kind: str
) -> None:
    def verdicts() -> Iterator[Verdict]:
        for seed in range(LONG_ROUNDS):
            service = services(name)
            yield judge(MODES[mode](service, kind, seed, LONG_STEPS), service)

    agree(verdicts(), note)


PROCESSES: dict[str, dict[str, Any]] = {
    "spawned": {},
    "killed": {"kills": 2},
    "forked": {"forked": True},
    "interrupted": {"interrupts": 0.15},
}


def _process_cases() -> Iterator[Any]:
    for name in ("upstash", "momento"):
        for mode in PROCESSES:
            yield name, mode


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), list(_process_cases()))
def test_the_end_agrees_with_the_history_of_processes(
    services: Any, note: Any, tmp_path: Path, name: str, mode: str
) -> None:
    service = services(name)
    history = in_processes(service, "all", 1, STEPS, tmp_path / "clients", **PROCESSES[mode])
    agree([judge(history, service)], note)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("name", "mode"), list(_process_cases()))
def test_the_end_agrees_with_each_of_many_histories_of_processes(
    services: Any, note: Any, tmp_path: Path, name: str, mode: str
) -> None:
    def verdicts() -> Iterator[Verdict]:
        for seed in range(LONG_ROUNDS):
            service = services(name)
            history = in_processes(service, "all", seed, 4 * STEPS, tmp_path / str(seed), **PROCESSES[mode])
            yield judge(history, service)

    agree(verdicts(), note)


@contextmanager
def killed_again_and_again(redis: MortalRedis, times: int) -> Iterator[None]:
    """Kill the server `times` times meanwhile, and start it again."""
    stop = threading.Event()

    def kill() -> None:
        for _ in range(times):
            if stop.wait(0.3):
                return
            redis.kill()
            redis.start()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()


@pytest.mark.parametrize("kind", ["edits", "delete"])
def test_the_end_agrees_with_the_history_where_redis_is_killed(tmp_path: Path, note: Any, kind: str) -> None:
    _outlives_kills(tmp_path, note, kind, STEPS, kills=3)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_agrees_with_a_long_history_where_redis_is_killed(
    tmp_path: Path, note: Any, kind: str
) -> None:
    _outlives_kills(tmp_path, note, kind, 8 * STEPS, kills=18)


def _outlives_kills(folder: Path, note: Any, kind: str, count: int, *, kills: int) -> None:
    redis = MortalRedis(redis_program(), folder)
    try:
        with LocalUpstash(redis_url=redis.url) as upstash:
            service = service_of(upstash).afresh()
            with killed_again_and_again(redis, kills):
                history = in_threads(service, kind, 1, count)
            agree([judge(history, service)], note)
    finally:
        redis.kill()
