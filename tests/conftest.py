"""Options of the whole test suite, and what every test file is held to."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine draws slowly; that says nothing about what is tested.
_LOADED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=20, derandomize=True, **_LOADED)
settings.register_profile("thorough", max_examples=200, **_LOADED)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take a minute")
    parser.addoption("--soak", action="store_true", help="also run those that take many")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("thorough" if config.getoption("--soak") else "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, time in (("slow", "a minute"), ("soak", "many minutes")):
        if config.getoption(f"--{marker}"):
            continue
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"takes {time}: run with --{marker}"))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    # Odd records hold lone surrogates, which pytest-xdist cannot send: one failure would end the whole run.
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_sendable(one) for one in value)
    return value


def pytest_collection_finish() -> None:
    # What is imported by now stays: the garbage collector need not look at it again.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _leaves_nothing_open() -> Iterator[None]:
    """Collect what a file leaves behind: a socket left open is an error there, and not in a later file."""
    yield
    gc.collect()
