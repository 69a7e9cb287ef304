/** The figures of the open session, and the way from one failed call to the next. */

/** @typedef {import("./protocol.js").Stats} Statistics */

import { dim, facts, h, iconButton, line, link, put } from "./dom.js";
import { askSlowly } from "./tasks.js";
import { count, plural } from "./text.js";

export class Figures {
  node = h(".stats");
  #transcript;
  /** @type {import("./types.js").Pending<Statistics> | null} */
  #counting = null;
  #isShown = false;
  /** @type {number[]} indexes of the results that failed */
  #failed = [];
  /** Position among them; -1 before the first was shown. */
  #at = -1;
  #place = dim();

  /** @param {import("./transcript.js").Transcript} transcript */
  constructor(transcript) {
    this.#transcript = transcript;
  }

  /** Another session is open, or none. */
  clear() {
    this.#counting?.cancel();
    this.#isShown = false;
    this.#failed = [];
    put(this.node);
  }

  /** Count them: this may read the whole session. */
  count() {
    const transcript = this.#transcript;
    const { opening, session, epoch } = transcript;
    this.#counting?.cancel();
    const params = { session_id: session, epoch: epoch ?? 0, all: true };
    const counting = askSlowly(transcript.app, "stats", params);
    this.#counting = counting;
    const show = (/** @type {Statistics} */ found) => {
      if (opening === transcript.opening) this.show(found);
    };
    counting.then(show, () => {}); // the figures are left out then
  }

  /** Count again what is shown: messages were appended. */
  refresh() {
    if (this.#isShown) this.count();
  }

  /** @param {Statistics} found */
  show({ facts: found, failed = [] }) {
    this.#isShown = true;
    this.#failed = failed;
    this.#at = -1;
    put(this.#place);
    put(this.node, failed.length > 0 && this.#failures(), facts(found));
  }

  #failures() {
    const words = plural(this.#failed.length, "failed call");
    const first = link(words, () => this.goTo(0), "Go to the first (n: next, p: previous)");
    first.classList.add("state-failed");
    return line(
      first,
      this.#place,
      iconButton("up", "Previous failed call", () => this.step(-1)),
      iconButton("down", "Next failed call", () => this.step(1)),
    );
  }

  /** @param {number} by */
  step(by) {
    const { length } = this.#failed;
    if (length) this.goTo(this.#at < 0 && by < 0 ? length - 1 : (this.#at + by + length) % length);
  }

  /** @param {number} at */
  goTo(at) {
    this.#at = at;
    put(this.#place, `${count(at + 1)} of ${count(this.#failed.length)}`);
    this.#transcript.jump.to({ index: this.#failed[at] });
  }
}
