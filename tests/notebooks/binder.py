"""The environment that Binder would build, made without Docker from the same files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Of what Binder's base image holds, the parts that notebooks and widgets meet.
_BASE = ("jupyterlab", "notebook", "ipykernel", "ipywidgets", "jupyter_server", "nbclient")
_ACCOUNTS = ("UPSTASH_", "MOMENTO_", "OPENAI_", "ANTHROPIC_")


@dataclass(frozen=True, slots=True)
class BinderImage:
    """A clone and an environment, as they would be in the image."""

    clone: Path
    environment: Path
    dockerfile: str

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python")

    def variables(self, **more: str) -> dict[str, str]:
        """The environment variables of a process in the image: no account, and no settings of this user."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((*_ACCOUNTS, "JUPYTER_", "PYTHON"))
        }
        home = self.environment / "home"
        home.mkdir(exist_ok=True)
        path = f"{self.environment / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
        return {**kept, "PATH": path, "HOME": str(home), "IPYTHONDIR": str(home / ".ipython"), **more}


def dockerfile_of(folder: Path) -> str:
    """Return the Dockerfile that repo2docker makes of `folder`; it builds and runs nothing."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--no-run", "--debug", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr + done.stdout


def build(folder: Path) -> BinderImage:
    """Do in `folder` what the build would do with the files that a commit of now would hold."""
    clone = folder / "clone"
    _copy_of_the_tree(clone)
    image = BinderImage(clone, folder / "environment", dockerfile_of(clone))
    subprocess.run([_python_of_runtime_txt(clone), "-m", "venv", str(image.environment)], check=True)
    _run(image, f"{image.python} -m pip install --quiet {' '.join(base_requirements(clone))}")
    for command in build_commands(image.dockerfile):
        _run(image, command)
    return image


def build_commands(dockerfile: str) -> list[str]:
    """Return the commands of `dockerfile` that come from our files, in order."""
    lines = re.findall(r"^RUN (.+)$", dockerfile, re.MULTILINE)
    return [line for line in lines if "binder/" in line]


def base_requirements(clone: Path) -> list[str]:
    """Return what repo2docker's own lock file puts into the image before ours, with its versions."""
    version = (clone / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    package = find_spec("repo2docker")
    assert package is not None
    assert package.origin is not None
    conda = Path(package.origin).parent / "buildpacks" / "conda"
    lock = (conda / f"environment.py-{version}-linux-64.lock").read_text()
    found = {name: re.search(rf"/{name}-(\d[\d.]*)-", lock) for name in _BASE}
    assert all(found.values()), found
    return [f"{name}=={match[1]}" for name, match in found.items() if match]


def _copy_of_the_tree(clone: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in listed.stdout.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file():
            target = clone / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _python_of_runtime_txt(clone: Path) -> str:
    """The Python that runtime.txt names, or, where it is not here, the one that runs these tests."""
    name = (clone / "binder" / "runtime.txt").read_text().strip().replace("-", "")
    wanted = shutil.which(name)
    if wanted and subprocess.run([wanted, "-c", ""], capture_output=True, check=False).returncode == 0:
        return wanted
    return sys.executable


def _run(image: BinderImage, command: str) -> None:
    # pip's cache spares minutes, and changes nothing in what is installed. The image's HOME has none.
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True)
    variables = image.variables(
        KERNEL_PYTHON_PREFIX=str(image.environment),
        NB_PYTHON_PREFIX=str(image.environment),
        PIP_CACHE_DIR=cache.stdout.strip(),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    done = subprocess.run(
        ["bash", "-c", command.replace(" --no-cache-dir", "")],
        cwd=image.clone,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def disabled_extensions(image: BinderImage) -> set[str]:
    """Return the JupyterLab extensions that the image has turned off."""
    found = image.environment / "etc" / "jupyter" / "labconfig" / "page_config.json"
    disabled = json.loads(found.read_text())["disabledExtensions"] if found.exists() else {}
    return {name for name, off in disabled.items() if off}
