/** What stands in place of the list where it is empty, and what makes a session. */

/** @typedef {import("./widget.js").Widget} Widget */

import { openPrompt } from "./dialog.js";
import { button, createTimer, notice } from "./dom.js";

/** An empty store is asked again after twice this, then after ever longer pauses, in ms. */
const FIRST_PAUSE_MS = 2_500;
const MAX_PAUSE_MS = 60_000;

export const noLabels = () =>
  notice("search", "No labels match", "No session or message has this label.");

/**
 * No id is like `words`: they may be those of a message.
 * @param {Widget} app
 * @param {string} words
 */
export const noSuchId = (app, words) =>
  notice(
    "search",
    `No id matches “${words}”`,
    "* and ? are wildcards.",
    button("Search messages", () => app.search.show(words), ".primary"),
    button("Open this id", () => app.open(words)),
  );

/**
 * Momento cannot list keys; this package keeps a list of the sessions that it has written or read.
 * @param {string | null | undefined} service
 * @param {() => unknown} refresh
 * @param {() => unknown} create
 */
export const noSessions = (service, refresh, create) =>
  notice(
    "other",
    "No sessions yet",
    service === "Momento"
      ? "Momento lists only sessions that this package has written or read. To add another, enter its id above, and open it."
      : "New conversations appear here shortly after they are stored.",
    button("Refresh", refresh),
    button("New session", create, ".w"),
  );

/**
 * Ask for the id of a new session, and open it.
 * @param {Widget} app
 */
export function createSession(app) {
  const words = {
    title: "New session",
    hint: "It is stored with its first message.",
    label: "Session id",
    action: "Create",
  };
  openPrompt(app, words, id => {
    if (id) app.open(id, { create: true });
  });
}

/**
 * Ask again, ever more rarely, while the store is empty and the widget is in view.
 * @param {Widget} app
 * @param {() => unknown} ask
 */
export function createPoll(app, ask) {
  const later = createTimer();
  let pause = FIRST_PAUSE_MS;

  const start = () => {
    pause = Math.min(MAX_PAUSE_MS, pause * 2);
    later(() => {
      if (app.visible && document.visibilityState === "visible") ask();
      else start();
    }, pause);
  };
  /** Something was found. */
  const reset = () => {
    pause = FIRST_PAUSE_MS;
  };
  return { start, reset, stop: () => later() };
}
