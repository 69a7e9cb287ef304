/** The list of sessions: filter, order, and the ticked ones. */

/** @typedef {import("./protocol.js").SessionRow} SessionRow */
/** @typedef {import("./protocol.js").SessionPage} SessionPage */
/** @typedef {import("./protocol.js").Preview} Preview */
/** @typedef {import("./types.js").Failure} Failure */

import { clearSessions } from "./clear_sessions.js";
import { compareSessions } from "./compare.js";
import { openPrompt } from "./dialog.js";
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
  label,
  line,
  notice,
  put,
  skeleton,
} from "./dom.js";
import { exportButton } from "./export_sheet.js";
import { Listbox } from "./listbox.js";
import { askSlowly } from "./tasks.js";
import { ROLES, ago, count, duration, visible } from "./text.js";

/** Sessions that are asked for at once. */
const PAGE = 50;
const ROW_HEIGHT = 68;

const SORTS = {
  found: "As found",
  id: "By id",
  length: "By length",
  last_write: "By last write",
  ttl: "By expiry",
};

export class SessionList {
  #app;
  /** @type {Map<number, SessionRow>} the rows that are known, by index */
  #rows = new Map();
  /** @type {Set<string>} */
  #ticked = new Set();
  /** Counts listings: what answers an older one is dropped. */
  #listing = 0;
  /** @type {import("./types.js").Pending<unknown> | null} */
  #pending = null;
  #failed = false;
  #later = createTimer();
  #query;
  #sort;
  /** @type {Listbox} */
  #list;
  #say;
  #cost = h(".cost", { role: "status" });
  #picked = h(".picked", { hidden: true });

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
    this.#query = field("Filter, or an exact id", {
      type: "search",
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onQueryKey(event),
    });
    this.#sort = choice("Sort sessions", SORTS, () => this.load());
    this.#list = new Listbox({
      id: app.view + "-s",
      label: "Sessions",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onRows: (first, last) => this.#need(first, last),
      actions: {
        " ": () => this.#tick(this.#list.at),
        Enter: () => this.#open(this.#list.at),
        "/": () => this.#query.focus(),
      },
    });
    this.#list.box.ariaMultiSelectable = "true";
    const over = h(".over");
    this.#say = cover(this.#list.box, over);
    this.node = h(
      "aside.list",
      { ariaLabel: "Sessions" },
      h(".tools", h(".searchbox", icon("search"), this.#query), this.#tools()),
      h(".body", this.#list.box, over),
      this.#picked,
      this.#cost,
    );
  }

  #tools() {
    const again = iconButton("again", "Load again", () => this.load({ refresh: true }));
    const create = button([icon("plus"), "New"], () => this.#create(), ".quiet.w");
    return line(this.#sort, again, h("span.grow"), create);
  }

  close() {
    this.#later();
    this.#list.close();
  }

  /**
   * List anew.
   * @param {{ refresh?: boolean, keep?: boolean }} [options] `refresh`: ask the service again;
   *   `keep`: what is shown stays until the new rows are here
   */
  load({ refresh = false, keep = false } = {}) {
    this.#later();
    this.#pending?.cancel();
    this.#listing++;
    if (keep && this.#rows.size) {
      this.#fetch(this.#list.first, { refresh, keep });
      return;
    }
    this.#rows.clear();
    this.#list.at = 0;
    this.#say(skeleton("Loading sessions"));
    this.#fetch(0, { refresh });
  }

  /** List again if that failed: the service is back. */
  retry() {
    if (this.#failed) this.load();
  }

  /** Draw the rows anew: another session is open. */
  redraw() {
    this.#list.renew();
  }

  /**
   * Tick exactly these sessions.
   * @param {string[]} session_ids
   * @param {boolean} [told] the kernel knows already
   */
  select(session_ids, told = false) {
    this.#ticked = new Set(session_ids);
    this.#list.renew();
    this.#picked.hidden = !this.#ticked.size;
    const selectNone = () => {
      this.select([]);
      focus(this.#list.box);
    };
    const [a, b] = this.#ticked;
    const compare = button("Compare", () => compareSessions(this.#app, a, b, compare), ".quiet");
    put(
      this.#picked,
      h("span.grow", `${count(this.#ticked.size)} selected`),
      this.#ticked.size === 2 && compare,
      iconButton(
        "trash",
        "Clear selected",
        () => clearSessions(this.#app, [...this.#ticked]),
        ".w",
      ),
      exportButton(this.#app, "Take selected away", "selected"),
      iconButton("close", "Select none", selectNone),
    );
    if (!told) this.#app.ask("select", { session_ids });
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
  }

  #typed() {
    this.#later(() => this.load(), 200);
  }

  #wanted() {
    return this.#query.value.trim();
  }

  #openExactId() {
    if (this.#wanted()) this.#app.open(this.#wanted());
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

  #create() {
    const words = {
      title: "New session",
      hint: "It is stored with its first message.",
      label: "Session id",
      action: "Create",
    };
    openPrompt(this.#app, words, id => {
      if (id) this.#app.open(id, { create: true });
    });
  }

  /**
   * @param {number} start
   * @param {{ refresh?: boolean, keep?: boolean }} [options]
   */
  async #fetch(start, { refresh = false, keep = false } = {}) {
    const listing = this.#listing;
    const sort = /** @type {import("./protocol.js").SessionsParams["sort"]} */ (this.#sort.value);
    const pending = askSlowly(this.#app, "sessions", {
      query: this.#wanted(),
      sort,
      descending: sort === "length" || sort === "last_write",
      start,
      stop: start + PAGE,
      refresh,
    });
    this.#pending = pending;
    try {
      const page = await pending;
      if (listing !== this.#listing) return;
      if (keep) this.#rows.clear();
      this.#pending = null;
      this.#failed = false;
      this.#take(start, page);
    } catch (error) {
      if (listing === this.#listing) this.#fail(/** @type {Failure} */ (error));
    }
  }

  /** @param {Failure} failure */
  #fail({ type, message }) {
    this.#pending = null;
    this.#failed = true;
    const again = button("List again", () => this.load());
    if (type === "cancelled") this.#say(notice("other", "Listing stopped", message, again));
    else this.#say(notice("warn", "Sessions could not be listed", message, again));
  }

  /**
   * @param {number} start
   * @param {SessionPage} page
   */
  #take(start, { rows, total, complete, cost }) {
    rows.forEach((row, i) => this.#rows.set(start + i, row));
    // One row more than is known stands for those that follow.
    const known = total ?? start + rows.length + (complete ? 0 : 1);
    put(this.#cost, cost);
    this.#cost.title = this.#app.hello.price_note ?? "";
    if (!known) {
      this.#say(this.#nothing());
      return;
    }
    this.#say();
    if (!start && !this.#list.at) this.#list.reset(known);
    this.#list.resize(known);
    this.#list.renew();
  }

  #nothing() {
    if (this.#wanted()) {
      const hint = "The filter looks for its text anywhere in an id; * and ? are wildcards.";
      const open = button("Open this exact id", () => this.#openExactId());
      return notice("search", "No session matches", hint, open);
    }
    const hint = "Conversations appear here as soon as one is stored.";
    const create = button("New session", () => this.#create(), ".w");
    return notice("other", "No sessions yet", hint, create);
  }

  /**
   * Ask for the first row between `from` and `to` that is not known, and those that follow it.
   * @param {number} from
   * @param {number} to
   */
  #need(from, to) {
    while (from < to && this.#rows.has(from)) from++;
    if (from < to && !this.#pending) this.#fetch(from);
  }

  /** @param {number} index */
  #row(index) {
    const row = this.#rows.get(index);
    if (!row) return h(".session.waiting", { ariaSelected: "false", ariaLabel: "Loading" });
    const { session_id, length, first } = row;
    const props = {
      ariaSelected: this.#ticked.has(session_id),
      ariaCurrent: session_id === this.#app.transcript.session || null,
      onclick: (/** @type {MouseEvent} */ event) => this.#onClick(event, index),
    };
    return h(
      ".session",
      props,
      h("span.tick", icon("check")),
      h(
        ".grow",
        line(label(session_id), h("span.num", count(length))),
        preview(first),
        line(preview(row.last), age(row)),
      ),
    );
  }

  /**
   * @param {MouseEvent} event
   * @param {number} index
   */
  #onClick(event, index) {
    this.#list.moveTo(index);
    const onTick = /** @type {Element} */ (event.target).closest(".tick");
    if (event.shiftKey || onTick) this.#tick(index);
    else this.#open(index);
  }

  /** @param {number} index */
  #open(index) {
    const row = this.#rows.get(index);
    if (row) this.#app.open(row.session_id);
  }

  /** @param {number} index */
  #tick(index) {
    const id = this.#rows.get(index)?.session_id;
    if (id === undefined) return;
    const others = [...this.#ticked].filter(one => one !== id);
    this.select(this.#ticked.has(id) ? others : [...others, id]);
  }
}

/** @param {Preview | null} words */
function preview(words) {
  return h("span.said", words && [h("b", ROLES[words.role]), " ", h("bdi", visible(words.text))]);
}

/**
 * When a session expires, else when it was last written.
 * @param {SessionRow} row
 */
function age({ ttl_s, last_write }) {
  if (ttl_s != null) return h("span.num.ttl", { title: "Expires in" }, duration(ttl_s));
  return last_write && h("span.num", ago(last_write));
}
