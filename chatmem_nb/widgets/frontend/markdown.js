/** Text that the kernel made HTML of, with its code and tables in boxes that scroll. */

import { copyText } from "./clipboard.js";
import { group, h, iconButton, put } from "./dom.js";
import { safeNodes } from "./safe_html.js";

/**
 * @param {import("./widget.js").Widget} app
 * @param {string | null | undefined} html
 */
export function markdown(app, html) {
  if (!html) return null;
  const text = h(".md", { dir: "auto" }, safeNodes(html));
  for (const node of text.querySelectorAll("pre, table")) {
    const isCode = node.matches("pre");
    const box = group(".box", isCode ? "Code" : "Table");
    const copy = () => copyText(app, node.textContent ?? "");
    node.replaceWith(box);
    put(box, node, isCode && iconButton("copy", "Copy code", copy));
  }
  return text;
}
