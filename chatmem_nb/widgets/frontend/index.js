/** The front end of HistoryBrowser, as anywidget loads it. */

import { Widget } from "./widget.js";

/** @param {{ model: import("./types.js").Model, el: HTMLElement }} view */
function render({ model, el }) {
  const widget = new Widget(model, el);
  return () => widget.close();
}

export default { render };
