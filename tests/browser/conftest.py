"""One Chromium and one Jupyter server for each worker; each test opens pages of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside the tests, under importlib's import mode

from blank_page import mount
from chrome import CHROMIUM, Chrome, Visit
from jupyter_hosts import Server
from stand_in import StandIn, check_message

from tests.requirements import missing


@pytest.fixture(scope="session")
def _shared_chrome() -> Iterator[Chrome]:
    if CHROMIUM is None:
        missing("Chromium")
    with Chrome() as chrome:
        yield chrome
        asyncio._set_running_loop(chrome.loop)


@pytest.fixture(scope="module")
def chrome(_shared_chrome: Chrome) -> Iterator[Chrome]:
    # While Playwright is up, its event loop counts as running in this thread, and no test of another file could
    # call `asyncio.run`: it counts during the files that use it.
    asyncio._set_running_loop(_shared_chrome.loop)
    yield _shared_chrome
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("notebooks")) as server:
        yield server


@pytest.fixture
def blank(chrome: Chrome) -> Iterator[Callable[..., Page]]:
    """Mounts the front end on a blank page over a stand-in; a page error or a request fails the test."""
    visits: list[Visit] = []
    kernels: list[StandIn] = []

    def show(kernel: StandIn, *, width: int = 1100, height: int = 600, **mounting: Any) -> Page:
        visit = chrome.visit(viewport={"width": width, "height": height})
        visits.append(visit)
        kernels.append(kernel)
        visit.page.context.set_default_timeout(8_000)
        mount(visit.page, kernel, **mounting)
        return visit.page

    yield show
    for visit in visits:
        if not visit.page.is_closed():
            for message in visit.page.evaluate("() => window.heard.filter(message => message.event)"):
                check_message("", message)  # also what a test told the page itself
        visit.close()
    assert [violation for kernel in kernels for violation in kernel.violations] == []
    assert [visit.errors + visit.blocked for visit in visits if visit.errors or visit.blocked] == []
