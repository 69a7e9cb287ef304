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
import { Listbox } from "./listbox.js";
import { askSlowly } from "./tasks.js";
import { ROLES, count, plural, visible } from "./text.js";

const MAX_HITS = 1000;
/** Matches that are marked in the transcript at most. */
const MAX_MARKS = 500;
const ROW_HEIGHT = 46;

export class SearchBar {
  #app;
  /** @type {Hit[]} */
  #hits = [];
  #found = 0;
  /** @type {import("./types.js").Pending<unknown> | null} */
  #pending = null;
  #searched = "";
  #highlighted = false;

  #text = field("Find", {
    type: "search",
    className: "grow",
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event),
  });
  #scope = choice("Where", { session: "This session", all: "All sessions" });
  #role = choice("Role", { "": "Any role", ...ROLES });
  #tool = field("Tool");
  #model = field("Model");
  #errors = h("input", { type: "checkbox" });
  #said = h("span.dim.grow", { role: "status" });
  #steps;
  #list;

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
    this.#steps = h(
      ".line",
      { hidden: true },
      iconButton("up", "Previous hit", () => this.#step(-1)),
      iconButton("down", "Next hit", () => this.#step(1)),
      exportButton(app, "Take hits away", "hits"),
    );
    this.#list = new Listbox({
      id: app.view + "-h",
      label: "Hits",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onMove: index => this.#goTo(index),
    });
    const close = iconButton("close", "Close find", () => this.hide());
    const errorsOnly = h("label.line", this.#errors, "Errors only");
    this.node = form(
      ".find",
      () => this.#search(),
      line(this.#text, this.#scope, submitButton("Find"), close),
      h(".line.wrap", this.#role, this.#tool, this.#model, errorsOnly),
      line(this.#said, this.#steps),
      this.#list.box,
    );
    this.#list.box.hidden = this.node.hidden = true;
  }

  show() {
    this.#app.showPane("talk");
    this.node.hidden = false;
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
        const isSame = this.#hits.length && this.#text.value === this.#searched;
        if (isSame) this.#step(event.shiftKey ? -1 : 1);
        else this.#search();
      },
    });
  }

  async #search() {
    this.#pending?.cancel();
    this.#searched = this.#text.value;
    this.#replaceHits([]);
    this.#steps.hidden = true;
    put(this.#said, "Looking…");
    const pending = askSlowly(this.#app, "find", this.#params(), ({ partial }) => {
      this.#addHits(partial?.hits ?? []);
      put(this.#said, plural(this.#found, "hit"), " so far");
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
    put(this.#said, before, this.#found ? plural(this.#found, "hit") : "No hits", after);
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
    put(this.#said, `${count(at + 1)} of ${plural(this.#found, "hit")}`);
    if (session_id === transcript.session) transcript.show(index, 0);
    else await transcript.open(session_id, { index });
    transcript.expect(index, identity);
    this.highlight();
  }

  /** Mark what was searched for in the messages on the screen; no markup is touched. */
  highlight() {
    const isShown = !this.node.hidden && this.#searched && this.#hits.length;
    const marks = isShown ? this.#matches() : [];
    if (this.#highlighted || marks.length) {
      const highlight = new Highlight(...marks);
      CSS.highlights?.set("chatmem", highlight);
    }
    this.#highlighted = marks.length > 0;
  }

  #matches() {
    const wanted = this.#searched.toLowerCase();
    const texts = document.createTreeWalker(this.#app.transcript.list.box, NodeFilter.SHOW_TEXT);
    /** @type {StaticRange[]} */
    const found = [];
    while (texts.nextNode() && found.length < MAX_MARKS) {
      const node = /** @type {Text} */ (texts.currentNode);
      const start = node.data.toLowerCase().indexOf(wanted);
      if (start >= 0) found.push(textRange(node, start, start + wanted.length));
    }
    return found;
  }
}

/**
 * @param {Text} node
 * @param {number} start
 * @param {number} end
 */
function textRange(node, start, end) {
  const endOffset = Math.min(node.length, end);
  return new StaticRange({
    startContainer: node,
    startOffset: start,
    endContainer: node,
    endOffset,
  });
}
