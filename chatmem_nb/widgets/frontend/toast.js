/** A short message over the widget, which goes away by itself. */

import { h, icon, iconButton } from "./dom.js";
import { visible } from "./text.js";

/** How long a toast stands, in ms: longer if there is something to do about it. */
const SHOWN_MS = 5_000;
const OFFERED_MS = 12_000;

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
  // In the flow, at the foot: it covers nothing that one may want to click on.
  (app.root.querySelector("dialog") ?? app.root).append(node);
  const isBrief = !action && mark !== "warn";
  setTimeout(() => node.remove(), isBrief ? SHOWN_MS : OFFERED_MS);
  return node;
}
