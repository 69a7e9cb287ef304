/** What a search across sessions found, in place of the list of sessions and grouped by session. */

/** @typedef {import("./protocol.js").Hit} Hit */
/** @typedef {import("./search_bar.js").SearchBar} SearchBar */
/** @typedef {import("./widget.js").Widget} Widget */

import { dim, h, icon, iconButton, label, line, notice, put } from "./dom.js";
import { Listbox } from "./listbox.js";
import { ROLES, count, matches, plural } from "./text.js";

const ROW_HEIGHT = 58;

/**
 * A row: a match, or the session that the following ones are of.
 * @typedef {{ hit: number } | { session: string, hit: number, found: number }} Row
 */

export class MatchList {
  #app;
  #search;
  /** @type {Row[]} */
  #rows = [];
  #title = h("b.grow", { role: "status" });
  /** @type {Listbox} */
  list;

  /**
   * @param {Widget} app
   * @param {SearchBar} search
   */
  constructor(app, search) {
    this.#app = app;
    this.#search = search;
    this.list = new Listbox({
      id: app.view + "-h",
      label: "Matches",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onMove: index => this.#go(index),
      actions: {
        " ": () => this.#tick(this.list.at),
        Enter: () => app.transcript.list.box.focus(),
        "/": () => search.show(),
      },
    });
    const close = iconButton("close", "Back to all sessions", () => search.hide());
    this.node = h(".matches", h(".bar", this.#title, close), this.list.node);
  }

  /** Begin anew. */
  clear() {
    this.#rows = [];
    this.list.reset(0);
    this.list.say();
    put(this.#title, "Searching…");
  }

  /**
   * @param {readonly Hit[]} hits
   * @param {number} first index of the first of them among all
   */
  add(hits, first) {
    /** @type {any} */
    let group = this.#rows.filter(row => "session" in row).pop();
    hits.forEach(({ session_id }, i) => {
      if (group?.session !== session_id)
        this.#rows.push((group = { session: session_id, hit: first + i, found: 0 }));
      group.found++;
      this.#rows.push({ hit: first + i });
    });
    this.list.resize(this.#rows.length);
    this.list.renew();
  }

  /**
   * Say how many there are.
   * @param {number} found
   * @param {number} sessions
   * @param {boolean} isOver whether the search is over
   */
  tell(found, sessions, isOver) {
    const text = `${matches(found)} in ${plural(sessions, "session")}`;
    const none = isOver ? "No matches" : "Searching…";
    put(this.#title, found ? text : none);
    const hint = "Try other words or fewer filters.";
    if (isOver && !found) this.list.say(notice("search", "No message matches", hint));
  }

  /**
   * Show match `hit` as the current one.
   * @param {number} hit
   */
  moveTo(hit) {
    const at = this.#rows.findIndex(row => row.hit === hit && !("session" in row));
    if (at >= 0) this.list.moveTo(at);
  }

  /** @param {number} index */
  #row(index) {
    const row = this.#rows[index];
    const onclick = (/** @type {MouseEvent} */ event) => this.#onClick(event, index);
    return "session" in row ? this.#group(row, onclick) : this.#match(row.hit, onclick);
  }

  /**
   * @param {{ session: string, found: number }} row
   * @param {(event: MouseEvent) => void} onclick
   */
  #group({ session, found }, onclick) {
    const title = matches(found);
    return h(
      ".group",
      { ariaSelected: String(this.#app.sessions.selection.has(session)), onclick },
      h("span.tick", icon("check")),
      label(session),
      h("span.num", { title }, count(found)),
    );
  }

  /**
   * @param {number} at
   * @param {(event: MouseEvent) => void} onclick
   */
  #match(at, onclick) {
    const hit = this.#search.hits[at];
    return h(
      ".hit",
      { ariaSelected: "false", onclick },
      line(h("b", ROLES[hit.role]), dim(`#${count(hit.index + 1)}`)),
      h(".said", this.#search.marks.marked(hit)),
    );
  }

  /**
   * @param {MouseEvent} event
   * @param {number} index
   */
  #onClick(event, index) {
    this.list.moveTo(index);
    const onTick = /** @type {Element} */ (event.target).closest(".tick");
    if (onTick || event.shiftKey) this.#tick(index);
    else this.#go(index, true);
  }

  /**
   * @param {number} index
   * @param {boolean} [isChosen] whether a click chose it; moving past a session opens nothing
   */
  #go(index, isChosen = false) {
    const row = this.#rows[index];
    if (row && (isChosen || !("session" in row))) this.#search.goTo(row.hit);
  }

  /** @param {number} index */
  #tick(index) {
    const row = this.#rows[index];
    if (row) this.#app.sessions.selection.toggle(this.#search.hits[row.hit].session_id);
  }
}
