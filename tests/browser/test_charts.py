"""Charts in real notebooks: drawn by the host, and no text of a conversation runs, whatever Altair is set to."""

from __future__ import annotations

from pathlib import Path

import pytest
from chrome import Chrome, Visit
from jupyter_hosts import Server, open_notebook, run_cell, write_notebook
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

# A session id, a tool name and a last message that each leave the script element they are written into.
FRAMES = """
import altair as alt
from langchain_core.messages import AIMessage, HumanMessage
from chatmem_nb import plot_sessions, plot_timeline, plot_tools, sessions_frame
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all

def breakout(place):
    return f"</script><script>window.{place}=1</script>"

call = {"name": breakout("tool"), "args": {}, "id": "1"}
records = encode_all([AIMessage("", tool_calls=[call]), HumanMessage(breakout("last"))])
with LocalUpstash() as server, server.store() as store:
    store.append(breakout("session"), records)
    overview = sessions_frame(store)
chat = parse_all(records)
"""
PLOTS = ("plot_sessions(overview)", "plot_timeline(chat)", "plot_tools(chat)")
RENDERERS = ("html", "default", "mimetype", "jupyter")
RAN = "() => ['session', 'tool', 'last'].filter(place => window[place])"


def notebook(jupyter: Server, name: str, renderer: str, *cells: str) -> Path:
    enabled = f"{FRAMES}\nalt.renderers.enable({renderer!r})\nNone"
    return write_notebook(jupyter.folder / f"{name}.ipynb", enabled, *cells)


def drawn(visit: Visit) -> None:
    expect(visit.page.locator(".vega-embed canvas")).to_have_count(len(PLOTS))


@pytest.mark.slow
@pytest.mark.parametrize("host", ["lab", "nb"])
def test_no_chart_runs_a_script(chrome: Chrome, jupyter: Server, host: str) -> None:
    visit = chrome.visit()
    name = notebook(jupyter, f"charts-{host}", RENDERERS[0], *PLOTS, "").name
    open_notebook(visit, jupyter, name, host=host)
    for renderer in RENDERERS:
        run_cell(visit, 0, f"{FRAMES}\nalt.renderers.enable({renderer!r})\nNone")
        for cell in range(1, len(PLOTS) + 1):
            run_cell(visit, cell)
        drawn(visit)
        assert visit.page.evaluate(RAN) == [], renderer
    assert visit.blocked == []
    # The alarm works: Altair's own chart of the same data runs all of it.
    run_cell(visit, 0, f"{FRAMES}\nalt.renderers.enable('html')\nNone")
    both = "for made in (plot_sessions(overview), plot_tools(chat)): display(alt.Chart.from_dict(made.to_dict()))"
    run_cell(visit, len(PLOTS) + 1, both)
    visit.page.wait_for_function(f"() => ({RAN})().length === 3")
    visit.close()


@pytest.mark.slow
def test_no_chart_runs_a_script_in_voila(chrome: Chrome, jupyter: Server) -> None:
    visit = chrome.visit()
    done = "from IPython.display import HTML\nHTML('<p id=done>done</p>')"
    open_notebook(visit, jupyter, notebook(jupyter, "charts-voila", "html", *PLOTS, done).name, host="voila")
    visit.page.locator("#done").wait_for(timeout=60_000)
    drawn(visit)
    expect(visit.page.get_by_text("Error")).to_have_count(0)
    assert visit.page.evaluate(RAN) == []
    visit.close()
