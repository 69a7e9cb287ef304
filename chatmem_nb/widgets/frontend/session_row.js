/** A session as the list shows it: its id and labels, its first and last words, and when it was written. */

/** @typedef {import("./protocol.js").Preview} Preview */
/** @typedef {import("./protocol.js").SessionRow} SessionRow */

import { h, icon, label, line } from "./dom.js";
import { sessionChips } from "./labels.js";
import { ago, count, duration, localTime, ROLES, visible } from "./text.js";

/**
 * @param {import("./widget.js").Widget} app
 * @param {SessionRow} row
 * @param {object} options
 * @param {boolean} options.isSelected
 * @param {boolean} options.isByTime whether the list is sorted by the last write
 * @param {(event: MouseEvent) => unknown} options.onclick
 */
export function sessionRow(app, row, { isSelected, isByTime, onclick }) {
  const { session_id, length, first, last } = row;
  const props = {
    ariaSelected: isSelected,
    ariaCurrent: session_id === app.transcript.shown || null,
    onclick,
  };
  return h(
    ".session",
    props,
    h("span.tick", icon("check")),
    h(
      ".grow",
      line(label(session_id), sessionChips(app, row), h("span.num", count(length))),
      line(preview(first), expiry(row)),
      line(preview(last), age(row, isByTime)),
    ),
  );
}

/**
 * When a session was last written; without a time it sorts last, and says so.
 * @param {SessionRow} row
 * @param {boolean} isByTime
 */
function age({ last_write, length }, isByTime) {
  if (last_write) return h("span.num", { title: localTime(last_write) }, ago(last_write));
  return length > 0 && isByTime && h("span.num", "no timestamp");
}

/** @param {Preview | null} words */
function preview(words) {
  return h("span.said", words && [h("b", ROLES[words.role]), " ", h("bdi", visible(words.text))]);
}

/** @param {SessionRow} row */
function expiry({ ttl_s }) {
  return ttl_s != null && h("span.num.ttl", { title: "Expires in" }, duration(ttl_s) + " left");
}
