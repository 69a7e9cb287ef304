/** The list of sessions: its rows, what stands in their place, and what a click or a key does. */

/** @typedef {import("./protocol.js").SessionPage} SessionPage */
/** @typedef {import("./types.js").Failure} Failure */

import { button, focus, h, icon, iconButton, line, notice, put, skeleton } from "./dom.js";
import { openKeys } from "./key_list.js";
import { openSessionLabel } from "./labels.js";
import { Listbox } from "./listbox.js";
import { createPoll, createSession, noLabels, noSessions, noSuchId } from "./no_sessions.js";
import { createSessionFilter } from "./session_filter.js";
import { sessionRow } from "./session_row.js";
import { createSessionRows } from "./session_rows.js";
import { createSessionSelection } from "./session_selection.js";
import { count, plural } from "./text.js";

/** How far below those in view rows are drawn, in px. */
const MARGIN = 300;
const ROW_HEIGHT = 68;

export class SessionList {
  app;
  /** @type {import("./protocol.js").Tag[] | null | undefined} tags to filter by, if there are labels */
  tags;
  /** @type {number | null} sessions that match; null until all were found */
  total = null;
  #failed = false;
  #isEmpty = false;
  /** The session that was brought in view. */
  #shown = "";
  /** Whether it is to be brought in view as soon as its place is known. */
  #placing = false;
  /** Whether the next rows are shown where the list stands. */
  #stays = false;
  #poll;
  filter = createSessionFilter(this);
  #rows = createSessionRows(this);
  /** @type {Listbox} */
  #list;
  #cost = h(".cost", { role: "status" });
  selection = createSessionSelection(this);

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.app = app;
    this.#poll = createPoll(app, () => this.load(true));
    this.#list = new Listbox({
      onExtend: index => this.selection.extend(index),
      id: app.view + "-s",
      label: "Sessions",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onRows: (first, last) => this.#rows.need(first, last),
      actions: {
        " ": () => this.selection.tick(this.#list.at),
        Enter: () => this.#read(this.#list.at),
        "?": () => openKeys(this.app),
        "/": () => this.filter.focus(),
        l: () => this.#openLabel(this.#list.at),
        Escape: () => this.selection.select([]),
      },
    });
    this.node = h(
      "aside.list",
      { ariaLabel: "Sessions" },
      this.#tools(),
      this.#list.node,
      app.search.matches,
      this.selection.node,
      this.#cost,
    );
  }

  #tools() {
    const { query, order } = this.filter;
    const again = iconButton("again", "Refresh", () => this.load(true));
    const create = button([icon("plus"), "New"], () => createSession(this.app), ".quiet.w");
    return h(".tools", line(query, again), line(order, h("span.grow"), create));
  }

  close() {
    this.#poll.stop();
    this.filter.stop();
    this.#list.close();
  }

  /** List again what is listed, and stay at the rows in view: something has changed. */
  reload() {
    this.load(false, true);
  }

  /**
   * List anew; what is shown stays until the new rows are here.
   * @param {boolean} [refresh] whether to ask the service again
   * @param {boolean} [stays] whether to stay at the rows in view
   */
  load(refresh = false, stays = false) {
    this.#poll.stop();
    this.filter.stop();
    if (!this.#list.total && !this.#isEmpty) this.#list.say(skeleton("Loading sessions"));
    this.#stays = stays && this.rows.size > 0;
    const { first, last } = this.#list;
    const inView = Math.ceil((this.node.clientHeight + MARGIN) / ROW_HEIGHT);
    if (this.#stays) this.#rows.load(first, last, refresh);
    else this.#rows.load(0, inView, refresh);
  }

  /** Forget what was listed, filter and order: another store is shown. */
  begin() {
    this.filter.clear();
    this.rows.clear();
    this.#list.reset(0);
    this.#isEmpty = false;
    this.load();
  }

  /** List again if that failed: the service is back. */
  retry() {
    if (this.#failed) this.load();
  }

  /** Draw the rows anew: another session is open. It is brought in view. */
  redraw() {
    const { shown } = this.app.transcript;
    this.#list.renew();
    if (shown === this.#shown || !this.rows.size) return;
    this.#shown = shown;
    const known = this.#rows.indexOf(shown);
    if (known !== undefined) this.#list.show(known);
    else if (shown) {
      this.#placing = true;
      this.reload(); // its place comes along
    }
  }

  /**
   * Matches are shown in place of the sessions, or no longer.
   * @param {boolean} isCovered
   */
  covered(isCovered) {
    this.node.classList.toggle("searching", isCovered);
    this.selection.draw();
    if (isCovered && this.listed().query) {
      this.filter.clearWords(); // they went into the search
      this.load();
    }
  }

  /**
   * Show the new length of a session.
   * @param {string} session_id
   * @param {number} length
   */
  grew(session_id, length) {
    const row = this.rows.get(this.#rows.indexOf(session_id) ?? -1);
    if (row) {
      row.length = length;
      this.#list.renew();
    }
    this.reload(); // its preview and its time
  }

  /** The rows that are known, by index. */
  get rows() {
    return this.#rows.known;
  }

  /** Draw the rows anew: others are selected. */
  renew() {
    this.#list.renew();
  }

  /** Go on with the keyboard in the list. */
  focus() {
    focus(this.#list.box);
  }

  /** What is listed, and in which order. */
  listed() {
    return { ...this.filter.values(), of: this.#placing ? this.#shown : "" };
  }

  /**
   * Open the id that was typed; where none is like it, it may be words of a message.
   * @param {string} words
   */
  openExactId(words) {
    if (this.#isEmpty) this.app.search.show(words);
    else this.app.open(words);
  }

  /**
   * Listing failed, or was stopped.
   * @param {Failure} failure
   */
  fail({ type, message }) {
    this.#failed = true;
    this.#list.reset(0);
    const again = button("Try again", () => this.load());
    if (type === "cancelled") this.#list.say(notice("other", "Listing stopped", message, again));
    else this.#list.say(notice("warn", "Sessions could not be listed", message, again));
  }

  /**
   * Show rows that have arrived.
   * @param {SessionPage} page
   * @param {boolean} isNew whether the sessions were listed anew
   */
  take(page, isNew) {
    const { total, complete, found, at, tags } = page;
    // One row more than is known stands for those that follow.
    const known = total ?? found + (complete ? 0 : 1);
    this.#failed = false;
    this.tags = tags;
    this.filter.fill();
    this.#showCost(page);
    this.#isEmpty = !known;
    this.total = total;
    this.selection.draw();
    if (!known) {
      this.#list.reset(0);
      this.#list.say(this.#nothing());
      if (!this.listed().query) this.#poll.start();
      return;
    }
    this.#poll.reset();
    this.#list.say();
    if (isNew && !this.#stays) {
      this.#list.at = 0;
      this.#list.reset(known);
    }
    this.#list.resize(known);
    if (at != null && this.#placing) this.#list.show(at);
    this.#placing = false;
    this.redraw();
  }

  /** @param {SessionPage} page */
  #showCost({ total, found, cost }) {
    const { size } = this.rows;
    put(
      this.#cost,
      total != null && size < total && `${count(size)} of `,
      plural(total ?? found, "session"),
      total == null && " so far",
    );
    this.#cost.title = `${cost}. ${this.app.hello.price_note ?? ""}`;
  }

  #nothing() {
    const { label, query } = this.listed();
    if (label) return noLabels();
    if (query) return noSuchId(this.app, query);
    return noSessions(
      this.app.hello.service,
      () => this.load(true),
      () => createSession(this.app),
    );
  }

  /** @param {number} index */
  #row(index) {
    const row = this.rows.get(index);
    if (!row) return h(".session.waiting", { ariaSelected: "false", ariaLabel: "Loading" });
    return sessionRow(this.app, row, {
      isSelected: this.selection.has(row.session_id),
      isByTime: this.listed().sort === "last_write",
      onclick: event => this.#onClick(event, index),
    });
  }

  /**
   * @param {MouseEvent} event
   * @param {number} index
   */
  #onClick(event, index) {
    this.#list.moveTo(index);
    const onTick = /** @type {Element} */ (event.target).closest(".tick");
    if (event.shiftKey) this.selection.extend(index);
    else if (onTick || event.ctrlKey || event.metaKey) this.selection.tick(index);
    else {
      this.selection.beginAt(index);
      this.#open(index);
    }
  }

  /** @param {number} index */
  #openLabel(index) {
    const row = this.rows.get(index);
    if (row) openSessionLabel(this.app, row.session_id, row.label);
  }

  /** @param {number} index */
  async #open(index) {
    const row = this.rows.get(index);
    if (row) await this.app.open(row.session_id);
  }

  /**
   * Open a session, and go on in its messages.
   * @param {number} index
   */
  async #read(index) {
    await this.#open(index);
    focus(this.app.transcript.list.box);
  }
}
