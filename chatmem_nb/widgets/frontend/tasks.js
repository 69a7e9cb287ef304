/** What may fail or take long: its failure is shown, its progress too, and it can be cancelled. */

/** @typedef {import("./widget.js").Widget} Widget */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./protocol.js").Methods} Methods */
/** @typedef {import("./protocol.js").Progress} Progress */

import { button } from "./dom.js";
import { portion } from "./text.js";
import { showToast } from "./toast.js";

/** How long a request may take before its progress is shown, in ms. */
const QUIET_MS = 400;

/**
 * Await `run` with `buttons` disabled; `fail` is called with a failure, which is shown as a toast
 * otherwise. A request that was cancelled is no failure.
 *
 * @param {Widget} app
 * @param {() => unknown} run
 * @param {((failure: Failure) => unknown) | null} [fail]
 * @param {...HTMLButtonElement} buttons
 */
export async function runTask(app, run, fail, ...buttons) {
  for (const one of buttons) one.disabled = true;
  try {
    await run();
  } catch (error) {
    const failure = /** @type {Failure} */ (error);
    if (failure.type === "cancelled") return;
    if (fail) fail(failure);
    else showToast(app, failure.message, "warn");
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

/**
 * A button that is disabled until what it does is done.
 * @param {Widget} app
 * @param {import("./types.js").Child} text
 * @param {() => unknown} run
 * @param {string} [classes]
 * @param {import("./types.js").Props} [props]
 */
export function taskButton(app, text, run, classes, props) {
  const node = button(text, () => runTask(app, run, null, node), classes, props);
  return node;
}

/**
 * Ask what may take long: a toast tells how far it is, and can cancel it.
 *
 * @template {keyof Methods} Method
 * @param {Widget} app
 * @param {Method} method
 * @param {Methods[Method]["params"]} params
 * @param {(progress: Progress) => void} [onProgress]
 */
export function askSlowly(app, method, params, onProgress) {
  const since = Date.now();
  /** @type {HTMLElement | undefined} */
  let toast;
  const pending = app.ask(method, params, progress => {
    const { done, total, note } = progress;
    const text = `${note || method}: ${portion(done, total)}`;
    if (Date.now() - since > QUIET_MS)
      toast = showToast(app, text, "again", button("Cancel", pending.cancel));
    onProgress?.(progress);
  });
  const done = () => toast?.remove();
  pending.then(done, done);
  return pending;
}
