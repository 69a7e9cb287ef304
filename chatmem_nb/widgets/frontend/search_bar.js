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
import { fillLabelFilter, labelFilter } from "./labels.js";
import { matchesIn, patternOf } from "./marks.js";
import { MatchList } from "./match_list.js";
import { askSlowly } from "./tasks.js";
import { ROLES, count, plural, visible } from "./text.js";

const MAX_HITS = 1000;
/** Matches that are marked in the transcript at most. */
const MAX_MARKS = 500;

export class SearchBar {
  #app;
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
  #highlighted = false;

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
  #role = choice("Role", { "": "Any role", ...ROLES }, () => this.#refine());
  #tool = field("Tool", { onchange: () => this.#refine() });
  #model = field("Model", { onchange: () => this.#refine() });
  #label = labelFilter(() => this.#refine());
  #since = field("From", { type: "date", onchange: () => this.#refine() });
  #until = field("To", { type: "date", onchange: () => this.#refine() });
  #whole = this.#box();
  #regex = this.#box();
  #errors = this.#box();
  #problem = alertBox();
  #said = h("span.dim.grow", { role: "status" });
  #steps;
  #matches;

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
    this.#matches = new MatchList(app, this);
    this.#steps = h(
      ".line",
      { hidden: true },
      iconButton("up", "Previous match", () => this.#step(-1)),
      iconButton("down", "Next match", () => this.#step(1)),
      exportButton(app, "Export matches", "hits"),
    );
    const close = iconButton("close", "Close search", () => this.hide());
    const failed = { title: "Failed tool calls, and records that cannot be read" };
    this.node = form(
      ".find",
      () => this.#search(),
      line(this.#text, this.#scope, submitButton("Search"), close),
      this.#problem,
      h(
        ".line.wrap",
        h("label.line", this.#whole, "Whole words"),
        h("label.line", this.#regex, "Regular expression"),
        h("label.line", failed, this.#errors, "Errors only"),
        this.#role,
        this.#tool,
        this.#model,
        this.#label,
        h("label.line", "From", this.#since),
        h("label.line", "To", this.#until),
      ),
      line(this.#said, this.#steps),
    );
    this.node.hidden = true;
  }

  /** The list of matches, for the left pane. */
  get matches() {
    return this.#matches.node;
  }

  #box() {
    return h("input", { type: "checkbox", onchange: () => this.#refine() });
  }

  /** @param {string} [text] to be searched for, in all sessions */
  show(text) {
    this.#app.showPane("talk");
    this.node.hidden = false;
    fillLabelFilter(this.#app, this.#label);
    const [here, selected] = this.#scope.options;
    here.disabled = !this.#app.transcript.session;
    selected.disabled = !this.#app.sessions.ticked;
    if (text) this.#text.value = text;
    if (text || this.#scope.selectedOptions[0].disabled) this.#scope.value = "all";
    if (text) this.#search();
    this.#text.select();
  }

  hide() {
    this.#pending?.cancel();
    this.node.hidden = true;
    this.#list(false);
    this.highlight();
    focus(this.#app.transcript.list.box);
  }

  /**
   * Show the matches in the left pane, or the sessions.
   * @param {boolean} isListing
   */
  #list(isListing) {
    this.isListing = isListing;
    this.#app.sessions.covered(isListing);
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
    const pending = askSlowly(this.#app, "find", this.#params(), ({ partial }) => {
      this.#addHits(partial?.hits ?? []);
      this.#tell(this.hits.length, partial?.sessions ?? 0, false);
      put(this.#said, plural(this.#found, "match", "matches"), " so far");
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
    this.#app.sessions.drawPicked();
  }

  /** @returns {FindParams} */
  #params() {
    return {
      scope: /** @type {FindParams["scope"]} */ (this.#scope.value),
      session_id: this.#app.transcript.session,
      text: this.#text.value,
      regex: this.#regex.checked,
      whole_words: this.#whole.checked,
      role: /** @type {FindParams["role"]} */ (this.#role.value),
      tool: this.#tool.value,
      model: this.#model.value,
      errors_only: this.#errors.checked,
      label: this.#label.value,
      since: midnight(this.#since.value),
      until: midnight(this.#until.value, 1),
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
    const found = this.#found ? plural(this.#found, "match", "matches") : "No matches";
    put(this.#said, before, found, after);
    if (this.isListing) this.#app.showPane("list");
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
    const { transcript } = this.#app;
    const { session_id, index, identity, words } = this.hits[at];
    this.#at = at;
    if (this.isListing) this.#matches.moveTo(at);
    put(this.#said, `${count(at + 1)} of ${plural(this.#found, "match", "matches")}`);
    this.#app.showPane("talk");
    if (session_id !== transcript.session) await transcript.open(session_id, { index });
    await transcript.goTo({ index, identity, text: words?.[0] ?? this.#searched });
    this.highlight();
  }

  /**
   * Return a snippet with the words of match `at` marked.
   * @param {number} at
   * @param {string} snippet
   */
  marked(at, snippet) {
    const pattern = this.#patternOf(this.hits[at]);
    const parts = pattern ? snippet.split(pattern) : [snippet];
    return parts.map((part, i) => (i % 2 ? h("mark", visible(part)) : visible(part)));
  }

  /**
   * What is to be marked in the message of `hit`.
   * @param {Hit | undefined} hit
   */
  #patternOf(hit) {
    const words = this.#regex.checked ? (hit?.words ?? []) : [this.#searched];
    return patternOf(words, this.#whole.checked);
  }

  /** Mark what was searched for in the messages on the screen; no markup is touched. */
  highlight() {
    const marks = this.#isMarking() ? this.#marks() : [];
    if (this.#highlighted || marks.length) CSS.highlights?.set("chatmem", new Highlight(...marks));
    this.#highlighted = marks.length > 0;
  }

  #marks() {
    const { list, session } = this.#app.transcript;
    if (!this.#regex.checked) return matchesIn(list.box, this.#patternOf(undefined), MAX_MARKS);
    const hits = this.hits.filter(
      hit => hit.session_id === session && hit.index >= list.first && hit.index < list.last,
    );
    return hits.flatMap(hit =>
      matchesIn(list.rows[hit.index - list.first], this.#patternOf(hit), MAX_MARKS),
    );
  }

  /**
   * Scroll to the first match in `row`, if it is out of sight.
   * @param {HTMLElement | undefined} row
   */
  showMatch(row) {
    const { box } = this.#app.transcript.list;
    const pattern = this.#isMarking() ? this.#patternOf(this.hits[this.#at]) : null;
    const [first] = row ? matchesIn(row, pattern, 1) : [];
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

  #isMarking() {
    return !this.node.hidden && Boolean(this.#searched) && this.hits.length > 0;
  }
}

/**
 * The moment at which a day begins here, or the one `days` later; "" for none.
 * @param {string} day
 */
function midnight(day, days = 0) {
  if (!day) return "";
  const start = new Date(day + "T00:00");
  start.setDate(start.getDate() + days); // a day of 23 hours is one as well
  return start.toISOString();
}
