/** Keys that belong to the widget, and not to the notebook around it. */

import { suppressShortcuts } from "./dom.js";

const EDITING = /^([acvxyz]|arrow.*|home|end|backspace|delete)$/i;

/**
 * Keep the notebook's shortcuts off whatever has the focus inside `root`. With Ctrl or Meta they
 * hold (save, for one), but for Enter and those that edit here. Returns what ends it.
 *
 * @param {HTMLElement} root
 */
export function guardKeys(root) {
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (!root.contains(target)) return;
    const isEditing = EDITING.test(event.key) && target.matches("input, textarea, select");
    // With Enter the host would run the cell again, and so replace this widget by a new one.
    const isOurs = isEditing || event.key === "Enter";
    if ((event.ctrlKey || event.metaKey) && !isOurs) delete target.dataset.lmSuppressShortcuts;
    else suppressShortcuts(target);
  };
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}
