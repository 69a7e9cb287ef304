/** The search in the messages of one session or of all, and its hits. */

/** @typedef {import("./protocol.js").Hit} Hit */
/** @typedef {import("./types.js").Failure} Failure */

import {
  choice,
  dim,
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
import { Listbox } from "./listbox.js";
import { askSlowly } from "./tasks.js";
import { ROLES, count, plural, visible } from "./text.js";

const MAX_HITS = 1000;
/** Matches that are marked in the transcript at most. */
const MAX_MARKS = 500;
const ROW_HEIGHT = 46;
/** A match does not go on from one of these into another. */
const BLOCKS = "p, li, pre, td, th, h1, h2, h3, h4, h5, h6, blockquote, summary, div, span.dim";

export class SearchBar {
  #app;
  /** @type {Hit[]} */
  #hits = [];
  #found = 0;
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
  #scope = choice("Search in", { session: "This session", all: "All sessions" });
  #role = choice("Role", { "": "Any role", ...ROLES }, () => this.#refine());
  #tool = field("Tool", { onchange: () => this.#refine() });
  #model = field("Model", { onchange: () => this.#refine() });
  #label = labelFilter(() => this.#refine());
  #errors = h("input", { type: "checkbox", onchange: () => this.#refine() });
  #said = h("span.dim.grow", { role: "status" });
  #steps;
  #list;

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
    this.#steps = h(
      ".line",
      { hidden: true },
      iconButton("up", "Previous match", () => this.#step(-1)),
      iconButton("down", "Next match", () => this.#step(1)),
      exportButton(app, "Export matches", "hits"),
    );
    this.#list = new Listbox({
      id: app.view + "-h",
      label: "Matches",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onMove: index => this.#goTo(index),
    });
    const close = iconButton("close", "Close search", () => this.hide());
    const errorsOnly = h("label.line", this.#errors, "Errors only");
    this.node = form(
      ".find",
      () => this.#search(),
      line(this.#text, this.#scope, submitButton("Search"), close),
      h(".line.wrap", this.#role, this.#tool, this.#model, this.#label, errorsOnly),
      line(this.#said, this.#steps),
      this.#list.box,
    );
    this.#list.box.hidden = this.node.hidden = true;
  }

  /** @param {string} [text] to be searched for, in all sessions */
  show(text) {
    this.#app.showPane("talk");
    this.node.hidden = false;
    fillLabelFilter(this.#app, this.#label);
    if (text) {
      this.#text.value = text;
      this.#scope.value = "all";
      this.#search();
    }
    this.#scope.options[0].disabled = !this.#app.transcript.session;
    if (!this.#app.transcript.session) this.#scope.value = "all";
    this.#text.select();
  }

  hide() {
    this.#pending?.cancel();
    this.node.hidden = true;
    this.highlight();
    focus(this.#app.transcript.list.box);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    handleKey(event, {
      Escape: () => this.hide(),
      Enter: () => {
        const isSame = this.#hits.length && JSON.stringify(this.#params()) === this.#asked;
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
    this.#replaceHits([]);
    this.#steps.hidden = true;
    put(this.#said, "Searching…");
    const pending = askSlowly(this.#app, "find", this.#params(), ({ partial }) => {
      this.#addHits(partial?.hits ?? []);
      put(this.#said, plural(this.#found, "match", "matches"), " so far");
    });
    this.#pending = pending;
    try {
      const { hits, count, scanned } = await pending;
      this.#replaceHits(hits);
      this.#found = count;
      const where = `${plural(scanned.messages, "message")} of ${plural(scanned.sessions, "session")}`;
      this.#finish("", " in " + where);
    } catch (error) {
      const { type, message } = /** @type {Failure} */ (error);
      if (pending === this.#pending)
        this.#finish(type === "cancelled" ? "Stopped. " : message + " ");
    }
  }

  #params() {
    /** @typedef {import("./protocol.js").FindParams} FindParams */
    return {
      scope: /** @type {FindParams["scope"]} */ (this.#scope.value),
      session_id: this.#app.transcript.session,
      text: this.#text.value,
      role: /** @type {FindParams["role"]} */ (this.#role.value),
      tool: this.#tool.value,
      model: this.#model.value,
      errors_only: this.#errors.checked,
      label: this.#label.value,
      limit: MAX_HITS,
    };
  }

  /** @param {Hit[]} hits */
  #replaceHits(hits) {
    this.#hits = [];
    this.#list.reset(0);
    this.#addHits(hits);
  }

  /** @param {Hit[]} hits */
  #addHits(hits) {
    this.#hits = [...this.#hits, ...hits];
    this.#found = this.#hits.length;
    this.#list.box.hidden = this.#scope.value !== "all" || !this.#found;
    this.#list.resize(this.#found);
  }

  /**
   * @param {string} before
   * @param {string} [after]
   */
  #finish(before, after = "") {
    this.#steps.hidden = !this.#hits.length;
    put(
      this.#said,
      before,
      this.#found ? plural(this.#found, "match", "matches") : "No matches",
      after,
    );
    this.#list.at = -1;
    if (this.#hits.length && this.#scope.value === "session") this.#step(1);
  }

  /** @param {number} index */
  #row(index) {
    const { session_id, index: place, role, snippet, at } = this.#hits[index];
    const [from, to] = at;
    const letters = [...snippet]; // as Python counts them
    const part = (
      /** @type {number | undefined} */ start,
      /** @type {number | undefined} */ stop,
    ) => visible(letters.slice(start, stop).join(""));
    const onclick = () => {
      this.#list.moveTo(index);
      this.#goTo(index);
    };
    return h(
      ".hit",
      { ariaSelected: "false", onclick },
      line(h("b.clip", visible(session_id)), dim(`#${count(place + 1)} ${ROLES[role]}`)),
      h(".said", part(0, from), h("mark", part(from, to)), part(to, undefined)),
    );
  }

  /** @param {number} by */
  #step(by) {
    const { length } = this.#hits;
    this.#list.moveTo((this.#list.at + by + length) % length);
    this.#goTo(this.#list.at);
  }

  /** @param {number} at */
  async #goTo(at) {
    const { transcript } = this.#app;
    const { session_id, index, identity } = this.#hits[at];
    put(this.#said, `${count(at + 1)} of ${plural(this.#found, "match", "matches")}`);
    if (session_id !== transcript.session) await transcript.open(session_id, { index });
    await transcript.goTo({ index, identity, text: this.#searched });
    this.highlight();
  }

  /** Mark what was searched for in the messages on the screen; no markup is touched. */
  highlight() {
    const { box } = this.#app.transcript.list;
    const marks = this.#isMarking() ? matchesIn(box, this.#searched, MAX_MARKS) : [];
    if (this.#highlighted || marks.length) {
      const highlight = new Highlight(...marks);
      CSS.highlights?.set("chatmem", highlight);
    }
    this.#highlighted = marks.length > 0;
  }

  /**
   * Scroll to the first match in `row`, if it is out of sight.
   * @param {HTMLElement | undefined} row
   */
  showMatch(row) {
    const { box } = this.#app.transcript.list;
    const [first] = row && this.#isMarking() ? matchesIn(row, this.#searched, 1) : [];
    if (!first) return;
    const view = box.getBoundingClientRect();
    const { top, bottom } = first.getBoundingClientRect();
    if (top < view.top || bottom > view.bottom) box.scrollTop += top - view.top - view.height / 3;
  }

  #isMarking() {
    return !this.node.hidden && Boolean(this.#searched) && this.#hits.length > 0;
  }
}

/**
 * Return the ranges in `node` that hold `text`; case does not count.
 *
 * Paragraphs and the like end a match; marked-up words inside one do not.
 * @param {Element} node
 * @param {string} text
 * @param {number} most
 */
function matchesIn(node, text, most) {
  const wanted = text.toLowerCase();
  /** @type {Range[]} */
  const found = [];
  for (const run of textRuns(node)) {
    const whole = run
      .map(one => one.data)
      .join("")
      .toLowerCase();
    let at = whole.indexOf(wanted);
    while (at >= 0 && found.length < most) {
      found.push(rangeOf(run, at, at + wanted.length));
      at = whole.indexOf(wanted, at + wanted.length);
    }
  }
  return found;
}

/**
 * Return the text nodes under `node` that are shown, those of one paragraph together.
 * @param {Element} node
 */
function textRuns(node) {
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  /** @type {Text[][]} */
  const runs = [];
  let block = null;
  while (texts.nextNode()) {
    const one = /** @type {Text} */ (texts.currentNode);
    const around = one.parentElement?.closest(BLOCKS) ?? null;
    if (around !== block || !runs.length) runs.push([]);
    block = around;
    runs[runs.length - 1].push(one);
  }
  return runs;
}

/**
 * @param {Text[]} run
 * @param {number} start
 * @param {number} end
 */
function rangeOf(run, start, end) {
  const range = new Range();
  let from = 0;
  for (const one of run) {
    const to = from + one.length;
    if (start >= from && start < to) range.setStart(one, start - from);
    if (end > from && end <= to) range.setEnd(one, end - from);
    from = to;
  }
  return range;
}
