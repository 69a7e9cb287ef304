/** The search in the messages of one session, of the selected ones or of all. */

/** @typedef {import("./protocol.js").Hit} Hit */
/** @typedef {import("./protocol.js").FindParams} FindParams */
/** @typedef {import("./types.js").Failure} Failure */

import {
  alertBox,
  choice,
  field,
  focus,
  form,
  h,
  handleKey,
  iconButton,
  line,
  put,
  submitButton,
} from "./dom.js";
import { exportButton } from "./export_sheet.js";
import { MatchMarks } from "./match_marks.js";
import { MatchList } from "./match_list.js";
import { askSlowly } from "./tasks.js";
import { SearchFilters } from "./search_filters.js";
import { count, matches, plural } from "./text.js";

const MAX_HITS = 1000;

export class SearchBar {
  app;
  /** @type {Hit[]} what was found, in order */
  hits = [];
  /** Index of the match that was gone to; -1 before that. */
  #at = -1;
  #found = 0;
  /** How many sessions have a match. */
  sessions = 0;
  /** Whether the matches stand in the left pane, in place of the sessions. */
  isListing = false;
  /** @type {import("./types.js").Pending<unknown> | null} */
  #pending = null;
  #searched = "";
  /** What the hits are of, as JSON. */
  #asked = "";

  #text = field("Search messages", {
    type: "search",
    className: "grow",
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event),
  });
  #scope = choice("Search in", {
    session: "This session",
    selected: "Selected sessions",
    all: "All sessions",
  });
  #filters = new SearchFilters(() => this.#refine());
  #problem = alertBox();
  #said = h("span.dim.grow", { role: "status" });
  #steps;
  #matches;
  /** Marks what was found. */
  marks = new MatchMarks(this);

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.app = app;
    this.#matches = new MatchList(app, this);
    this.#steps = h(
      ".line",
      { hidden: true },
      iconButton("up", "Previous match", () => this.#step(-1)),
      iconButton("down", "Next match", () => this.#step(1)),
      exportButton(app, "Export matches", "hits"),
    );
    const close = iconButton("close", "Close search", () => this.hide());
    this.node = form(
      ".find",
      () => this.#search(),
      line(this.#text, this.#scope, submitButton("Search"), close),
      this.#problem,
      this.#filters.node,
      line(this.#said, this.#steps),
    );
    this.node.hidden = true;
  }

  /** The list of matches, for the left pane. */
  get matches() {
    return this.#matches.node;
  }

  /** @param {string} [text] to be searched for, in all sessions */
  show(text) {
    this.app.showPane("talk");
    this.node.hidden = false;
    this.#filters.fill(this.app);
    const [here, selected] = this.#scope.options;
    here.disabled = !this.app.transcript.session;
    selected.disabled = !this.app.sessions.selection.size();
    if (text) this.#text.value = text;
    if (text || this.#scope.selectedOptions[0].disabled) this.#scope.value = "all";
    if (text) this.#search();
    this.#text.select();
  }

  hide() {
    this.#pending?.cancel();
    this.node.hidden = true;
    this.#list(false);
    this.marks.draw();
    focus(this.app.transcript.list.box);
  }

  /**
   * Show the matches in the left pane, or the sessions.
   * @param {boolean} isListing
   */
  #list(isListing) {
    this.isListing = isListing;
    this.app.sessions.covered(isListing);
  }

  /** Draw the matches anew: other sessions are selected. */
  redraw() {
    if (this.isListing) this.#matches.list.renew();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    handleKey(event, {
      Escape: () => this.hide(),
      Enter: () => {
        const isSame = this.hits.length && JSON.stringify(this.#params()) === this.#asked;
        if (isSame) this.#step(event.shiftKey ? -1 : 1);
        else this.#search();
      },
    });
  }

  /** Search anew if a filter is another one. */
  #refine() {
    if (JSON.stringify(this.#params()) !== this.#asked) this.#search();
  }

  async #search() {
    this.#pending?.cancel();
    this.#searched = this.#text.value;
    this.#asked = JSON.stringify(this.#params());
    this.#fail();
    this.#replaceHits([]);
    this.#steps.hidden = true;
    this.#list(this.#scope.value !== "session");
    put(this.#said, "Searching…");
    const pending = askSlowly(this.app, "find", this.#params(), ({ partial }) => {
      this.#addHits(partial?.hits ?? []);
      this.#tell(this.hits.length, partial?.sessions ?? 0, false);
      put(this.#said, matches(this.#found), " so far");
    });
    this.#pending = pending;
    try {
      const { hits, count, sessions, scanned } = await pending;
      this.#replaceHits(hits);
      this.#tell(count, sessions, true);
      const where = `${plural(scanned.messages, "message")} of ${plural(scanned.sessions, "session")}`;
      const listed = hits.length < count ? `; showing the first ${hits.length}` : "";
      this.#finish("", ` in ${where}${listed}`);
    } catch (error) {
      if (pending !== this.#pending) return;
      const failure = /** @type {Failure} */ (error);
      const isStopped = failure.type === "cancelled";
      if (isStopped) {
        this.#tell(this.#found, this.sessions, true);
        this.#finish("Stopped. ");
        return;
      }
      this.#fail(failure);
      this.#list(false);
      put(this.#said);
    }
  }

  /**
   * Show why a search failed, or that nothing is wrong.
   * @param {Failure} [failure]
   */
  #fail(failure) {
    put(this.#problem, failure?.message);
    this.#text.ariaInvalid = String(failure?.field === "text");
  }

  /**
   * @param {number} found
   * @param {number} sessions
   * @param {boolean} isOver
   */
  #tell(found, sessions, isOver) {
    this.#found = found;
    this.sessions = sessions;
    this.#matches.tell(found, sessions, isOver);
    this.app.sessions.selection.draw();
  }

  /** @returns {FindParams} */
  #params() {
    return {
      scope: /** @type {FindParams["scope"]} */ (this.#scope.value),
      session_id: this.app.transcript.session,
      text: this.#text.value,
      ...this.#filters.values,
      limit: MAX_HITS,
    };
  }

  /** @param {Hit[]} hits */
  #replaceHits(hits) {
    this.hits = [];
    this.#at = -1;
    this.#matches.clear();
    this.#addHits(hits);
  }

  /** @param {Hit[]} hits */
  #addHits(hits) {
    const first = this.hits.length;
    this.hits = [...this.hits, ...hits];
    this.#found = this.hits.length;
    if (this.isListing) this.#matches.add(hits, first);
  }

  /**
   * @param {string} before
   * @param {string} [after]
   */
  #finish(before, after = "") {
    this.#steps.hidden = !this.hits.length;
    const found = this.#found ? matches(this.#found) : "No matches";
    put(this.#said, before, found, after);
    if (this.isListing) this.app.showPane("list");
    else if (this.hits.length) this.#step(1);
  }

  /** @param {number} by */
  #step(by) {
    const { length } = this.hits;
    this.goTo((this.#at + by + length) % length);
  }

  /**
   * Open match `at`.
   * @param {number} at
   */
  async goTo(at) {
    const { transcript } = this.app;
    const { session_id, index, identity, words } = this.hits[at];
    this.#at = at;
    if (this.isListing) this.#matches.moveTo(at);
    put(this.#said, `${count(at + 1)} of ${matches(this.#found)}`);
    this.app.showPane("talk");
    if (session_id !== transcript.session) await transcript.open(session_id, { index });
    await transcript.jump.to({ index, identity, text: words?.[0] ?? this.#searched });
    this.marks.draw();
  }

  /** What is searched for, and found: nothing while the bar is closed. */
  get marking() {
    const { regex, whole_words } = this.#filters.values;
    const isOn = !this.node.hidden && this.#searched && this.hits.length;
    return { text: isOn ? this.#searched : "", regex, whole_words };
  }

  /** The match that was gone to. */
  get current() {
    return this.hits[this.#at];
  }
}
