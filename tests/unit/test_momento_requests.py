"""Momento's requests: what they cost, and a cache that is missing."""

from __future__ import annotations

from typing import Any

import pytest

from chatmem_nb.stores.momento import commands as cmd
from chatmem_nb.stores.momento.errors import (
    MomentoAuthError,
    MomentoError,
    MomentoNotFoundError,
)
from chatmem_nb.stores.momento.missing_cache import MissingCache
from chatmem_nb.stores.plans import ask
from chatmem_nb.stores.runner import Attempt, Runner
from tests.unit.momento_list import (
    KEY,
    NEW,
)


class Failing:
    """A transport whose outcomes stand in a list, one for each request."""

    def __init__(self, outcomes: list[Any]) -> None:
        self.outcomes = outcomes
        self.sent: list[Any] = []

    def send(self, attempt: Attempt) -> list[Any]:
        self.sent += attempt.requests
        return [self.outcomes.pop(0) for _ in attempt.requests]

    def check_open(self) -> None:
        """It is never closed."""


def in_cache(missing_cache: MissingCache, outcomes: list[Any]) -> tuple[Any, list[type]]:
    """Return the result of a push, or its error, and the kinds of the requests that were made for it."""
    transport = Failing(outcomes)
    runner = Runner(transport, 1.0, missing_cache.repair)
    try:
        result = runner.run(ask(cmd.Push(KEY, NEW, None)))
    except MomentoError as exc:
        result = exc
    return result, [type(request) for request in transport.sent]


def test_a_missing_cache_is_created_each_time() -> None:
    missing_cache = MissingCache("cache")
    missing = MomentoNotFoundError("no cache")
    for _ in range(2):
        result, kinds = in_cache(missing_cache, [missing, None, missing, 3])
        assert result == 3
        assert kinds == [cmd.Push, cmd.CreateCache, cmd.Push, cmd.Push]
        missing_cache._created_at -= 60  # a minute later


def test_a_cache_that_cannot_be_created_says_why() -> None:
    missing_cache = MissingCache("cache")
    refused = MomentoAuthError("may not")
    result, kinds = in_cache(missing_cache, [MomentoNotFoundError("no cache"), refused])
    assert result is refused
    assert kinds == [cmd.Push, cmd.CreateCache]
    assert missing_cache._claim()  # the next one may try at once


@pytest.mark.parametrize(
    ("sizes", "billed"),
    [([], 1), ([0], 1), ([1] * 100, 100), ([1_024], 1), ([1_025], 2), ([3_000], 3), ([1, 3_000, 10], 5)],
)
def test_each_kilobyte_of_each_element_is_an_operation(sizes: list[int], billed: int) -> None:
    values = [b"x" * size for size in sizes]
    assert cmd.operations(values) == billed
    assert cmd.FetchList(KEY).billed(values) == billed
    assert cmd.Push(KEY, values, None).billed(len(values)) == billed
