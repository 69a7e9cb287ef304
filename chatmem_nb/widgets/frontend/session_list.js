/** The list of sessions: filter and order. */

/** @typedef {import("./protocol.js").SessionRow} SessionRow */
/** @typedef {import("./protocol.js").SessionPage} SessionPage */
/** @typedef {import("./types.js").Failure} Failure */

import {
  button,
  choice,
  cover,
  createTimer,
  field,
  focus,
  h,
  handleKey,
  icon,
  iconButton,
  line,
  notice,
  put,
  skeleton,
} from "./dom.js";
import { openKeys } from "./key_list.js";
import { fillLabelFilter, labelFilter, openSessionLabel } from "./labels.js";
import { Listbox } from "./listbox.js";
import { createSession, noLabels, noSessions, noSuchId } from "./no_sessions.js";
import { sessionRow } from "./session_row.js";
import { SessionSelection } from "./session_selection.js";
import { askSlowly } from "./tasks.js";
import { count, plural } from "./text.js";

/** Sessions that are asked for at once at least: those in view, and no others, cost a summary. */
const FEWEST = 8;
/** How far below those in view rows are drawn, in px. */
const MARGIN = 300;
const ROW_HEIGHT = 68;
/** An empty store is asked again after twice this, then after ever longer pauses, in ms. */
const FIRST_PAUSE_MS = 2_500;
const MAX_PAUSE_MS = 60_000;

const SORTS = {
  found: "Unsorted",
  id: "By id",
  length: "By length",
  last_write: "By last write (reads all sessions)",
  ttl: "By expiry",
};

export class SessionList {
  app;
  /** @type {Map<number, SessionRow>} the rows that are known, by index */
  #rows = new Map();
  /** Counts listings: what answers an older one is dropped. */
  #listing = 0;
  /** @type {import("./protocol.js").Tag[] | null | undefined} tags to filter by, if there are labels */
  tags;
  /** @type {import("./types.js").Pending<unknown> | null} */
  #pending = null;
  #failed = false;
  #isEmpty = false;
  /** @type {number | null} sessions that match; null until all were found */
  total = null;
  /** The session that was brought in view. */
  #shown = "";
  /** Whether it is to be brought in view as soon as its place is known. */
  #placing = false;
  #pause = FIRST_PAUSE_MS;
  #later = createTimer();
  #query;
  #sort;
  #label = labelFilter(() => this.load());
  /** @type {Listbox} */
  #list;
  #say;
  #cost = h(".cost", { role: "status" });
  selection = new SessionSelection(this);

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.app = app;
    this.#query = field("Filter sessions by id", {
      type: "search",
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onQueryKey(event),
    });
    this.#sort = choice("Sort sessions", SORTS, () => this.load());
    this.#list = new Listbox({
      onExtend: index => this.selection.extend(index),
      id: app.view + "-s",
      label: "Sessions",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onRows: (first, last) => this.#need(first, last),
      actions: {
        " ": () => this.selection.tick(this.#list.at),
        Enter: () => this.#read(this.#list.at),
        "?": () => openKeys(this.app),
        "/": () => this.#query.focus(),
        l: () => this.#openLabel(this.#list.at),
        Escape: () => this.selection.select([]),
      },
    });
    this.#list.box.ariaMultiSelectable = "true";
    const over = h(".over");
    this.#say = cover(this.#list.box, over);
    this.node = h(
      "aside.list",
      { ariaLabel: "Sessions" },
      this.#tools(),
      h(".body", this.#list.box, over),
      app.search.matches,
      this.selection.node,
      this.#cost,
    );
  }

  #tools() {
    const again = iconButton("again", "Refresh", () => this.load({ refresh: true }));
    const create = button([icon("plus"), "New"], () => createSession(this.app), ".quiet.w");
    return h(
      ".tools",
      line(h(".searchbox", icon("search"), this.#query), again),
      line(this.#sort, this.#label, h("span.grow"), create),
    );
  }

  close() {
    this.#later();
    this.#list.close();
  }

  /**
   * List anew; what is shown stays until the new rows are here.
   * @param {{ refresh?: boolean, keep?: boolean }} [options] `refresh`: ask the service again;
   *   `keep`: stay at the rows that are in view
   */
  load({ refresh = false, keep = false } = {}) {
    this.#later();
    this.#pending?.cancel();
    this.#listing++;
    if (!this.#list.total && !this.#isEmpty) this.#say(skeleton("Loading sessions"));
    const stay = keep && this.#rows.size > 0;
    const { first, last } = this.#list;
    const start = stay ? first : 0;
    const stop = stay ? last : Math.ceil((this.node.clientHeight + MARGIN) / ROW_HEIGHT);
    this.#fetch(start, stop, { refresh, isNew: true, stay });
  }

  /** Forget what was listed, filter and order: another store is shown. */
  begin() {
    this.#query.value = "";
    this.#sort.value = "found";
    this.#label.value = "";
    this.#rows.clear();
    this.#list.reset(0);
    this.#isEmpty = false;
    this.load();
  }

  /** While the store is empty, look whether it still is, ever more rarely. */
  #watch() {
    this.#pause = Math.min(MAX_PAUSE_MS, this.#pause * 2);
    this.#later(() => {
      const isSeen = this.app.visible && document.visibilityState === "visible";
      if (isSeen) this.load({ refresh: true });
      else this.#watch();
    }, this.#pause);
  }

  /** List again if that failed: the service is back. */
  retry() {
    if (this.#failed) this.load();
  }

  /** Draw the rows anew: another session is open. It is brought in view. */
  redraw() {
    const { shown } = this.app.transcript;
    this.#list.renew();
    if (shown === this.#shown || !this.#rows.size) return;
    this.#shown = shown;
    const known = [...this.#rows].find(([, { session_id }]) => session_id === shown);
    if (known) this.#list.show(known[0]);
    else if (shown) {
      this.#placing = true;
      this.load({ keep: true }); // its place comes along
    }
  }

  /**
   * Matches are shown in place of the sessions, or no longer.
   * @param {boolean} isCovered
   */
  covered(isCovered) {
    this.node.classList.toggle("searching", isCovered);
    this.selection.draw();
    if (isCovered && this.#query.value) {
      this.#query.value = ""; // it went into the search
      this.load();
    }
  }

  /**
   * Show the new length of a session.
   * @param {string} session_id
   * @param {number} length
   */
  grew(session_id, length) {
    const row = [...this.#rows.values()].find(one => one.session_id === session_id);
    if (!row) {
      this.load({ keep: true });
      return;
    }
    row.length = length;
    this.#list.renew();
    this.load({ keep: true }); // its preview and its time
  }

  /** The rows that are known, by index. */
  get rows() {
    return this.#rows;
  }

  /** Whether only some of the sessions are listed. */
  get isFiltered() {
    return Boolean(this.#wanted() || this.#label.value);
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
    const sort = /** @type {import("./protocol.js").SessionsParams["sort"]} */ (this.#sort.value);
    return {
      query: this.#wanted(),
      label: this.#label.value,
      of: this.#placing ? this.#shown : "",
      sort,
      descending: sort === "length" || sort === "last_write",
    };
  }

  #typed() {
    this.#later(() => this.load(), 200);
  }

  #wanted() {
    return this.#query.value.trim();
  }

  /** Open the id that was typed; where none is like it, it may be words of a message. */
  #openExactId() {
    if (!this.#wanted()) return;
    if (this.#isEmpty) this.app.search.show(this.#wanted());
    else this.app.open(this.#wanted());
  }

  /** @param {KeyboardEvent} event */
  #onQueryKey(event) {
    handleKey(event, {
      Enter: () => this.#openExactId(),
      ArrowDown: () => focus(this.#list.box),
      Escape: () => {
        this.#query.value = "";
        this.#typed();
      },
    });
  }

  /**
   * @param {number} start
   * @param {number} stop
   * @param {{ refresh?: boolean, isNew?: boolean, stay?: boolean }} [options]
   */
  async #fetch(start, stop, { refresh = false, isNew = false, stay = false } = {}) {
    const listing = this.#listing;
    const pending = askSlowly(this.app, "sessions", {
      ...this.listed(),
      start,
      stop: Math.max(stop, start + FEWEST),
      refresh,
    });
    this.#pending = pending;
    try {
      const page = await pending;
      if (listing !== this.#listing) return;
      if (isNew) this.#rows.clear();
      this.#pending = null;
      this.#failed = false;
      this.#take(start, page, isNew && !stay);
    } catch (error) {
      if (listing === this.#listing) this.#fail(/** @type {Failure} */ (error));
    }
  }

  /** @param {Failure} failure */
  #fail({ type, message }) {
    this.#pending = null;
    this.#failed = true;
    this.#list.reset(0);
    this.#rows.clear();
    const again = button("Try again", () => this.load());
    if (type === "cancelled") this.#say(notice("other", "Listing stopped", message, again));
    else this.#say(notice("warn", "Sessions could not be listed", message, again));
  }

  /**
   * @param {number} start
   * @param {SessionPage} page
   * @param {boolean} atStart whether to show it from its start
   */
  #take(start, { rows, total, complete, found, at, cost, tags }, atStart) {
    this.tags = tags;
    fillLabelFilter(this.app, this.#label);
    rows.forEach((row, i) => this.#rows.set(start + i, row));
    // One row more than is known stands for those that follow.
    const known = total ?? found + (complete ? 0 : 1);
    const here = this.#rows.size;
    const isPart = total != null && here < total;
    put(
      this.#cost,
      isPart && `${count(here)} of `,
      plural(total ?? found, "session"),
      total == null && " so far",
    );
    this.#cost.title = `${cost}. ${this.app.hello.price_note ?? ""}`;
    this.#isEmpty = !known;
    this.total = total;
    this.selection.draw();
    if (!known) {
      this.#list.reset(0);
      this.#say(this.#nothing());
      if (!this.#wanted()) this.#watch();
      return;
    }
    this.#pause = FIRST_PAUSE_MS;
    this.#say();
    if (atStart) {
      this.#list.at = 0;
      this.#list.reset(known);
    }
    this.#list.resize(known);
    if (at != null && this.#placing) this.#list.show(at);
    this.#placing = false;
    this.redraw();
  }

  #nothing() {
    const words = this.#wanted();
    if (this.#label.value) return noLabels();
    if (words) return noSuchId(this.app, words);
    return noSessions(
      () => this.load({ refresh: true }),
      () => createSession(this.app),
    );
  }

  /**
   * Ask for the rows between `from` and `to` that are not known.
   * @param {number} from
   * @param {number} to
   */
  #need(from, to) {
    while (from < to && this.#rows.has(from)) from++;
    while (from < to && this.#rows.has(to - 1)) to--;
    if (from < to && !this.#pending) this.#fetch(from, to);
  }

  /** @param {number} index */
  #row(index) {
    const row = this.#rows.get(index);
    if (!row) return h(".session.waiting", { ariaSelected: "false", ariaLabel: "Loading" });
    return sessionRow(this.app, row, {
      isSelected: this.selection.has(row.session_id),
      isByTime: this.#sort.value === "last_write",
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
    const row = this.#rows.get(index);
    if (row) openSessionLabel(this.app, row.session_id, row.label);
  }

  /** @param {number} index */
  async #open(index) {
    const row = this.#rows.get(index);
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
