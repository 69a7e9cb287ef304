/** The figures of the open session, and the way from one failed call to the next. */

/** @typedef {import("./protocol.js").Stats} Statistics */

import { dim, facts, h, iconButton, line, link, put } from "./dom.js";
import { askSlowly } from "./tasks.js";
import { count, localTime, plural } from "./text.js";

/**
 * The days, as the calendar here has them, of the first and the last message.
 * @param {Statistics} figures
 */
function spanOf({ first_time, last_time }) {
  const days = [first_time, last_time].flatMap(time => (time ? localTime(time).slice(0, 10) : []));
  return [...new Set(days)].join(" to ");
}

/** @param {import("./transcript.js").Transcript} transcript */
export function createFigures(transcript) {
  const node = h(".stats");
  const place = dim();
  /** @type {import("./types.js").Pending<Statistics> | null} */
  let counting = null;
  let isShown = false;
  /** @type {number[]} indexes of the results that failed */
  let failed = [];
  /** Position among them; -1 before the first was shown. */
  let at = -1;

  /** Another session is open, or none. */
  const clear = () => {
    counting?.cancel();
    isShown = false;
    failed = [];
    put(node);
  };

  /** Count them: this may read the whole session. */
  const countAll = async () => {
    const { opening, session, epoch } = transcript;
    counting?.cancel();
    const params = { session_id: session, epoch: epoch ?? 0, all: true };
    counting = askSlowly(transcript.app, "stats", params);
    const found = await counting.catch(() => null); // the figures are left out then
    if (found && opening === transcript.opening) show(found);
  };

  /** Count again what is shown: messages were appended. */
  const refresh = () => {
    if (isShown) countAll();
  };

  /** @param {Statistics} found */
  const show = found => {
    isShown = true;
    failed = found.failed ?? [];
    at = -1;
    put(place);
    put(node, failed.length > 0 && failures(), facts({ ...found.facts, Span: spanOf(found) }));
  };

  const failures = () => {
    const words = plural(failed.length, "failed call");
    const first = link(words, () => goTo(0), "Go to the first (n: next, p: previous)");
    first.classList.add("state-failed");
    return line(
      first,
      place,
      iconButton("up", "Previous failed call", () => step(-1)),
      iconButton("down", "Next failed call", () => step(1)),
    );
  };

  /**
   * Go to another failed call; where they are not known, they are counted first.
   * @param {number} by
   */
  const step = async by => {
    if (!isShown) await countAll();
    const { length } = failed;
    if (length) goTo(at < 0 && by < 0 ? length - 1 : (at + by + length) % length);
  };

  /** @param {number} position */
  const goTo = position => {
    at = position;
    put(place, `${count(at + 1)} of ${count(failed.length)}`);
    transcript.jump.to({ index: failed[at] });
  };

  return { node, clear, count: countAll, refresh, show, step };
}
