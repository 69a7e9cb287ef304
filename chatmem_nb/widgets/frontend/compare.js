/** Two sessions side by side, in a sheet. */

/** @typedef {import("./widget.js").Widget} Widget */

import { copyText } from "./clipboard.js";
import { openSheet } from "./dialog.js";
import { button, h } from "./dom.js";
import { safeNodes } from "./safe_html.js";
import { askSlowly, runTask } from "./tasks.js";

/**
 * Show two sessions beside each other.
 * @param {Widget} app
 * @param {string} a
 * @param {string} b
 * @param {HTMLButtonElement} opener
 */
export function compareSessions(app, a, b, opener) {
  const run = async () => {
    const { html, style } = await askSlowly(app, "compare", { a, b });
    const code = `browser.compare(${JSON.stringify(a)}, ${JSON.stringify(b)})`;
    const copy = button("Copy code", () => copyText(app, code), ".quiet", { title: code });
    openSheet(app, "Compare", [h("style", style), safeNodes(html), h("footer", copy)], {
      full: true,
    });
  };
  return runTask(app, run, null, opener);
}
