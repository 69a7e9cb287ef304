"""One Chromium and one Jupyter server for the whole run; each test opens pages of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside the tests, under importlib's import mode

from chrome import CHROMIUM, Chrome
from jupyter_hosts import Server


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with Chrome() as chrome:
        yield chrome


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("notebooks")) as server:
        yield server
