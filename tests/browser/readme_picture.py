"""Make the README's picture: the quickstart's browser on a sample session, in JupyterLab.

    python tests/browser/readme_picture.py [--dark] [FILE.png]

It opens the real notebook in a private JupyterLab over local servers; the picture goes to
.images/browser.png.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the modules beside this one

from chrome import Chrome, Visit
from jupyter_hosts import Server, open_notebook, run_cell

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PICTURE = NOTEBOOKS.parent / ".images" / "browser.png"
SESSION = "trip-planner"


def take(visit: Visit, server: Server, file: Path, dark: bool) -> None:
    open_notebook(visit, server, "quickstart.ipynb", dark=dark)
    for index in code_cells(visit)[:3]:
        run_cell(visit, index)
    browser = visit.browser
    browser.first.scroll_into_view_if_needed()
    browser.get_by_label("Filter sessions by id").fill(SESSION)
    browser.get_by_role("option").filter(has_text=SESSION).first.click()
    browser.get_by_role("feed").get_by_text("night train").first.wait_for()
    browser.get_by_label("Filter sessions by id").fill("")
    browser.get_by_role("option").filter(has_text="short-hello").first.wait_for()
    browser.get_by_role("option").filter(has_text=SESSION).first.click()  # which brings it in view
    visit.page.mouse.move(0, 0)
    visit.page.evaluate("() => document.activeElement.blur()")
    visit.page.wait_for_timeout(1000)  # fonts, and the last layout
    file.parent.mkdir(exist_ok=True)
    browser.first.screenshot(path=file)


def code_cells(visit: Visit) -> list[int]:
    kinds = visit.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type)"
    )
    return [index for index, kind in enumerate(kinds) if kind == "code"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", nargs="?", type=Path, default=PICTURE)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("UPSTASH_", "MOMENTO_"))]:
        del os.environ[name]  # the samples, and nobody's own conversations
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(NOTEBOOKS / "quickstart.ipynb", folder)
        with Server(Path(folder)) as server, Chrome() as chrome:
            visit = chrome.visit(viewport={"width": 1360, "height": 1000})
            take(visit, server, options.file, options.dark)
            visit.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
