/** What stands below the list while sessions are selected: how many they are, and what can be done with them. */

/** @typedef {import("./widget.js").Widget} Widget */

import { clearSessions } from "./clear_sessions.js";
import { compareButton } from "./compare.js";
import { button, h, iconButton, line } from "./dom.js";
import { openExport, saveButton } from "./export_sheet.js";
import { count, plural } from "./text.js";

/**
 * @param {Widget} app
 * @param {ReadonlySet<string>} selected
 * @param {HTMLElement | null} all the button that selects all
 * @param {() => unknown} selectNone
 */
export function selectionBar(app, selected, all, selectNone) {
  const { size } = selected;
  const clear = () => clearSessions(app, [...selected]);
  return [
    line(
      h("span.grow", size ? `${count(size)} selected` : "None selected"),
      all,
      size > 0 && [
        iconButton("trash", "Clear selected sessions", clear, ".w"),
        iconButton("close", "Clear selection", selectNone),
      ],
    ),
    size > 0 && h(".line.wrap", tools(app, selected)),
  ];
}

/**
 * @param {Widget} app
 * @param {ReadonlySet<string>} selected
 */
function tools(app, selected) {
  const [a, b] = selected;
  const title = `Export ${plural(selected.size, "session")}`;
  return [
    app.may.variables && saveButton(app, title, "selected"),
    button(title, () => openExport(app, title, "selected")),
    selected.size === 2 && compareButton(app, a, b),
  ];
}
