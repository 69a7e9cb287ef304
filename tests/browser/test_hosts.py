"""The browser in the real hosts: JupyterLab, Notebook 7, Voila."""

from __future__ import annotations

import pytest
from chrome import Chrome
from jupyter_hosts import Server, open_notebook, run_all, run_cell, write_notebook

pytestmark = pytest.mark.browser


def test_a_cell_runs_in_jupyterlab(chrome: Chrome, jupyter: Server) -> None:
    write_notebook(jupyter.folder / "first.ipynb", "print(6 * 7)", "1")
    visit = chrome.visit()
    open_notebook(visit, jupyter, "first.ipynb")
    run_all(visit)
    assert run_cell(visit, 1, "print('again')").strip() == "again"
    visit.close()
