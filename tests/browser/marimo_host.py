"""A private marimo server over one notebook, and how to drive it in a `Visit`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from textwrap import indent
from types import TracebackType
from typing import Self

from chrome import Visit
from jupyter_hosts import free_port

SETTINGS = """\
[runtime]
auto_instantiate = true
[display]
theme = "{theme}"
"""


def write_marimo(path: Path, *cells: str) -> Path:
    """A marimo notebook of these cells, each of which sees what the others define."""
    made = [f"@app.cell\ndef _():\n{indent(source, '    ')}\n    return\n" for source in cells]
    path.write_text("\n\n".join(['import marimo\n\napp = marimo.App(width="medium")\n', *made]))
    return path


class MarimoServer:
    """`marimo edit` of the notebook `path`, with a home and settings of its own."""

    def __init__(self, path: Path, *, theme: str = "light") -> None:
        self.path, self.theme = path, theme
        self.address = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        port = self.address.rpartition(":")[2]
        options = ["--headless", "--no-token", "--skip-update-check", "--port", port]
        home = str(self.path.parent)
        settings = self.path.parent / "marimo" / "marimo.toml"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(SETTINGS.format(theme=self.theme))
        self.log = self.path.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "marimo", "edit", *options, self.path.name],
                stdout=log,
                stderr=log,
                cwd=home,
                env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home},
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def _wait(self, patience_s: float = 60.0) -> None:
        end = time.monotonic() + patience_s
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"{self.address}/health", timeout=1).close()
                return
            time.sleep(0.1)
        raise RuntimeError(f"marimo did not start:\n{self.log.read_text()[-3000:]}")

    def close(self) -> None:
        # The group is this server's own: start_new_session made it. A kernel is in it too.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def open_marimo(visit: Visit, server: MarimoServer) -> None:
    """Open the notebook, which runs as soon as it is open."""
    visit.page.goto(server.address, timeout=60_000)
    visit.browser.wait_for(timeout=60_000)


def run_marimo_cell(visit: Visit, index: int, source: str) -> None:
    """Type `source` in place of cell `index`, and run it."""
    visit.page.locator(".cm-content").nth(index).click()
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.insert_text(source)
    visit.page.keyboard.press("Control+Enter")
