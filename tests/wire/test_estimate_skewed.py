"""An estimate holds for stores whose sessions differ a thousandfold, and costs little of what it tells."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from chatmem_nb import estimate, to_dataframe
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.records import encode_all


def fill_skewed(store: Any, sessions: int, every: int) -> None:
    """Most sessions have two short messages; one in `every` has five hundred, of lengths that differ."""
    for number in range(sessions):
        if number % every == every // 2:
            talk = [HumanMessage("word " * (400 if place % 2 else 1)) for place in range(500)]
        else:
            talk = [HumanMessage("hello"), HumanMessage("again")]
        store.append(f"s{number:04}", encode_all(talk))


@pytest.mark.slow
@pytest.mark.parametrize(("service", "every"), [("upstash", 100), ("momento", 10)])
def test_a_few_long_sessions_are_not_overlooked(service: str, every: int) -> None:
    server: Any = LocalUpstash() if service == "upstash" else LocalMomento()
    with server, server.store() as store:
        fill_skewed(store, 300, every)
        before = store.commands.billed
        names = list(store.session_ids())
        listing = store.commands.billed - before
        planned = estimate(store)
        before = store.commands.billed
        frame = to_dataframe(store, columns=["role"])
        real = store.commands.billed - before
    assert len(names) == planned.sessions
    low, high = planned.commands_range
    assert low <= real <= high
    assert planned.spent - listing <= max(20, 0.05 * planned.commands)
    assert high <= 3 * real
    if service == "upstash":
        assert planned.messages == len(frame)
        assert planned.commands == pytest.approx(real, rel=0.1)
    else:
        assert planned.commands == pytest.approx(real, rel=0.5)


def test_sessions_that_fill_a_page_are_counted_as_they_are_read() -> None:
    """Each length near the bounds of a page, and batches of sessions that change these bounds."""
    lengths = [250] * 60 + [199, 200, 201, 300, 479, 480, 481, 3_000, 9_700, 0]
    with LocalUpstash() as server, server.store() as store:
        for number, length in enumerate(lengths):
            store.append(f"s{number:04}", encode_all([HumanMessage("hello")] * length))
        planned = estimate(store)
        before = store.commands.billed
        to_dataframe(store, columns=["role"])
        real = store.commands.billed - before
    low, high = planned.commands_range
    assert low <= real <= high
    assert planned.commands == pytest.approx(real, abs=2)
    assert (planned.sessions_seen, planned.longer_share) == (planned.sessions, 0)


def test_rare_long_sessions_of_momento_are_announced() -> None:
    """Lengths cost an operation each there, so few are known; the estimate says what that leaves open."""
    with LocalMomento() as server, server.store() as store:
        fill_skewed(store, 300, 300)
        planned = estimate(store)
    assert planned.sessions_seen < 40
    assert planned.longer_share == pytest.approx(3 / planned.sessions_seen)
    assert planned.longer_share >= 1 / 300  # the one long session is announced
    unseen = 300 - planned.sessions_seen
    assert f"the {unseen} sessions that were not looked at are like the {planned.sessions_seen}" in str(
        planned
    )


@pytest.mark.parametrize("service", ["upstash", "momento"])
def test_long_system_prompts_are_counted_once_a_session(service: str) -> None:
    server: Any = LocalUpstash() if service == "upstash" else LocalMomento()
    with server, server.store() as store:
        for number in range(60):
            talk = [SystemMessage("rule " * 1_400), *[HumanMessage("word " * 60)] * (10 + number % 30)]
            store.append(f"s{number:02}", encode_all(talk))
        planned = estimate(store)
        before = store.commands.billed
        frame = to_dataframe(store)
        real = store.commands.billed - before
    low, high = planned.commands_range
    assert low <= real <= high
    assert planned.bytes == pytest.approx(frame["raw"].str.len().sum(), rel=0.25)
