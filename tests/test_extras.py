"""Each extra by itself, in the oldest versions that it allows, does what it is for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_extra_is_tried() -> None:
    assert set(PROJECT["optional-dependencies"]) - {"test"} == set(EXTRAS)


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the installer that can choose the oldest versions."""
    folder = tmp_path_factory.mktemp("uv")
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv")
    return folder / "bin" / "uv"


@pytest.mark.soak  # each installs an environment, which takes a minute
@pytest.mark.timeout(600)
@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_works_in_its_oldest_versions(extra: str, uv: Path, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    run(sys.executable, "-m", "venv", str(tmp_path))
    # langchain-community, which is in `demo` to be compared with, asks for a later langchain-core than we do.
    [core] = [name for name in PROJECT["dependencies"] if name.startswith("langchain-core>=")]
    overrides = tmp_path / "overrides.txt"
    overrides.write_text(core.replace(">=", "==").partition(",")[0])
    oldest = ("--resolution", "lowest-direct", "--override", str(overrides))
    run(
        str(uv),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(python),
        *oldest,
        "--editable",
        f"{ROOT}[{extra}]",
    )
    run(str(python), "-W", "error", str(ROOT / "tests" / "extras.py"), extra)


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stderr + done.stdout)[-3_000:]
