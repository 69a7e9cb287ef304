"""MathJax, which JupyterLab runs over the outputs of cells, leaves the text of conversations alone."""

from __future__ import annotations

import pytest
from chrome import Chrome
from jupyter_hosts import Server, open_notebook, run_cell, write_notebook
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

SETUP = r"""
from IPython.display import HTML, display
from langchain_core.messages import AIMessage, HumanMessage
from chatmem_nb import HistoryBrowser, UpstashRedisChatMessageHistory
from chatmem_nb.local import LocalUpstash
server = LocalUpstash().__enter__()
store = server.store()
history = UpstashRedisChatMessageHistory.from_store(store, "$name$")
history.add_messages([HumanMessage(r"it costs $5$, \(x^2\) and \href{javascript:alert(1)}{x}"), AIMessage(r"$$y$$")])
browser = HistoryBrowser(history)
"""
TYPESET = "mjx-container, .MathJax, .MathJax_Display"


@pytest.mark.slow
def test_the_text_of_a_conversation_is_not_typeset(chrome: Chrome, jupyter: Server) -> None:
    visit = chrome.visit()
    # The last one shows that MathJax is there, and has come past the others.
    cells = [SETUP, "history", "browser.snapshot()", r"HTML(r'<p id=typeset>$x$ \(y\)</p>')"]
    open_notebook(visit, jupyter, write_notebook(jupyter.folder / "math.ipynb", *cells).name)
    for number in range(len(cells)):
        run_cell(visit, number)
    expect(visit.page.locator("#typeset").locator(TYPESET)).to_have_count(2)
    expect(visit.page.locator(TYPESET)).to_have_count(2)
    for words in ("$name$", r"it costs $5$, \(x^2\) and", "$$y$$"):
        expect(visit.page.locator(".jp-OutputArea-output").get_by_text(words)).to_have_count(2)
    visit.close()
