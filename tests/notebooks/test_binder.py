"""What Binder would build from binder/, as far as that can be told without Docker."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.free_port import free_port
from tests.notebooks.binder import ROOT, BinderImage, build_commands, disabled_extensions
from tests.notebooks.test_notebooks import KERNEL_LIMIT_MB

LIMIT_MB = 700
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]  # an environment is built


@contextmanager
def jupyterlab(image: BinderImage) -> Iterator[tuple[psutil.Process, str]]:
    """The server as the image starts it, at the root of the clone."""
    port = free_port()
    command = [image.python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    process = subprocess.Popen(
        [*command, "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--log-level=ERROR"],
        cwd=image.clone,
        env=image.variables(),
    )
    try:
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def opened(address: str, seconds: float = 120) -> bytes:
    end = time.monotonic() + seconds
    while True:
        try:
            with OPENER.open(address, timeout=10) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def badge() -> str:
    [address] = re.findall(r"\(?<?(https://mybinder\.org/v2/[^)>`\s]+)", (ROOT / "README.md").read_text())
    return str(address)


def test_repo2docker_reads_our_files(image: BinderImage) -> None:
    assert build_commands(image.dockerfile) == [
        '${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "chmod +x binder/postBuild",
        "./binder/postBuild",
    ]


def test_the_image_has_the_package_of_the_clone(image: BinderImage) -> None:
    command = [image.python, "-c", "import chatmem_nb; print(chatmem_nb.__file__)"]
    found = subprocess.run(
        command, cwd=image.environment, env=image.variables(), capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(image.clone)


def test_nobody_is_asked_about_news(image: BinderImage) -> None:
    assert disabled_extensions(image) == {"@jupyterlab/apputils-extension:announcements"}


def test_the_badge_opens_the_quickstart_within_the_memory_of_a_class(image: BinderImage) -> None:
    path = parse_qs(urlsplit(badge()).query)["urlpath"][0]
    assert path == "lab/tree/notebooks/quickstart.ipynb"
    with jupyterlab(image) as (process, address):
        assert b"jupyter-config-data" in opened(f"{address}/{path}")
        file = opened(f"{address}/api/contents/{path.removeprefix('lab/tree/')}?content=1")
        assert json.loads(file)["type"] == "notebook"
        everything = [process, *process.children(recursive=True)]
        server_mb = sum(each.memory_info().rss for each in everything) / 2**20
    assert server_mb + KERNEL_LIMIT_MB < LIMIT_MB
