/** Dialogs: a sheet with a title, a prompt for one text, a confirmation. */

/** @typedef {import("./types.js").Child} Child */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./widget.js").Widget} Widget */

import { alertBox, button, field, focus, form, h, iconButton, put, submitButton } from "./dom.js";
import { runTask } from "./tasks.js";
import { showToast } from "./toast.js";

/**
 * Open a modal sheet, and return a function that closes it.
 *
 * @param {Widget} app
 * @param {string} title
 * @param {Child[]} content
 * @param {{ size?: ".wide" | ".full" | "", onClose?: () => void }} [options]
 */
export function openSheet(app, title, content, { size = "", onClose = () => {} } = {}) {
  const opener = document.activeElement;
  const close = () => node.close();
  const onclose = () => {
    app.root.append(...node.querySelectorAll(".toast"));
    node.remove();
    onClose();
    // The last of these that can take the focus has it.
    for (const one of [app.transcript.list.box, opener?.closest(".msg"), opener]) focus(one);
  };
  const head = h("header", h("h2", title), iconButton("close", "Close", close));
  const node = /** @type {HTMLDialogElement} */ (
    h("dialog.sheet" + size, { ariaLabel: title, onclose }, head, h(".sheetbody", content))
  );
  app.root.append(node);
  node.showModal();
  return close;
}

/**
 * Ask for one text.
 *
 * @param {Widget} app
 * @param {{ title: string, hint: string, label: string, action: string }} words
 * @param {(text: string) => unknown} run called with the text; the sheet closes when it succeeds
 */
export function openPrompt(app, { title, hint, label, action }, run) {
  const problem = alertBox();
  const input = field(label, { autofocus: true });
  const go = submitButton(action, ".primary");
  const task = async () => {
    await run(input.value.trim());
    close();
  };
  const send = () => runTask(app, task, ({ message }) => put(problem, message), go);
  const content = [form(".line", send, input, go), h("p.dim", hint), problem];
  const close = openSheet(app, title, content);
}

/**
 * Ask for a confirmation. Returns the button that confirms, and what shows a failure.
 *
 * @param {Widget} app
 * @param {{ title: string, body: Child, action: string }} words
 * @param {() => unknown} run the sheet closes when it succeeds
 * @param {() => void} [onClose]
 */
export function openConfirmation(app, { title, body, action }, run, onClose) {
  const problem = alertBox();
  const fail = (/** @type {Failure} */ { type, message }) => {
    if (type !== "changed") return put(problem, message);
    // What was to be confirmed is gone: the session is loaded again behind the sheet.
    close();
    showToast(app, message, "warn");
  };
  const task = async () => {
    await run();
    close();
  };
  const confirm = button(action, () => runTask(app, task, fail, confirm), ".primary.danger");
  const cancel = button("Cancel", () => close(), "", { autofocus: true });
  const content = [body, problem, h("footer", cancel, confirm)];
  const close = openSheet(app, title, content, { onClose });
  return { confirm, fail };
}
