/** Marks of what was searched for, in the messages on the screen and in the list of matches. */

/** @typedef {import("./protocol.js").Hit} Hit */

import { h } from "./dom.js";
import { matchesIn, patternOf } from "./marks.js";
import { visible } from "./text.js";

/** Matches that are marked in the transcript at most. */
const MAX_MARKS = 500;

export class MatchMarks {
  #search;
  #areDrawn = false;

  /** @param {import("./search_bar.js").SearchBar} search */
  constructor(search) {
    this.#search = search;
  }

  /**
   * Return a snippet of a match with its words marked.
   * @param {Hit} hit
   */
  marked(hit) {
    const pattern = this.#patternOf(hit);
    const parts = pattern ? hit.snippet.split(pattern) : [hit.snippet];
    return parts.map((part, i) => (i % 2 ? h("mark", visible(part)) : visible(part)));
  }

  /** Mark what was searched for in the messages on the screen; no markup is touched. */
  draw() {
    const ranges = this.#ranges();
    if (this.#areDrawn || ranges.length) CSS.highlights?.set("chatmem", new Highlight(...ranges));
    this.#areDrawn = ranges.length > 0;
  }

  /**
   * Scroll to the first match in `row`, if it is out of sight.
   * @param {HTMLElement | undefined} row
   */
  show(row) {
    const { box } = this.#search.app.transcript.list;
    const [first] = row ? matchesIn(row, this.#patternOf(this.#search.current), 1) : [];
    if (!first) return;
    // A long text scrolls in a box of its own.
    for (const outer of [first.startContainer.parentElement?.closest("pre"), box]) {
      if (!outer) continue;
      const view = outer.getBoundingClientRect();
      const { top, bottom } = first.getBoundingClientRect();
      if (top < view.top || bottom > view.bottom)
        outer.scrollTop += top - view.top - view.height / 3;
    }
  }

  /**
   * What is to be marked in the message of `hit`.
   * @param {Hit | undefined} hit
   */
  #patternOf(hit) {
    const { text, regex, whole_words = false } = this.#search.marking;
    return patternOf(regex ? (hit?.words ?? []) : [text], whole_words);
  }

  #ranges() {
    const { hits, marking, app } = this.#search;
    const { list, session } = app.transcript;
    if (!marking.text) return [];
    if (!marking.regex) return matchesIn(list.box, this.#patternOf(undefined), MAX_MARKS);
    return hits
      .filter(({ session_id, index }) => session_id === session && list.rows[index - list.first])
      .flatMap(hit =>
        matchesIn(list.rows[hit.index - list.first], this.#patternOf(hit), MAX_MARKS),
      );
  }
}
