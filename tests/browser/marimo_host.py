"""A private marimo server over one notebook, and how to drive it in a `Visit`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import indent
from types import TracebackType
from typing import Self

from chrome import Visit
from server_process import kill_server, start_server

from tests.free_port import free_port

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
    """`marimo edit` or `run` of the notebook `path`, with a home and settings of its own."""

    def __init__(self, path: Path, *, theme: str = "light", command: str = "edit") -> None:
        self.path, self.theme, self.command = path, theme, command
        self.address = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        port = self.address.rpartition(":")[2]
        options = ["--headless", "--no-token", "--port", port]
        if self.command == "edit":
            options.append("--skip-update-check")
        home = str(self.path.parent)
        settings = self.path.parent / "marimo" / "marimo.toml"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(SETTINGS.format(theme=self.theme))
        self.log = self.path.with_suffix(".log")
        self.process = start_server(
            [sys.executable, "-m", "marimo", self.command, *options, self.path.name],
            f"{self.address}/health",
            log=self.log,
            cwd=self.path.parent,
            env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        kill_server(self.process)


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
