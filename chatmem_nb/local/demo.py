"""`python -m chatmem_nb demo`: run both services locally with samples, and JupyterLab."""

from __future__ import annotations

import contextlib
import html
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ..errors import ChatMemError
from . import LocalMomento, LocalUpstash
from .offline import environment
from .samples import Conversation, seed

NOTEBOOK = "quickstart.ipynb"

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 10.0


class DemoError(ChatMemError):
    """The demo cannot start."""


@contextlib.contextmanager
def seeded_servers(conversations: Iterable[Conversation]) -> Iterator[dict[str, str]]:
    """Run both services with `conversations` in each; yield the environment variables to connect with."""
    sessions = list(conversations)
    with LocalUpstash() as upstash, LocalMomento() as momento:
        for server in (upstash, momento):
            with server.store() as store:
                seed(store, sessions)
        yield environment(upstash) | environment(momento)


@contextlib.contextmanager
def jupyterlab(
    notebooks: Path, port: int | None, variables: dict[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run JupyterLab in the folder `notebooks`; yield the URL of the quickstart, and the process.

    Without a `port`, it is 8888, or a free one if that is in use. Raises: DemoError.
    """
    chosen = _free_port(port)
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryFile() as log, _without_announcements() as settings:
        process = subprocess.Popen(
            _command(notebooks, chosen),
            env={**os.environ, **variables, **settings, "JUPYTER_TOKEN": token},  # `ps` shows arguments
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # In a session of its own, JupyterLab gets no Ctrl+C: this process does, and stops it.
            start_new_session=True,
        )
        try:
            base = f"http://127.0.0.1:{chosen}"
            _wait_until_up(process, f"{base}/api/status?token={token}", log)
            yield f"{base}/lab/tree/{NOTEBOOK}?token={token}", process
        finally:
            _stop(process)


@contextlib.contextmanager
def redirect_file(address: str) -> Iterator[Path]:
    """Write a page that redirects to `address`, readable by this user only; delete it afterwards.

    The browser is started with its path: command lines are visible to other users, and `address` contains
    the token. jupyter_server does the same, in the same folder, since a browser installed as a snap cannot
    read the temporary folder.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"chatmem_nb-{secrets.token_hex(8)}-open.html"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise DemoError(
            f"cannot write the page that opens the browser to {folder} ({exc.strerror or exc}); "
            "set JUPYTER_RUNTIME_DIR to another folder, or use --no-browser"
        ) from exc
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(_REDIRECT.format(address=html.escape(address)))
        yield path
    finally:
        path.unlink(missing_ok=True)


_REDIRECT = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}"><title>Opening JupyterLab</title></head>
<body><a href="{address}">Open JupyterLab</a></body></html>
"""


@contextlib.contextmanager
def _without_announcements() -> Iterator[dict[str, str]]:
    """Yield environment variables that turn off JupyterLab's question about its news."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "labconfig", "page_config.json")
        page.parent.mkdir()
        page.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
        path = os.pathsep.join(filter(None, (folder, os.environ.get("JUPYTER_CONFIG_PATH"))))
        yield {"JUPYTER_CONFIG_PATH": path}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def notebooks_folder() -> Path:
    """Return the folder of notebooks in the clone, or copy the package's to the current folder.

    Raises: DemoError.
    """
    package = Path(__file__).parents[1]
    clone = package.parent / "notebooks"
    if (clone / NOTEBOOK).is_file():
        return clone
    copy = Path.cwd() / "chatmem_nb-notebooks"
    try:
        shutil.copytree(package / "notebooks", copy, dirs_exist_ok=copy.joinpath(NOTEBOOK).exists())
    except OSError as exc:
        raise DemoError(f"cannot copy the notebooks to {copy}: {exc.strerror or exc}") from exc
    return copy


def _command(notebooks: Path, port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--log-level=ERROR",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={notebooks}",
    ]


def _free_port(port: int | None) -> int:
    for candidate in (8888, 0) if port is None else (port,):
        with socket.socket() as probe, contextlib.suppress(OSError):  # in use: try the next one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise DemoError(f"port {port} is in use; choose another with --port, or leave it out for a free one")


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    """Wait until `url` responds. Raises: DemoError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # HTTP_PROXY captures 127.0.0.1 too
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            log_tail = log.read()[-1_000:].decode(errors="replace")
            raise DemoError(
                f"JupyterLab ended with status {process.returncode} while starting; is it installed? "
                f'pip install "chatmem_nb[demo]"\n{log_tail}'
            )
        try:
            with opener.open(url, timeout=2):
                return
        except OSError:  # not up yet
            time.sleep(0.1)
    raise DemoError(f"JupyterLab did not respond within {_START_TIMEOUT_S:.0f} s; start it again")
