/** Elements. Text reaches the document as text nodes only; HTML goes through safe_html.js. */

import { localTime, visible } from "./text.js";

/** @typedef {import("./types.js").Child} Child */
/** @typedef {import("./types.js").Props} Props */

const FOCUSABLE = "a, button, input, select, summary, textarea, [tabindex]";

/**
 * Make an element. `tag` is "name.class.class", a div if it has no name.
 *
 * @template {string} Tag
 * @param {Tag} tag
 * @param {Props | Child} [props] properties, attributes and listeners, or the first child
 * @param {...Child} children
 * @returns {import("./types.js").ElementOf<Tag>}
 */
export function h(tag, props, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name || "div");
  if (node instanceof HTMLButtonElement) node.type = "button";
  node.className = classes.join(" ");
  if (props?.constructor === Object) setProps(node, /** @type {Props} */ (props));
  else children.unshift(/** @type {Child} */ (props));
  put(node, children);
  if (node.matches(FOCUSABLE)) suppressShortcuts(node);
  return /** @type {any} */ (node);
}

/**
 * @param {any} node
 * @param {Props} props
 */
function setProps(node, props) {
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (value != null && key in node) node[key] = value;
    else if (value != null) node.setAttribute(key, value);
  }
}

/**
 * Replace what is in `node`.
 * @param {Element} node
 * @param {...Child} children
 */
export function put(node, ...children) {
  const shown = /** @type {any[]} */ (children).flat(4).filter(child => child || child === 0);
  node.replaceChildren(...shown);
}

/**
 * Keep the host's shortcuts off `node`. Without this mark on the very element that has the focus,
 * typing `dd` in JupyterLab would delete a notebook cell.
 *
 * @param {HTMLElement} node
 */
export function suppressShortcuts(node) {
  node.dataset.lmSuppressShortcuts = "true";
}

/** @param {Element | null | undefined} node */
export function focus(node) {
  if (node instanceof HTMLElement) node.focus({ preventScroll: true });
}

/**
 * Call the action for the key of `event`, if there is one.
 * @param {KeyboardEvent} event
 * @param {Record<string, (() => unknown) | undefined>} actions
 */
export function handleKey(event, actions) {
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** @param {string} name */
export const icon = name => h("i.i-" + name, { ariaHidden: "true" });

/**
 * @param {Child} text
 * @param {(event: Event) => unknown} onclick
 * @param {string} [classes] such as ".primary"
 * @param {Props} [props]
 * @returns {HTMLButtonElement}
 */
export const button = (text, onclick, classes = "", props) =>
  /** @type {HTMLButtonElement} */ (h("button" + classes, { onclick, ...props }, text));

/**
 * A button that looks like a link: it leads to another place of the widget.
 * @param {Child} text
 * @param {() => unknown} onclick
 * @param {string} title
 */
export const link = (text, onclick, title) => button(text, onclick, ".link", { title });

/**
 * A button that shows an icon only.
 * @param {string} name of the icon
 * @param {string} label
 * @param {(event: Event) => unknown} onclick
 * @param {string} [classes]
 * @param {Props} [props]
 */
export const iconButton = (name, label, onclick, classes = "", props) =>
  button(icon(name), onclick, ".tool" + classes, { ariaLabel: label, title: label, ...props });

/**
 * @param {string} text
 * @param {string} [classes]
 * @returns {HTMLButtonElement}
 */
export const submitButton = (text, classes = "") =>
  /** @type {HTMLButtonElement} */ (h("button" + classes, { type: "submit" }, text));

/**
 * A form. In an output of JupyterLab, Enter in a field does not submit by itself.
 * @param {string} classes
 * @param {() => unknown} submit
 * @param {...Child} children
 */
export function form(classes, submit, ...children) {
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  };
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const inField = event.target instanceof HTMLInputElement;
    if (inField && !event.defaultPrevented) handleKey(event, { Enter: submit });
  };
  return h("form" + classes, { onsubmit, onkeydown }, children);
}

/**
 * @param {string} label
 * @param {Props} [props]
 */
export const field = (label, props) =>
  h("input", { ariaLabel: label, placeholder: label, spellcheck: false, ...props });

/**
 * @param {string} label
 * @param {Record<string, string>} options value to text
 * @param {(event: Event) => unknown} [onchange]
 */
export const choice = (label, options, onchange) =>
  h(
    "select",
    { ariaLabel: label, onchange },
    Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );

/**
 * A labelled part that can be focused, so that the keyboard can scroll it.
 * @template {string} Tag
 * @param {Tag} tag
 * @param {string} label
 * @param {...Child} children
 */
export const group = (tag, label, ...children) =>
  h(tag, { tabIndex: 0, role: "group", ariaLabel: label }, children);

/**
 * @param {Child} title
 * @param {Child} body
 * @param {Props} [props]
 */
export const fold = (title, body, props = {}) => h("details", props, h("summary", title), body);

/** @param {...Child} text */
export const dim = (...text) => h("span.dim", text);

/** @param {string} text */
export const reason = text => h("p.reason", text);

/** @param {...Child} children */
export const line = (...children) => h(".line", children);

export const alertBox = () => h("p.reason", { role: "alert" });

/**
 * A name that may be cut off by the layout: whole in its tooltip.
 * @param {unknown} text
 * @param {"bdi" | "dd"} [tag]
 */
export const label = (text, tag = "bdi") => h(tag, { title: visible(text) }, visible(text));

/** @param {Record<string, string | null | undefined>} pairs label to text; empty ones are left out */
export const facts = pairs =>
  h(
    "dl.facts",
    Object.entries(pairs).map(
      ([title, value]) => value && h("div", h("dt", title), label(value, "dd")),
    ),
  );

/** @param {string | null | undefined} iso */
export const time = iso =>
  iso &&
  h(
    "time",
    { dateTime: iso, title: visible(iso.slice(0, 19).replace("T", " ") + " UTC") },
    visible(localTime(iso)),
  );

/**
 * What stands where a list would be, if there is nothing to list.
 * @param {string} mark the icon
 * @param {string} title
 * @param {Child} [text]
 * @param {...Child} actions
 */
export const notice = (mark, title, text, ...actions) =>
  h(
    ".state",
    { role: "status" },
    h("span.mark." + mark, icon(mark)),
    h("h2", title),
    h("p", text),
    line(actions),
  );

/** @param {string} label */
export const skeleton = label => h(".skeletons", { role: "status", ariaLabel: label });

/**
 * Return a function that shows nodes in place of `box`, or `box` again if it gets none.
 * @param {HTMLElement} box
 * @param {HTMLElement} over
 */
export const cover =
  (box, over) =>
  (/** @type {Child[]} */ ...nodes) => {
    put(over, nodes);
    box.hidden = nodes.length > 0;
  };

/** A timeout of which at most one is pending: `timer(run, ms)` sets it anew, `timer()` stops it. */
export function createTimer() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let id;
  return (/** @type {(() => unknown) | undefined} */ run = undefined, ms = 0) => {
    clearTimeout(id);
    id = run && setTimeout(run, ms);
  };
}
