/** A short message over the widget, which goes away by itself. */

import { h, icon, iconButton } from "./dom.js";
import { visible } from "./text.js";

const SHOWN_MS = 12_000;

/**
 * Show `text` in place of the toast before. It goes into the sheet on top, if there is one, since
 * all else is inert under it.
 *
 * @param {import("./widget.js").Widget} app
 * @param {string} text
 * @param {string} [mark] the icon
 * @param {import("./types.js").Child} [action]
 */
export function showToast(app, text, mark = "check", action) {
  /** @type {HTMLElement} */
  const node = h(
    ".toast",
    { role: "status" },
    h("span.mark." + mark, icon(mark)),
    h("span", visible(text)),
    action,
    iconButton("close", "Dismiss", () => node.remove()),
  );
  app.root.querySelector(".toast")?.remove();
  (app.root.querySelector("dialog") ?? app.root).append(node);
  setTimeout(() => node.remove(), SHOWN_MS);
  return node;
}
