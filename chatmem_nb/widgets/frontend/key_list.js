/** The sheet that lists the keys. */

import { openSheet } from "./dialog.js";
import { h } from "./dom.js";

const KEYS = {
  "↑ ↓": "Previous, next session or message",
  Home: "First session or message",
  End: "Last session or message",
  Enter: "Open the session",
  Space: "Select the session",
  "Shift+↑ ↓": "Select several sessions",
  "/": "Search messages, or filter the sessions",
  "n p": "Next, previous failed call",
  l: "Label the session or message",
  "1 … 9": "Set or remove a tag",
  c: "Write a message",
  "Ctrl+Enter": "Append it",
  Delete: "Delete the message",
  Esc: "Close, or go back to the messages",
  "?": "This list",
};

/** @param {import("./widget.js").Widget} app */
export function openKeys(app) {
  const rows = Object.entries(KEYS).map(([key, text]) =>
    h("div", h("dt", h("kbd", key)), h("dd", text)),
  );
  openSheet(app, "Keyboard shortcuts", [h("dl.keys", rows)]);
}
