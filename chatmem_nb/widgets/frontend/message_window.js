/** The messages of the open session that the page holds, asked for as they come into view. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Failure} Failure */

import { createTimer } from "./dom.js";

/** Messages that are asked for at once. */
const WINDOW = 25;
/** Up to this length a session is asked for whole, and its figures come along. */
const WHOLE = 50;
/** Messages that are kept in the page. */
const KEPT = 1000;
/** While the scroll bar moves, requests are at least this far apart, in ms. */
const PAUSE = 80;

/**
 * @typedef {object} OpenWindow
 * @property {number} start
 * @property {number} stop
 * @property {() => void} cancel
 */

export class MessageWindow {
  #transcript;
  /** @type {Map<number, Entry>} */
  #entries = new Map();
  /** @type {OpenWindow[]} */
  #asked = [];
  #lastAsked = 0;
  #soon = createTimer();

  /** @param {import("./transcript.js").Transcript} transcript */
  constructor(transcript) {
    this.#transcript = transcript;
  }

  /** @param {number} index */
  get(index) {
    return this.#entries.get(index);
  }

  clear() {
    for (const one of this.#asked) one.cancel();
    this.#asked = [];
    this.#entries.clear();
  }

  close() {
    this.#soon();
  }

  /**
   * Get the messages `from` to `to`, at once or as soon as the scroll bar rests.
   * @param {number} from
   * @param {number} to
   */
  need(from, to) {
    const { list } = this.#transcript;
    this.#soon();
    if (Date.now() - this.#lastAsked < PAUSE)
      this.#soon(() => this.#fetch(list.first, list.last), PAUSE);
    else this.#fetch(from, to);
  }

  /** @param {number} index */
  #isMissing(index) {
    const asked = this.#asked.some(({ start, stop }) => index >= start && index < stop);
    return !asked && !this.#entries.has(index);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #fetch(from, to) {
    const transcript = this.#transcript;
    while (from < to && !this.#isMissing(from)) from++;
    while (to > from && !this.#isMissing(to - 1)) to--;
    if (from >= to || transcript.epoch === null) return;
    const { start, stop } = this.#around(from, to);
    return this.#load(start, stop);
  }

  /** Get the messages in view anew; those out of view when they are next shown. */
  refresh() {
    const { list, epoch } = this.#transcript;
    for (const index of this.#entries.keys())
      if (index < list.first || index >= list.last) this.#entries.delete(index);
    if (epoch !== null && list.first < list.last) this.#load(list.first, list.last);
  }

  /**
   * @param {number} start
   * @param {number} stop
   */
  async #load(start, stop) {
    const transcript = this.#transcript;
    const opening = transcript.opening;
    this.#lastAsked = Date.now();
    const pending = transcript.ask("window", { start, stop });
    const asked = { start, stop, cancel: pending.cancel };
    this.#asked.push(asked);
    try {
      const { rows, stats, label } = await pending;
      if (opening !== transcript.opening) return;
      this.#take(start, rows);
      transcript.header.showLabel(label);
      if (stats) transcript.figures.show(stats);
    } catch (error) {
      if (opening === transcript.opening) transcript.readFailed(/** @type {Failure} */ (error));
    } finally {
      this.#asked = this.#asked.filter(one => one !== asked);
    }
  }

  /**
   * Return a whole window with `from` to `to` in it, in the direction in which messages are missing.
   * @param {number} from
   * @param {number} to
   */
  #around(from, to) {
    const { total } = this.#transcript;
    if (total <= WHOLE && !this.#entries.size) return { start: 0, stop: total };
    if (to >= total || this.#entries.has(to))
      return { start: Math.max(0, Math.min(from, to - WINDOW)), stop: to };
    return { start: from, stop: Math.min(total, Math.max(to, from + WINDOW)) };
  }

  /**
   * @param {number} start
   * @param {Entry[]} rows
   */
  #take(start, rows) {
    const { list } = this.#transcript;
    rows.forEach((entry, i) => this.#entries.set(start + i, entry));
    if (this.#entries.size > KEPT)
      for (const index of this.#entries.keys())
        if (index < list.first || index >= list.last) this.#entries.delete(index);
    list.renew(start, start + rows.length);
    this.#transcript.jump.arrive();
  }
}
