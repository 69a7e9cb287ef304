/** Which sessions are listed, and in which order: the fields above the list. */

/** @typedef {import("./protocol.js").SessionsParams} SessionsParams */

import { choice, createTimer, field, h, handleKey, icon } from "./dom.js";
import { fillLabelFilter, labelFilter } from "./labels.js";

const SORTS = {
  found: "Unsorted",
  id: "By id",
  length: "By length",
  last_write: "By last write (reads all sessions)",
  ttl: "By expiry",
};
/** How long after a key the list follows what was typed, in ms. */
const TYPING_MS = 200;

/** @param {import("./session_list.js").SessionList} list */
export function createSessionFilter(list) {
  const load = () => list.load();
  const query = field("Filter sessions by id", {
    type: "search",
    oninput: () => typed(),
    onkeydown: (/** @type {KeyboardEvent} */ event) => onKey(event),
  });
  const sort = choice("Sort sessions", SORTS, load);
  const label = labelFilter(load);
  const later = createTimer();

  const typed = () => later(load, TYPING_MS);
  /** What was typed. */
  const words = () => query.value.trim();
  const clearWords = () => (query.value = "");
  /** Forget all: another store is shown. */
  const clear = () => {
    clearWords();
    label.value = "";
    sort.value = "found";
  };
  const values = () => ({
    query: words(),
    label: label.value,
    sort: /** @type {SessionsParams["sort"]} */ (sort.value),
    descending: ["length", "last_write"].includes(sort.value),
  });
  const onKey = (/** @type {KeyboardEvent} */ event) =>
    handleKey(event, {
      Enter: () => words() && list.openExactId(words()),
      ArrowDown: () => list.focus(),
      Escape: () => {
        clearWords();
        typed();
      },
    });
  return {
    query: h(".searchbox", icon("search"), query),
    order: [sort, label],
    /** Offer the labels that there are. */
    fill: () => fillLabelFilter(list.app, label),
    focus: () => query.focus(),
    /** Wait no longer for what is being typed. */
    stop: () => later(),
    clear,
    clearWords,
    values,
  };
}
