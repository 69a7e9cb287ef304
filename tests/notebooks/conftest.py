from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.notebooks.binder import BinderImage, build


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> BinderImage:
    """Built by the worker that first asks for it, while another waits: pip needs a minute or more."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "binder"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _dockerfile(folder).exists():
            _dockerfile(folder).write_text(build(folder).dockerfile)
    return BinderImage(folder / "clone", folder / "environment", _dockerfile(folder).read_text())


def _dockerfile(folder: Path) -> Path:
    return folder / "Dockerfile"
