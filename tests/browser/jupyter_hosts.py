"""A private Jupyter server, and the steps of a journey through a notebook on it.

`Server(folder)` serves JupyterLab at /lab, Notebook 7 at /notebooks and Voila at /voila, with a home of
its own. `open_notebook`, `run_all`, `run_cell` and `save` drive a `Visit` to it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import nbformat
from chrome import Visit
from server_process import kill_server, start_server

from tests.free_port import free_port

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
}


class Server:
    """One `jupyter lab` over `folder`, in a home of its own; `env` is added to what its kernels see."""

    def __init__(
        self,
        folder: Path,
        *,
        env: dict[str, str] | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.token = "browser-tests"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.home = Path(tempfile.mkdtemp(prefix="chatmem-jupyter-"))
        self.log = self.home / "server.log"
        self._settings = SETTINGS | (settings or {})
        self._env = env or {}

    def __enter__(self) -> Self:
        for plugin, values in self._settings.items():
            file = self.home / "settings" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        self.process = start_server(
            self._command(),
            f"{self.address}/api/status?token={self.token}",
            log=self.log,
            cwd=self.folder,
            env=self._environment(),
        )
        return self

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.folder}"),
            "--KernelManager.transport=ipc",  # a TCP port can be taken before the kernel starts
            "--LabApp.extension_manager=readonly",  # asks no registry
            *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
        ]

    def _environment(self) -> dict[str, str]:
        places = {
            "HOME": "",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        own = {name: str(self.home / place) for name, place in places.items()}
        return {
            **os.environ,
            **own,
            "JUPYTER_PLATFORM_DIRS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **self._env,
        }

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                kill_server(self.process)
        shutil.rmtree(self.home, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


IDLE = """() => {
  const w = window.jupyterapp?.shell.currentWidget;
  const s = w && (w.sessionContext ?? w.context?.sessionContext);
  const k = s?.session?.kernel;
  return !!k && s.isReady && k.connectionStatus === 'connected' && k.status === 'idle';
}"""
CELLS = "window.jupyterapp.shell.currentWidget.content.widgets"
RUN = f"""() => {CELLS}
  .filter(c => c.model.type === 'code' && c.model.sharedModel.source.trim())
  .every(c => c.model.executionCount !== null
    || c.model.outputs.toJSON().some(o => o.output_type === 'error'))"""
CELL_ERRORS = f"""() => {CELLS}.filter(c => c.model.type === 'code')
  .flatMap(c => c.model.outputs.toJSON())
  .filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)"""
OUTPUT = f"""i => {CELLS}[i].model.outputs.toJSON()
  .map(o => o.text ?? o.data?.['text/plain'] ?? '').flat().join('')"""


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of these code cells at `path`, with stable cell ids."""
    made = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def open_notebook(visit: Visit, server: Server, name: str, *, host: str = "lab", dark: bool = False) -> None:
    """Show notebook `name` in `host` (lab, nb or voila); in the first two, wait for its kernel to be idle."""
    path = quote(name)
    places = {
        "lab": f"lab/workspaces/w{time.time_ns()}/tree/{path}?reset&",
        "nb": f"notebooks/{path}?",
        "voila": f"voila/render/{path}?",
    }
    visit.page.goto(
        f"{server.address}/{places[host]}token={server.token}",
        # Voila streams its page while the cells run.
        wait_until="commit" if host == "voila" else "domcontentloaded",
        timeout=90_000,
    )
    if host == "voila":
        return
    visit.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=90_000)
    for button in visit.page.locator(".jp-Dialog button.jp-mod-accept").all():
        button.click()
    wait_idle(visit)
    if dark:
        use_theme(visit, "JupyterLab Dark")


def wait_idle(visit: Visit, timeout_ms: int = 60_000) -> None:
    visit.page.wait_for_function(IDLE, timeout=timeout_ms, polling=50)


def run_all(visit: Visit, timeout_ms: int = 120_000) -> None:
    """Run > Run All Cells, by the menu, until every cell has its number. Raises what cells raised."""
    visit.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    visit.page.locator(".lm-Menu li[data-command='runmenu:run-all']").click()
    visit.page.wait_for_function(RUN, timeout=timeout_ms, polling=50)
    wait_idle(visit, timeout_ms)
    raised = visit.page.evaluate(CELL_ERRORS)
    if raised:
        raise AssertionError(f"cells raised: {raised}")


def run_cell(visit: Visit, index: int, source: str | None = None, *, wait: bool = True) -> str:
    """Run cell `index`, with `source` as its new text if given; return what it printed or showed as text."""
    visit.page.evaluate(
        """([i, source]) => {
          const book = window.jupyterapp.shell.currentWidget.content;
          if (source !== null) book.widgets[i].model.sharedModel.setSource(source);
          book.activeCellIndex = i;
          book.deselectAll();
        }""",
        [index, source],
    )
    # The command's promise ends with the cell: it is not awaited inside the page, where a test may not wait.
    visit.page.evaluate(
        """() => {
          window.ranCell = false;
          window.jupyterapp.commands.execute('notebook:run-cell').finally(() => { window.ranCell = true; });
        }"""
    )
    if not wait:
        return ""
    visit.page.wait_for_function("() => window.ranCell", timeout=60_000, polling=50)
    wait_idle(visit)
    return str(visit.page.evaluate(OUTPUT, index))


def save(visit: Visit) -> None:
    """Save the notebook, as Ctrl+S does."""
    visit.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def use_theme(visit: Visit, theme: str) -> None:
    visit.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    light = "false" if "Dark" in theme else "true"
    visit.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)
