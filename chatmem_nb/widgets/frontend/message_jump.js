/** Going to a message of the open session, as soon as it is on the page. */

/** @typedef {import("./reveal.js").Target} Target */

import { reveal } from "./reveal.js";
import { showToast } from "./toast.js";

export class MessageJump {
  #transcript;
  /** @type {Target | null} the message to go to, once it is here */
  #target = null;

  /** @param {import("./transcript.js").Transcript} transcript */
  constructor(transcript) {
    this.#transcript = transcript;
  }

  clear() {
    this.#target = null;
  }

  /**
   * Bring a message on the screen that was found, with what hides it opened.
   * @param {Target} target
   */
  to(target) {
    this.#target = target;
    this.#transcript.show(target.index, 0);
    return this.arrive();
  }

  /**
   * Bring the call on the screen that `entry` has the result of.
   * @param {import("./types.js").Entry} entry
   * @param {string} [text] to be found in the result
   */
  toCall({ index, answers }, text) {
    if (answers) this.to({ index: answers.index, result: index, text });
  }

  /**
   * Do what is left to be done where the message to go to is here.
   * @returns {Promise<void>}
   */
  async arrive() {
    const transcript = this.#transcript;
    const target = this.#target;
    const entry = target && transcript.messages.get(target.index);
    if (!target || !entry) return;
    this.#target = null;
    if (target.identity && entry.identity !== target.identity) return this.#findAgain(target);
    if (entry.answers) return this.toCall(entry, target.text);
    await reveal(transcript, entry, target);
    const { list, app } = transcript;
    list.show(entry.index, 0);
    app.search.marks.show(list.rows[entry.index - list.first]);
  }

  /**
   * Another record is there: others have changed the session since it was found.
   * @param {Target} target
   * @returns {Promise<void>}
   */
  async #findAgain(target) {
    const { app, session } = this.#transcript;
    if (target.again) {
      const text = "The session has changed, and this match has moved or is gone. Search again.";
      showToast(app, text, "warn");
      return;
    }
    await this.#transcript.open(session, { index: target.index });
    this.to({ ...target, again: true });
  }
}
