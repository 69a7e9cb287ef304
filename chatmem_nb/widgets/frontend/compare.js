/** Two sessions side by side, in a sheet. */

/** @typedef {import("./widget.js").Widget} Widget */

import { copyText } from "./clipboard.js";
import { openSheet } from "./dialog.js";
import { button, h } from "./dom.js";
import { safeNodes } from "./safe_html.js";
import { askSlowly, taskButton } from "./tasks.js";

/**
 * A button that shows two sessions beside each other.
 * @param {Widget} app
 * @param {string} a
 * @param {string} b
 */
export const compareButton = (app, a, b) =>
  taskButton(app, "Compare", async () => {
    const { html, style } = await askSlowly(app, "compare", { a, b });
    const code = `browser.compare(${JSON.stringify(a)}, ${JSON.stringify(b)})`;
    const copy = button("Copy code", () => copyText(app, code), "", { title: code });
    openSheet(app, "Compare", [h("style", style), safeNodes(html), h("footer", copy)], {
      size: ".full",
    });
  });
