"""What pip installs is whole: the wheel, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TRY_IT = """
import chatmem_nb
from langchain_core.messages import HumanMessage
for name in chatmem_nb.__all__:
    getattr(chatmem_nb, name)
print(len(chatmem_nb.to_dataframe([HumanMessage("hello")])), chatmem_nb.HistoryBrowser().connected)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_widget_the_scripts_the_samples_the_notebooks_and_the_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= {
        "chatmem_nb/py.typed",
        "chatmem_nb/widgets/static/browser.js",
        "chatmem_nb/widgets/static/browser.css",
        "chatmem_nb/local/samples.jsonl",
        "chatmem_nb/notebooks/quickstart.ipynb",
    }
    scripts = {name for name in names if name.startswith("chatmem_nb/stores/upstash/scripts/")}
    assert scripts == {
        f"chatmem_nb/stores/upstash/scripts/{path.name}"
        for path in (ROOT / "chatmem_nb" / "stores" / "upstash" / "scripts").glob("*.*")
    }
    assert any(name.endswith(".lua") for name in scripts)
    assert not [name for name in names if name.startswith(("tests/", "chatmem_nb/widgets/frontend/"))]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    found = subprocess.run([python, "-c", TRY_IT], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.split() == ["1", "False"]
