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

/** @param {import("./transcript.js").Transcript} transcript */
export function createMessageWindow(transcript) {
  /** @type {Map<number, Entry>} */
  const entries = new Map();
  /** @type {OpenWindow[]} */
  let asked = [];
  let lastAsked = 0;
  const soon = createTimer();

  /** @param {number} index */
  const get = index => entries.get(index);

  const clear = () => {
    for (const one of asked) one.cancel();
    asked = [];
    entries.clear();
  };

  /**
   * Get the messages `from` to `to`, at once or as soon as the scroll bar rests.
   * @param {number} from
   * @param {number} to
   */
  const need = (from, to) => {
    const { list } = transcript;
    soon();
    if (Date.now() - lastAsked < PAUSE) soon(() => getMissing(list.first, list.last), PAUSE);
    else getMissing(from, to);
  };

  /** @param {number} index */
  const isMissing = index =>
    !entries.has(index) && !asked.some(({ start, stop }) => index >= start && index < stop);

  /**
   * @param {number} from
   * @param {number} to
   */
  const getMissing = (from, to) => {
    while (from < to && !isMissing(from)) from++;
    while (to > from && !isMissing(to - 1)) to--;
    if (from >= to || transcript.epoch === null) return;
    const { start, stop } = around(from, to);
    load(start, stop);
  };

  /** Get the messages in view anew; those out of view when they are next shown. */
  const refresh = () => {
    const { list, epoch } = transcript;
    dropOutOfView();
    if (epoch !== null && list.first < list.last) load(list.first, list.last);
  };

  const dropOutOfView = () => {
    const { first, last } = transcript.list;
    for (const index of entries.keys()) if (index < first || index >= last) entries.delete(index);
  };

  /**
   * @param {number} start
   * @param {number} stop
   */
  const load = async (start, stop) => {
    const { opening } = transcript;
    lastAsked = Date.now();
    const pending = transcript.ask("window", { start, stop });
    const one = { start, stop, cancel: pending.cancel };
    asked.push(one);
    try {
      const { rows, stats, label } = await pending;
      if (opening !== transcript.opening) return;
      take(start, rows);
      transcript.header.showLabel(label);
      if (stats) transcript.figures.show(stats);
    } catch (error) {
      if (opening === transcript.opening) transcript.readFailed(/** @type {Failure} */ (error));
    } finally {
      asked = asked.filter(other => other !== one);
    }
  };

  /**
   * Return a whole window with `from` to `to` in it, in the direction in which messages are missing.
   * @param {number} from
   * @param {number} to
   */
  const around = (from, to) => {
    const { total } = transcript;
    if (total <= WHOLE && !entries.size) return { start: 0, stop: total };
    if (to >= total || entries.has(to))
      return { start: Math.max(0, Math.min(from, to - WINDOW)), stop: to };
    return { start: from, stop: Math.min(total, Math.max(to, from + WINDOW)) };
  };

  /**
   * @param {number} start
   * @param {Entry[]} rows
   */
  const take = (start, rows) => {
    rows.forEach((entry, i) => entries.set(start + i, entry));
    if (entries.size > KEPT) dropOutOfView();
    transcript.list.renew(start, start + rows.length);
    transcript.jump.arrive();
  };

  return { get, clear, need, refresh, close: () => soon() };
}
