/** HTML from the kernel, which has sanitised it already, pruned once more before it is shown. */

import { suppressShortcuts } from "./dom.js";

const ELEMENTS =
  "a,b,bdi,blockquote,br,code,del,details,div,em,h1,h2,h3,h4,h5,h6,hr,ins,li,ol,p,pre,s,span,strong,summary," +
  "table,tbody,td,th,thead,tr,ul";

/** @param {Attr} attribute */
function isAllowed({ name, value }) {
  if (["class", "colspan", "scope", "start"].includes(name)) return true;
  return name === "href" && /^(https?:|mailto:)/i.test(value);
}

/**
 * Return the nodes of `html`. It is pruned in a document that runs and fetches nothing.
 * @param {string} html
 */
export function safeNodes(html) {
  const { body } = new DOMParser().parseFromString("<body>" + html, "text/html");
  for (const node of body.querySelectorAll("*")) {
    if (!node.matches(ELEMENTS)) node.remove();
    for (const attribute of [...node.attributes])
      if (!isAllowed(attribute)) node.removeAttribute(attribute.name);
    if (node instanceof HTMLElement && node.matches("a,summary")) suppressShortcuts(node);
    if (node instanceof HTMLAnchorElement) {
      node.rel = "noopener noreferrer";
      node.target = "_blank";
    }
  }
  return [...body.childNodes];
}
