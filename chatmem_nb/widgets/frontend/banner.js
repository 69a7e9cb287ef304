/** The line above the widget that says what is out of reach: the server, or the kernel. */

import { h, icon, put } from "./dom.js";

export function createBanner() {
  const node = h(".banner", { role: "alert", hidden: true });

  /**
   * Show a warning, or none.
   * @param {string | false} title
   * @param {string} text
   */
  const warn = (title, text) => {
    node.hidden = !title;
    put(node, title && [icon("warn"), h("b", title), h("span", text)]);
  };
  return { node, warn };
}
