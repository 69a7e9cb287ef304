"""Histories of clients in several processes: spawned, forked, interrupted, killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import astuple
from pathlib import Path

from tests.consistency.addresses import LATE_S
from tests.consistency.history import History
from tests.consistency.services import Service
from tests.consistency.worker import Work, spec_of

ROOT = Path(__file__).parents[2]
PROCESSES = 3


class Stuck(AssertionError):
    """A worker did not end in its time."""


def in_processes(
    service: Service,
    kind: str,
    seed: int,
    count: int,
    folder: Path,
    *,
    forked: bool = False,
    interrupts: float = 0.0,
    kills: int = 0,
    limit_s: float = 60.0,
) -> History:
    """Return the history of clients in processes of their own.

    `forked`: they come from one process, which opened the store that all of them use. `interrupts`: the
    chance that a step is interrupted. `kills`: how many of them are killed in the middle.

    Raises: Stuck.
    """
    folder.mkdir(parents=True)
    numbers = tuple(range(PROCESSES))
    groups = [numbers] if forked else [(number,) for number in numbers]
    address = astuple(service.address)
    works = [
        Work(address, kind, seed, group, PROCESSES, count, str(folder), service.one_editor, interrupts)
        for group in groups
    ]
    with service.failing(seed):
        workers = [_worker(work) for work in works]
        for work, worker in zip(works[:kills], workers, strict=False):
            _kill_in_the_middle(work, worker, random.Random(f"{seed} {work.clients}"), count)
        stuck = _end(workers, limit_s)
    history = History(late_s=LATE_S)
    for work in works:
        for number in work.clients:
            if work.journal(number).exists():
                history.merge(work.journal(number).read_text())
    history.settle(time.monotonic() + LATE_S)
    if stuck:
        stacks = "".join(path.read_text() for path in sorted(folder.glob("*.stacks")))
        raise Stuck(f"{len(stuck)} of {len(workers)} workers did not end within {limit_s} s\n{stacks}")
    failed = [worker.returncode for worker in workers[kills:] if worker.returncode]
    assert not failed, f"workers ended with {failed}"
    return history


def _worker(work: Work) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.consistency.worker", spec_of(work)]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)


def _kill_in_the_middle(
    work: Work, worker: subprocess.Popen[bytes], chance: random.Random, count: int
) -> None:
    """Kill a worker when its journal has reached some length."""
    wanted, journal = chance.randint(count // 2, count), work.journal(work.clients[0])

    def kill() -> None:
        while worker.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= wanted:
                worker.send_signal(signal.SIGKILL)
                return
            threading.Event().wait(0.002)

    threading.Thread(target=kill).start()


def _end(workers: list[subprocess.Popen[bytes]], limit_s: float) -> list[int]:
    """Wait for all workers, kill with their children those that do not end, and return which those were."""
    limit, stuck = time.monotonic() + limit_s, []
    for worker in workers:
        try:
            worker.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            stuck.append(worker.pid)
            os.killpg(worker.pid, signal.SIGUSR1)  # it writes what it waits for
            threading.Event().wait(0.3)
            os.killpg(worker.pid, signal.SIGKILL)  # its own session holds it and its children alone
            worker.wait()
    return stuck
