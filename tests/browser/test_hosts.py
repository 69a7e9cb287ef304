"""The browser in Notebook 7, Voila, marimo and JupyterLab, beside a notebook that must not notice it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chrome import Chrome, Visit
from jupyter_hosts import OUTPUT, Server, open_notebook, run_all, run_cell, save, wait_idle, write_notebook
from langchain_core.messages import AIMessage, HumanMessage
from marimo_host import MarimoServer, open_marimo, run_marimo_cell, write_marimo
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from chatmem_nb import HistoryBrowser
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

# What Notebook 7 logs as it starts, also with an empty notebook: its plugins race for a schema and for a
# command of the file browser that another of them registers.
LOGGED_BY_NOTEBOOK_7 = ("reading 'schema'", "Command 'filebrowser:open-path' not registered")
WORDS = "the harbour master keeps the lighthouse key"
BUSY = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
CELLS_OF_MARIMO = "() => document.querySelectorAll('[data-cell-id]').length"


@pytest.fixture(scope="module")
def service() -> Iterator[LocalUpstash]:
    """A local Upstash with a few sessions, one of them long."""
    with LocalUpstash() as server:
        with server.store() as store:
            for name in ("trip to Oslo", "trip to Bergen"):
                store.append(name, encode_all([HumanMessage(f"{WORDS}?"), AIMessage(f"{WORDS}, in {name}.")]))
            store.append("long", encode_all([HumanMessage(f"line {i}") for i in range(300)]))
        yield server


def notebook(jupyter: Server, name: str, service: LocalUpstash, *more: str) -> Path:
    """A notebook whose first cell shows a browser over the service."""
    return write_notebook(jupyter.folder / f"{name}.ipynb", shows_browser(service), *more)


def shows_browser(service: LocalUpstash) -> str:
    return (
        "from chatmem_nb import HistoryBrowser, UpstashSessionStore\n"
        f"store = UpstashSessionStore({service.url!r}, {service.token!r})\n"
        "browser = HistoryBrowser(store)\nbrowser"
    )


def session(visit: Visit, name: str) -> None:
    visit.browser.get_by_role("option").filter(has_text=name).first.click()


def journey(visit: Visit, service: LocalUpstash, name: str) -> None:
    """Read, append, delete what was appended, find, and come back."""
    browser = visit.browser
    session(visit, name)
    expect(browser.get_by_role("feed").get_by_text(f"{WORDS}, in {name}.")).to_be_visible()
    browser.get_by_role("textbox", name="Message").fill("written here")
    browser.get_by_role("textbox", name="Message").press("Control+Enter")
    expect(browser.get_by_role("feed").get_by_text("written here")).to_be_visible()
    with service.store() as second:
        assert second.length(name) == 3
        browser.get_by_role("feed").get_by_text("written here").hover()
        browser.get_by_role("article").last.get_by_role("button", name="Delete message").click()
        visit.page.get_by_role("dialog").get_by_role("button", name="Delete message").click()
        expect(browser.get_by_text("2 messages", exact=True)).to_be_visible()
        assert second.length(name) == 2
    browser.get_by_role("button", name="Search messages", exact=True).first.click()
    browser.get_by_role("searchbox", name="Search messages").fill("lighthouse")
    browser.get_by_role("searchbox", name="Search messages").press("Enter")
    expect(browser.get_by_text("1 of 2 matches")).to_be_visible()
    # JupyterLab's outputs keep Enter from submitting a form by itself.
    browser.get_by_role("button", name="Session tools").click()
    browser.get_by_role("menuitem", name="Go to").click()
    visit.page.get_by_label("1200 or 2026-01-31").fill("1")
    visit.page.get_by_label("1200 or 2026-01-31").press("Enter")
    expect(visit.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
def test_sessions_can_be_read_changed_and_searched_in_notebook_7(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit()
    open_notebook(visit, jupyter, notebook(jupyter, "seven", service).name, host="nb")
    run_cell(visit, 0)
    journey(visit, service, "trip to Oslo")
    keys_stay_inside(visit)
    assert [error for error in visit.errors if not any(own in error for own in LOGGED_BY_NOTEBOOK_7)] == []
    assert visit.kernel_errors == []
    visit.close()


@pytest.mark.slow
def test_sessions_can_be_read_changed_and_searched_in_voila(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit()
    open_notebook(visit, jupyter, notebook(jupyter, "voila", service).name, host="voila")
    journey(visit, service, "trip to Bergen")
    assert visit.kernel_errors == []
    visit.close()


@pytest.mark.slow
def test_sessions_can_be_read_changed_searched_and_exported_in_marimo(
    chrome: Chrome, tmp_path: Path, service: LocalUpstash
) -> None:
    path = write_marimo(tmp_path / "dark.py", shows_browser(service), "'rows: ' + 'none yet'")
    with MarimoServer(path, theme="dark") as server:
        visit = chrome.visit()
        open_marimo(visit, server)
        journey(visit, service, "trip to Oslo")
        keys_stay_inside(visit, CELLS_OF_MARIMO)
        browser = visit.browser
        assert browser.evaluate("browser => getComputedStyle(browser).colorScheme") == "dark"
        browser.get_by_role("button", name="Session tools").click()
        browser.get_by_role("menuitem", name="Export session").click()
        sheet = visit.page.get_by_role("dialog")
        box = sheet.bounding_box() or {}
        assert abs(box["x"] + box["width"] / 2 - 1280 / 2) < 20  # in the middle, as in Jupyter
        sheet.get_by_role("button", name="Save as df").click()
        expect(visit.page.get_by_text("Saved as df: a DataFrame of 2 rows")).to_be_visible()
        visit.page.keyboard.press("Escape")
        run_marimo_cell(visit, 1, "f'rows: {len(df)} of {browser.session_id}'")
        expect(visit.page.get_by_text("rows: 2 of trip to Oslo").last).to_be_visible()
        assert visit.errors == []
        visit.close()


@pytest.mark.slow
def test_viewers_of_a_marimo_app_do_not_meet(chrome: Chrome, tmp_path: Path, service: LocalUpstash) -> None:
    path = write_marimo(tmp_path / "app.py", shows_browser(service))
    with MarimoServer(path, command="run") as server:
        one, other = chrome.visit(), chrome.visit()
        for visit in (one, other):
            open_marimo(visit, server)
            visit.browser.locator(".session:not(.waiting)").first.wait_for()
        session(one, "trip to Oslo")
        expect(one.browser.get_by_role("heading", name="trip to Oslo")).to_be_visible()
        one.browser.locator(".session .tick").first.click()
        expect(one.browser.get_by_role("button", name="Export 1 session")).to_be_visible()
        expect(one.browser.get_by_role("button", name="Save as df")).to_have_count(0)
        expect(other.browser.get_by_role("heading", name="Select a session")).to_be_visible()
        expect(other.browser.locator("[aria-selected=true]")).to_have_count(0)
        assert one.errors + other.errors == []
        one.close()
        other.close()


def keys_stay_inside(visit: Visit, cells: str = CELLS) -> None:
    """Type what a notebook would take as commands, wherever the focus can be."""
    before = visit.page.evaluate(cells)
    browser = visit.browser
    places = [
        browser.get_by_role("listbox", name="Sessions"),
        browser.get_by_role("feed"),
        browser.get_by_role("article").last,
        browser.get_by_label("Sort sessions"),
        browser.get_by_role("button", name="Search messages", exact=True).first,
        browser.get_by_role("button", name="Session tools"),
        browser.get_by_label("Filter sessions by id"),
    ]
    for place in places:
        place.focus()
        for key in ("b", "d", "d", "x", "a", "y", "m", "Shift+M"):
            visit.page.keyboard.press(key)
    browser.get_by_role("textbox", name="Message").focus()
    visit.page.keyboard.type("bddx")
    visit.page.keyboard.press("Control+a")
    visit.page.keyboard.press("Delete")
    assert visit.page.evaluate(cells) == before


@pytest.mark.slow
def test_no_key_reaches_the_cells_of_jupyterlab(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit()
    path = notebook(jupyter, "keys", service, "1", "2")
    open_notebook(visit, jupyter, path.name)
    run_cell(visit, 0)
    session(visit, "trip to Oslo")
    expect(visit.browser.get_by_role("article")).to_have_count(2)
    keys_stay_inside(visit)
    visit.browser.get_by_role("textbox", name="Message").fill("kept")
    visit.browser.get_by_role("textbox", name="Message").press("Control+s")
    visit.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    assert "HistoryBrowser" in path.read_text()
    expect(visit.browser.get_by_role("textbox", name="Message")).to_have_value("kept")
    visit.close()


@pytest.mark.slow
def test_a_saved_notebook_holds_no_secret_and_no_words(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    path = write_notebook(
        jupyter.folder / "saved.ipynb", "from chatmem_nb import HistoryBrowser\nHistoryBrowser()"
    )
    visit = chrome.visit()
    open_notebook(visit, jupyter, path.name)
    visit.page.evaluate(
        "() => window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
    )
    run_cell(visit, 0)
    browser = visit.browser
    browser.get_by_label("REST URL").fill(service.url)
    browser.get_by_label("REST token").fill(service.token)
    save(visit)
    browser.get_by_role("button", name="Connect", exact=True).click()
    session(visit, "trip to Oslo")
    expect(browser.get_by_role("feed").get_by_text(f"{WORDS}, in trip to Oslo.")).to_be_visible()
    for _ in range(2):
        save(visit)
        visit.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = path.read_text()
    assert '"application/vnd.jupyter.widget-state+json"' in saved
    assert "HistoryBrowser" in saved
    assert service.token not in saved
    assert "lighthouse" not in saved
    assert [error for error in visit.errors if "lighthouse" in error or service.token in error] == []
    visit.close()
    # Opened again with another kernel: the page comes out of the saved state, and says what to do.
    again = jupyter.folder / "saved_again.ipynb"
    again.write_text(saved)
    for _ in range(5):
        visit = chrome.visit()
        open_notebook(visit, jupyter, again.name)
        words = visit.browser.get_by_text("Run this cell again.")
        # JupyterLab renders an output now and then before it has read the saved state.
        expect(words.or_(visit.page.get_by_text("model not found")).first).to_be_visible()
        is_shown = words.is_visible()
        visit.close()
        if is_shown:
            break
    assert is_shown


@pytest.mark.slow
def test_an_untrusted_notebook_without_widget_state_shows_one_line(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    """What the README says of each host."""
    path = notebook(jupyter, "stateless", service)
    document = nbformat.read(path, as_version=4)
    with service.store() as store:
        data, _ = HistoryBrowser(store)._repr_mimebundle_() or ({}, {})
    assert data["text/html"].startswith("<pre>HistoryBrowser(Upstash Redis, 127.0.0.1")
    document.cells[0].outputs = [nbformat.v4.new_output("execute_result", data)]
    nbformat.write(document, path)
    visit = chrome.visit()
    open_notebook(visit, jupyter, path.name)
    # One that was run here is trusted: JupyterLab then says "model not found".
    expect(visit.page.get_by_text("HistoryBrowser(Upstash Redis, 127.0.0.1")).to_be_visible()
    visit.close()
    html, _ = HTMLExporter().from_filename(str(path))  # as GitHub and nbconvert: no widgets
    assert "HistoryBrowser(Upstash Redis, 127.0.0.1" in html


@pytest.mark.slow
def test_two_browsers_on_one_session_see_each_other(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visits = [chrome.visit() for _ in range(2)]
    for i, visit in enumerate(visits):
        open_notebook(visit, jupyter, notebook(jupyter, f"pair-{i}", service).name)
        run_cell(visit, 0)
        session(visit, "long")
        expect(visit.browser.get_by_role("feed").get_by_text("line 299", exact=True)).to_be_visible()
    reader, writer = visits
    reader.browser.get_by_role("button", name="Follow").click()
    writer.browser.get_by_role("textbox", name="Message").fill("from the other browser")
    writer.browser.get_by_role("textbox", name="Message").press("Control+Enter")
    expect(reader.browser.get_by_role("feed").get_by_text("from the other browser")).to_be_visible()
    for visit in visits:
        visit.close()


@pytest.mark.slow
def test_a_kernel_restart_is_reported_and_running_the_cell_reconnects(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit()
    open_notebook(visit, jupyter, notebook(jupyter, "restart", service).name)
    run_cell(visit, 0)
    session(visit, "trip to Oslo")
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_idle(visit)
    session(visit, "trip to Bergen")
    expect(visit.browser.get_by_text("The kernel has stopped or restarted.")).to_be_visible()
    run_cell(visit, 0)
    session(visit, "trip to Bergen")
    expect(visit.browser.get_by_role("feed").get_by_text(f"{WORDS}, in trip to Bergen.")).to_be_visible()
    visit.close()


@pytest.mark.slow
def test_the_browser_responds_while_a_cell_runs(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit()
    end = jupyter.folder / "busy.end"
    slow = f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists():\n    time.sleep(0.05)\nprint('done')"
    open_notebook(visit, jupyter, notebook(jupyter, "busy", service, slow).name)
    run_cell(visit, 0)
    visit.browser.locator(".session").first.wait_for()
    run_cell(visit, 1, wait=False)
    visit.page.wait_for_function(BUSY)
    session(visit, "trip to Oslo")
    expect(visit.browser.get_by_role("feed").get_by_text(f"{WORDS}, in trip to Oslo.")).to_be_visible()
    assert visit.page.evaluate(OUTPUT, 1) == ""
    end.touch()
    visit.page.wait_for_function(f"number => ({OUTPUT})(number) === 'done\\n'", arg=1)
    visit.close()


@pytest.mark.slow
def test_two_views_of_one_browser_show_the_same_session(
    chrome: Chrome, jupyter: Server, service: LocalUpstash
) -> None:
    visit = chrome.visit(viewport={"width": 1280, "height": 1800})
    open_notebook(visit, jupyter, notebook(jupyter, "views", service, "browser").name)
    run_all(visit)
    first, second = (visit.page.locator(".chatmem").nth(i) for i in range(2))
    first.get_by_role("option").filter(has_text="trip to Oslo").first.click()
    for view in (first, second):
        expect(view.get_by_role("feed").get_by_text(f"{WORDS}, in trip to Oslo.")).to_be_visible()
    assert visit.kernel_errors == []
    visit.close()
