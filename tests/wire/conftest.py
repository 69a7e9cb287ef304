"""Fixtures of the tests over the wire: pages of browsers, and Momento stores of several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from momento import CacheClient, Configurations

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalMomento
from chatmem_nb.stores.momento import MomentoSessionStore
from tests.colours import Coloured

from .browser_page import Page, kept_comms
from .connect_form import VARIABLES
from .momento_sessions import CACHE, HOUR, MakeColoured, MakeStore


@pytest.fixture
def comms() -> Iterator[None]:
    """Every browser that the test makes has a comm that keeps what it sends."""
    with kept_comms():
        yield


@pytest.fixture
def page(browser: HistoryBrowser) -> Page:
    """The page of a browser over `store`."""
    return Page(browser)


@pytest.fixture
def unconnected_page(comms: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page of a browser without a store, where the environment names none."""
    for name in (*VARIABLES, "MOMENTO_CACHE_NAME", "MOMENTO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    browser = HistoryBrowser()
    yield Page(browser)
    browser.disconnect()
    browser.close()


@pytest.fixture
def momento_client(momento: LocalMomento) -> Iterator[CacheClient]:
    """The SDK's own client, as somebody else would use the same cache."""
    with CacheClient(Configurations.Laptop.v1(), momento.credential_provider, HOUR) as client:
        client.create_cache(CACHE)
        yield client


@pytest.fixture
def make_momento(momento_client: CacheClient, prefix: str) -> MakeStore:
    """Makes stores over one client; each test has a prefix of its own."""
    return lambda **options: MomentoSessionStore(momento_client, CACHE, **{"key_prefix": prefix, **options})


@pytest.fixture
def coloured_momento(colour: str, make_momento: MakeStore) -> Iterator[Coloured]:
    """A Momento store, sync and async."""
    coloured = Coloured(make_momento(), colour)
    yield coloured
    coloured.end()


@pytest.fixture
def make_coloured(colour: str, momento: LocalMomento, prefix: str) -> Iterator[MakeColoured]:
    """Makes stores, sync and async, with a client each; each test has a prefix of its own."""
    made: list[Coloured] = []

    def make(**options: Any) -> Coloured:
        made.append(Coloured(momento.store(**{"key_prefix": prefix, **options}), colour))
        return made[-1]

    yield make
    momento.faults.clear()
    for coloured in made:
        coloured.end()
