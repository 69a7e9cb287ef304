/** The rows of the list of sessions that are known, and the requests for further ones. */

/** @typedef {import("./protocol.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").Failure} Failure */

import { askSlowly } from "./tasks.js";

/** Sessions that are asked for at once at least: those in view, and no others, cost a summary. */
const FEWEST = 8;

/** @param {import("./session_list.js").SessionList} list told what has arrived, and what failed */
export function createSessionRows(list) {
  /** @type {Map<number, SessionRow>} by index */
  const known = new Map();
  /** Counts listings: what answers an older one is dropped. */
  let listing = 0;
  /** @type {import("./types.js").Pending<unknown> | null} */
  let pending = null;

  /** @param {string} session_id */
  const indexOf = session_id => [...known].find(([, row]) => row.session_id === session_id)?.[0];

  /**
   * List anew, and get rows `start` to `stop`; those known stay until the new ones are here.
   * @param {number} start
   * @param {number} stop
   * @param {boolean} refresh whether to ask the service again
   */
  const load = (start, stop, refresh) => {
    pending?.cancel();
    listing++;
    fetchRows(start, stop, refresh, true);
  };

  /**
   * Ask for the rows between `from` and `to` that are not known.
   * @param {number} from
   * @param {number} to
   */
  const need = (from, to) => {
    while (from < to && known.has(from)) from++;
    while (from < to && known.has(to - 1)) to--;
    if (from < to && !pending) fetchRows(from, to);
  };

  /**
   * @param {number} start
   * @param {number} stop
   */
  const fetchRows = async (start, stop, refresh = false, isNew = false) => {
    const asked = listing;
    stop = Math.max(stop, start + FEWEST);
    const reply = askSlowly(list.app, "sessions", { ...list.listed(), start, stop, refresh });
    pending = reply;
    try {
      const page = await reply;
      if (asked !== listing) return;
      pending = null;
      if (isNew) known.clear();
      page.rows.forEach((row, i) => known.set(start + i, row));
      list.take(page, isNew);
    } catch (error) {
      if (asked !== listing) return;
      pending = null;
      known.clear();
      list.fail(/** @type {Failure} */ (error));
    }
  };

  return { known, indexOf, load, need };
}
