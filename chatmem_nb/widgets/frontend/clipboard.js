/** The clipboard, also on pages of plain http, which have no navigator.clipboard. */

import { showToast } from "./toast.js";

/**
 * @param {import("./widget.js").Widget} app
 * @param {string} text
 */
export function copyText(app, text) {
  const write = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", text);
  };
  document.addEventListener("copy", write, { once: true });
  showToast(app, document.execCommand("copy") ? "Copied" : "The browser blocked copying.");
  document.removeEventListener("copy", write);
}
