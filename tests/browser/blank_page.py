"""A page with nothing on it but the browser's front end: a stand-in model, the host's theme, no Jupyter."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

import chatmem_nb

STATIC = Path(chatmem_nb.__file__).parent / "widgets" / "static"
THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"

# What anywidget gives a front end, as far as ours uses it. `hear` delivers what a kernel would send.
MODEL = """([source, traits]) => {
  const ears = {};
  window.sent = [];
  window.traits = traits;
  window.ears = ears;
  const tell = (event, ...values) => (ears[event] ?? []).slice().forEach(f => f(...values));
  window.heard = [];
  window.hear = (message, buffers = []) => {
    heard.push(structuredClone(message));
    tell('msg:custom', message, buffers);
  };
  window.setTrait = (name, value) => { traits[name] = value; tell('change:' + name); };
  const bytes = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
  window.model = {
    get: name => traits[name],
    set: (name, value) => window.setTrait(name, value),
    save_changes() {},
    on: (name, f) => (ears[name] ??= []).push(f),
    off: (name, f) => { ears[name] = (ears[name] ?? []).filter(x => x !== f); },
    async send(message) {
      sent.push(structuredClone(message));
      for (const answer of JSON.parse(await kernel(JSON.stringify(message))))
        window.hear(answer, (answer.buffers ?? []).map(bytes));
    },
  };
  const address = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
  return import(address).then(async module => {
    window.front = module.default;
    window.mountInto = async id => module.default.render({model, el: document.getElementById(id)});
    window.cleanup = await window.mountInto('one');
  });
}"""


# Quiet: every request has its response, and nothing more is asked or drawn for three frames.
QUIET = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const answered = message => heard.some(each => each.rid === message.rid && 'ok' in each);
  for (let frames = 0, asked = -1; frames < 3; ) {
    await frame();
    frames = sent.length === asked && sent.every(answered) ? frames + 1 : 0;
    asked = sent.length;
  }
}"""


def settle(page: Page) -> None:
    """Wait until the front end has drawn what it was told, and asks for nothing more."""
    page.evaluate(QUIET)


def next_frame(page: Page) -> None:
    """Wait until the page has drawn once more."""
    page.evaluate("() => new Promise(requestAnimationFrame)")


def report_progress(page: Page, method: str, **progress: Any) -> None:
    """Send the progress of the request `method` until it is shown: of what is quick nothing is."""
    page.wait_for_function(
        """([method, progress]) => {
          const {rid, view} = sent.find(m => m.method === method) ?? {};
          if (rid !== undefined) hear({event: 'progress', rid, view, partial: null, ...progress});
          return document.querySelector('.toast') !== null;
        }""",
        arg=[method, progress],
        polling=50,
    )


def choose(page: Page, item: str, menu: str = "Session tools") -> None:
    """Choose an item of a menu."""
    page.get_by_role("button", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item).click()


def mount(
    page: Page,
    kernel: Callable[[dict[str, Any]], list[dict[str, Any]]],
    *,
    traits: dict[str, Any] | None = None,
    theme: str = "light",
    source: str | None = None,
) -> None:
    """Show the front end on `page`; `kernel(message)` gives the messages that answer one of the page's."""
    look = (THEMES / f"theme-{theme}-extension/index.css").read_text()
    style = (STATIC / "browser.css").read_text()
    light = "true" if theme == "light" else "false"
    page.expose_function("kernel", lambda text: json.dumps(kernel(json.loads(text))))
    page.set_content(
        "<!doctype html><html lang='en'><head><title>HistoryBrowser</title>"
        f"<style>{look}</style><style>{style}</style></head>"
        f"<body data-jp-theme-light='{light}' style='margin:0;background:var(--jp-layout-color0)'>"
        "<main><h1 style='position:absolute;clip-path:inset(50%)'>Blank page</h1>"
        "<div id='one'></div><div id='two'></div></main></body></html>"
    )
    state = {"connected": False, "session": "", "read_only": False, "height": "560px", **(traits or {})}
    page.evaluate(MODEL, [source or (STATIC / "browser.js").read_text(), state])
