/** The list of sessions: filter, order, and the selected ones. */

/** @typedef {import("./protocol.js").SessionRow} SessionRow */
/** @typedef {import("./protocol.js").SessionPage} SessionPage */
/** @typedef {import("./types.js").Failure} Failure */

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
  line,
  notice,
  put,
  skeleton,
} from "./dom.js";
import { openKeys } from "./key_list.js";
import { fillLabelFilter, labelFilter, openSessionLabel } from "./labels.js";
import { Listbox } from "./listbox.js";
import { selectionBar } from "./selection_bar.js";
import { sessionRow } from "./session_row.js";
import { askSlowly, runTask } from "./tasks.js";
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
  #app;
  /** @type {Map<number, SessionRow>} the rows that are known, by index */
  #rows = new Map();
  /** @type {Set<string>} */
  #ticked = new Set();
  /** Counts listings: what answers an older one is dropped. */
  #listing = 0;
  /** @type {import("./protocol.js").Tag[] | null | undefined} tags to filter by, if there are labels */
  tags;
  /** @type {import("./types.js").Pending<unknown> | null} */
  #pending = null;
  #failed = false;
  #isEmpty = false;
  /** @type {number | null} sessions that match; null until all were found */
  #total = null;
  /** Where a range begins, and what was selected before it. */
  #anchor = { index: 0, before: /** @type {string[]} */ ([]) };
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
  #picked = h(".picked", { hidden: true });

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
    this.#query = field("Filter sessions by id", {
      type: "search",
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onQueryKey(event),
    });
    this.#sort = choice("Sort sessions", SORTS, () => this.load());
    this.#list = new Listbox({
      onExtend: index => this.#extend(index),
      id: app.view + "-s",
      label: "Sessions",
      rowHeight: ROW_HEIGHT,
      makeRow: index => this.#row(index),
      onRows: (first, last) => this.#need(first, last),
      actions: {
        " ": () => this.#tick(this.#list.at),
        Enter: () => this.#read(this.#list.at),
        "?": () => openKeys(this.#app),
        "/": () => this.#query.focus(),
        l: () => this.#openLabel(this.#list.at),
        Escape: () => this.select([]),
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
      app.search.matches,
      this.#picked,
      this.#cost,
    );
  }

  #tools() {
    const again = iconButton("again", "Refresh", () => this.load({ refresh: true }));
    const create = button([icon("plus"), "New"], () => this.#create(), ".quiet.w");
    return line(this.#sort, this.#label, again, h("span.grow"), create);
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
      const isSeen = this.#app.visible && document.visibilityState === "visible";
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
    const { shown } = this.#app.transcript;
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
   * Tick exactly these sessions.
   * @param {string[]} session_ids
   * @param {boolean} [told] the kernel knows already
   */
  select(session_ids, told = false) {
    this.#ticked = new Set(session_ids);
    this.#list.renew();
    this.#app.search.redraw();
    this.drawPicked();
    if (!told) this.#app.ask("select", { session_ids });
  }

  /** How many sessions are selected. */
  get ticked() {
    return this.#ticked.size;
  }

  /** @param {string} session_id */
  isTicked(session_id) {
    return this.#ticked.has(session_id);
  }

  /** @param {string} id */
  toggle(id) {
    const others = [...this.#ticked].filter(one => one !== id);
    this.select(this.#ticked.has(id) ? others : [...others, id]);
  }

  /**
   * Matches are shown in place of the sessions, or no longer.
   * @param {boolean} isCovered
   */
  covered(isCovered) {
    this.node.classList.toggle("searching", isCovered);
    this.drawPicked();
    if (isCovered && this.#query.value) {
      this.#query.value = ""; // it went into the search
      this.load();
    }
  }

  /** Draw what can be done with the selected sessions, and the way to select more. */
  drawPicked() {
    const { size } = this.#ticked;
    const all = this.#all();
    this.#picked.hidden = !size && !all;
    if (this.#picked.hidden) return;
    const selectNone = () => {
      this.select([]);
      focus(this.#app.search.isListing ? null : this.#list.box);
    };
    put(this.#picked, selectionBar(this.#app, this.#ticked, all, selectNone));
  }

  /** A button that selects all that match, where there is something to match. */
  #all() {
    const { search } = this.#app;
    const isFiltered = Boolean(this.#wanted() || this.#label.value);
    const total = search.isListing ? search.sessions : this.#total;
    if (!search.isListing && !isFiltered && !this.#ticked.size) return null;
    const shown = search.isListing ? search.hits : [...this.#rows.values()];
    const isAll = total === this.ticked && shown.every(one => this.isTicked(one.session_id));
    if (total === 0 || isAll) return null;
    const label = total ? `Select all ${count(total)}` : "Select all";
    const run = async () => this.select(await this.#ids({ matches: search.isListing }), true);
    const select = button(label, () => runTask(this.#app, run, null, select), ".quiet");
    return select;
  }

  /**
   * Select what the kernel lists, also what is not on the page, and return it.
   * @param {{ matches?: boolean, start?: number, stop?: number }} part
   */
  async #ids(part) {
    const params = { ...this.#listed(), ...part };
    return (await askSlowly(this.#app, "select_all", params)).session_ids;
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

  /** What is listed, and in which order. */
  #listed() {
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
    if (this.#isEmpty) this.#app.search.show(this.#wanted());
    else this.#app.open(this.#wanted());
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
   * @param {number} stop
   * @param {{ refresh?: boolean, isNew?: boolean, stay?: boolean }} [options]
   */
  async #fetch(start, stop, { refresh = false, isNew = false, stay = false } = {}) {
    const listing = this.#listing;
    const pending = askSlowly(this.#app, "sessions", {
      ...this.#listed(),
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
    fillLabelFilter(this.#app, this.#label);
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
    this.#cost.title = `${cost}. ${this.#app.hello.price_note ?? ""}`;
    this.#isEmpty = !known;
    this.#total = total;
    this.drawPicked();
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
    if (this.#label.value) {
      const hint = "No session or message has this label.";
      return notice("search", "No labels match", hint);
    }
    if (this.#wanted()) {
      const hint = "* and ? are wildcards.";
      const words = this.#wanted();
      const search = button("Search messages", () => this.#app.search.show(words), ".primary");
      const open = button("Open this id", () => this.#app.open(words));
      return notice("search", `No id matches “${this.#wanted()}”`, hint, search, open);
    }
    const hint = "New conversations appear here shortly after they are stored.";
    const refresh = button("Refresh", () => this.load({ refresh: true }));
    const create = button("New session", () => this.#create(), ".w");
    return notice("other", "No sessions yet", hint, refresh, create);
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
    return sessionRow(this.#app, row, {
      isSelected: this.#ticked.has(row.session_id),
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
    if (event.shiftKey) this.#extend(index);
    else if (onTick || event.ctrlKey || event.metaKey) this.#tick(index);
    else {
      this.#anchor = { index, before: [...this.#ticked] };
      this.#open(index);
    }
  }

  /**
   * Select the sessions from where a range began to `index`.
   * @param {number} index
   */
  #extend(index) {
    const { index: from, before } = this.#anchor;
    const [start, stop] = [Math.min(from, index), Math.max(from, index) + 1];
    const rows = Array.from({ length: stop - start }, (_, i) => this.#rows.get(start + i));
    const known = rows.flatMap(row => (row ? [row.session_id] : []));
    if (known.length === rows.length) this.select([...before, ...known]);
    else
      runTask(this.#app, async () =>
        this.select([...before, ...(await this.#ids({ start, stop }))]),
      );
  }

  /** @param {number} index */
  #openLabel(index) {
    const row = this.#rows.get(index);
    if (row) openSessionLabel(this.#app, row.session_id, row.label);
  }

  /** @param {number} index */
  async #open(index) {
    const row = this.#rows.get(index);
    if (row) await this.#app.open(row.session_id);
  }

  /**
   * Open a session, and go on in its messages.
   * @param {number} index
   */
  async #read(index) {
    await this.#open(index);
    focus(this.#app.transcript.list.box);
  }

  /** @param {number} index */
  #tick(index) {
    const id = this.#rows.get(index)?.session_id;
    if (id === undefined) return;
    this.toggle(id);
    this.#anchor = { index, before: [...this.#ticked] };
  }
}
