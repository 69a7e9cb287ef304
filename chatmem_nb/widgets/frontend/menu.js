/** A menu of rarely used tools, each with its words. */

/** @typedef {import("./types.js").Child} Child */

import { button, focus, h, handleKey, icon, iconButton } from "./dom.js";

/**
 * @typedef {object} MenuItem
 * @property {string} mark the icon
 * @property {string} text
 * @property {() => unknown} run
 * @property {boolean} [writes] whether it changes what is stored
 */

/**
 * A button that opens a menu.
 * @param {string} label
 * @param {() => (MenuItem | false)[]} items called when the menu opens; false ones are left out
 */
export function menuButton(label, items) {
  const list = h(".menu", {
    role: "menu",
    ariaLabel: label,
    hidden: true,
    onkeydown: (/** @type {KeyboardEvent} */ event) => onKey(event),
    onfocusout: (/** @type {FocusEvent} */ event) => {
      if (!node.contains(/** @type {Node | null} */ (event.relatedTarget))) show(false);
    },
  });
  const opener = iconButton("more", label, () => toggle(), "", {
    ariaHasPopup: "menu",
    ariaExpanded: "false",
  });
  const node = h(".menubox", opener, list);

  const show = (/** @type {boolean} */ isOpen) => {
    list.hidden = !isOpen;
    opener.ariaExpanded = String(isOpen);
  };
  const toggle = () => {
    if (!list.hidden) return show(false);
    list.replaceChildren(...items().flatMap(item => (item ? [menuItem(item)] : [])));
    show(true);
    focus(list.firstElementChild);
  };
  const close = () => {
    show(false);
    focus(opener);
  };
  const menuItem = (/** @type {MenuItem} */ { mark, text, run, writes }) => {
    const choose = () => {
      close();
      run();
    };
    return button([icon(mark), text], choose, writes ? ".w" : "", {
      role: "menuitem",
      tabIndex: -1,
      onmousedown: (/** @type {Event} */ event) => event.preventDefault(), // the focus stays
    });
  };
  const step = (/** @type {number} */ by) => () => {
    const shown = [...list.children].filter(item => item.checkVisibility());
    const at = shown.indexOf(/** @type {Element} */ (document.activeElement));
    focus(shown[(at + by + shown.length) % shown.length]);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) =>
    handleKey(event, { ArrowDown: step(1), ArrowUp: step(-1), Escape: close, Tab: close });
  return node;
}
