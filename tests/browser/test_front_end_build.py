"""The front end that is shipped is built from these sources, whose types and format are checked."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import chatmem_nb
from tests.requirements import missing

WIDGETS = Path(chatmem_nb.__file__).parent / "widgets"
FRONT_END = WIDGETS / "frontend"
BUILD_AGAIN = "the built file is stale: run `npm ci && npm run build` in chatmem_nb/widgets/frontend"


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm among the sources of the front end."""
    return subprocess.run(
        ["npm", *arguments], cwd=FRONT_END, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Install the exact versions of the lock file, unless they are there."""
    if shutil.which("npm") is None:
        missing("npm")
    wanted = json.loads((FRONT_END / "package.json").read_text())["devDependencies"]
    if all(installed_version(name) == version for name, version in wanted.items()):
        return
    done = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    if done.returncode:
        missing(f"the packages of the lock file: {done.stderr[-2_000:]}")


def installed_version(package: str) -> str | None:
    described = FRONT_END / "node_modules" / package / "package.json"
    return str(json.loads(described.read_text())["version"]) if described.exists() else None


def test_the_shipped_files_are_built_from_the_sources(tmp_path: Path) -> None:
    done = npm("run", "build", "--", f"--outdir={tmp_path}")
    assert done.returncode == 0, done.stderr[-2_000:]
    for name in ("browser.js", "browser.css"):
        assert (tmp_path / name).read_bytes() == (WIDGETS / "static" / name).read_bytes(), BUILD_AGAIN


@pytest.mark.parametrize("check", ["types", "lint"])
def test_types_and_format_are_clean(check: str) -> None:
    done = npm("run", check)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3_000:]


def test_the_lock_file_names_no_registry() -> None:
    text = (FRONT_END / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert '"integrity"' in text


def test_every_build_tool_is_pinned_to_one_version() -> None:
    versions = json.loads((FRONT_END / "package.json").read_text())["devDependencies"].values()
    assert all(version[0].isdigit() for version in versions)
