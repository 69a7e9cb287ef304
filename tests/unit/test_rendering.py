"""Rendering has threads of its own, and one browser takes no more than its turn."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb.markdown import to_html
from chatmem_nb.records import encode, parse_all
from chatmem_nb.time_limit import TimeLimitExceeded, check_time, time_limit
from chatmem_nb.widgets import jobs, snapshot
from chatmem_nb.widgets.jobs import THREADS, Rendering
from chatmem_nb.widgets.rows import rows_of

SLOW = "\\[a\n" * 900
"""Half a second of parsing."""


def test_a_browser_that_waits_holds_up_no_other() -> None:
    release = threading.Event()

    async def both() -> None:
        hostile, other = Rendering(), Rendering()
        jobs = [asyncio.create_task(hostile.run(release.wait)) for _ in range(5 * THREADS)]
        try:
            assert await asyncio.wait_for(other.run(to_html, "*x*"), 30) == "<p><em>x</em></p>\n"
            assert not any(job.done() for job in jobs)
        finally:
            release.set()
        await asyncio.gather(*jobs)

    asyncio.run(both())


def test_a_job_of_many_slow_messages_ends_by_its_limit() -> None:
    records = parse_all([encode(HumanMessage(SLOW + str(n))) for n in range(40)])
    start = time.thread_time()
    with time_limit(0.05):
        rows = rows_of(records)
    assert time.thread_time() - start < 2  # 20 s without it
    assert len(rows) == 40


def test_asnapshot_of_slow_messages_ends_by_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "TIME_LIMIT_S", 0.05)
    records = parse_all([encode(HumanMessage(SLOW)) for _ in range(40)])
    start = time.thread_time()
    html = snapshot.Snapshot("s", records, 40).html
    assert time.thread_time() - start < 2
    assert html.count("cm-plain") > 0


def test_a_job_without_a_limit_has_none() -> None:
    async def unlimited() -> None:
        await Rendering().write(check_time)

    asyncio.run(unlimited())


def test_an_inner_limit_never_extends_an_outer_one() -> None:
    with time_limit(-1), time_limit(60), pytest.raises(TimeLimitExceeded):
        check_time()
    check_time()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_has_threads_of_its_own() -> None:
    asyncio.run(Rendering().run(to_html, "x"))
    before = jobs._pool()
    try:
        jobs._pools[0] = jobs._pools.pop(os.getpid())  # as a fork leaves them: of another process
        assert jobs._pool() is not before
        assert asyncio.run(Rendering().run(to_html, "x")) == "<p>x</p>\n"
    finally:
        before.shutdown()
