/** What stands in place of the messages: that there are none, or why they cannot be shown. */

/** @typedef {import("./types.js").Child} Child */
/** @typedef {import("./types.js").Failure} Failure */

import { button, cover, notice, skeleton } from "./dom.js";

/**
 * @param {HTMLElement} feed that is covered
 * @param {HTMLElement} over where the notice goes
 */
export function createTranscriptNotice(feed, over) {
  const say = cover(feed, over);
  /** @type {(() => unknown) | null} what failed, to be done again */
  let failed = null;

  /** Show the messages. */
  const clear = () => {
    failed = null;
    say();
  };
  const loading = () => say(skeleton("Loading messages"));
  const noSession = () => say(notice("ai", "Select a session", "Its messages will appear here."));
  const noMessages = () =>
    say(notice("other", "No messages yet", "Messages will appear here as they are appended."));
  const missing = () => {
    const hint =
      "It may have expired, or be stored under another key prefix. Append a message to create it.";
    say(notice("search", "No session with this id", hint));
  };

  /**
   * @param {string} title
   * @param {Failure} failure
   * @param {() => unknown} again
   */
  const fail = (title, { message }, again) => {
    failed = again;
    say(notice("warn", title, message, button("Try again", again)));
  };

  /** Do again what failed: the service is back. */
  const retry = () => failed?.();

  return { clear, loading, noSession, noMessages, missing, fail, retry };
}
