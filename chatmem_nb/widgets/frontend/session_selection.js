/** The selected sessions, of the list and of the matches, and what can be done with them. */

import { h, put } from "./dom.js";
import { selectionBar } from "./selection_bar.js";
import { askSlowly, runTask, taskButton } from "./tasks.js";
import { count } from "./text.js";

export class SessionSelection {
  node = h(".picked", { hidden: true });
  #list;
  /** @type {Set<string>} */
  #ids = new Set();
  /** Where a range begins, and what was selected before it. */
  #anchor = { index: 0, before: /** @type {string[]} */ ([]) };

  /** @param {import("./session_list.js").SessionList} list */
  constructor(list) {
    this.#list = list;
  }

  get size() {
    return this.#ids.size;
  }

  /** @param {string} session_id */
  has(session_id) {
    return this.#ids.has(session_id);
  }

  /**
   * Select exactly these sessions.
   * @param {string[]} session_ids
   * @param {boolean} [told] the kernel knows already
   */
  select(session_ids, told = false) {
    const { app } = this.#list;
    this.#ids = new Set(session_ids);
    this.#list.renew();
    app.search.redraw();
    this.draw();
    if (!told) app.ask("select", { session_ids });
  }

  /** @param {string} id */
  toggle(id) {
    const others = [...this.#ids].filter(one => one !== id);
    this.select(this.has(id) ? others : [...others, id]);
  }

  /** @param {number} index */
  tick(index) {
    const id = this.#idAt(index);
    if (id === undefined) return;
    this.toggle(id);
    this.beginAt(index);
  }

  /**
   * Begin a range here.
   * @param {number} index
   */
  beginAt(index) {
    this.#anchor = { index, before: [...this.#ids] };
  }

  /**
   * Select the sessions from where a range began to `index`.
   * @param {number} index
   */
  extend(index) {
    const { index: from, before } = this.#anchor;
    const [start, stop] = [Math.min(from, index), Math.max(from, index) + 1];
    const ids = Array.from({ length: stop - start }, (_, i) => this.#idAt(start + i));
    const known = ids.flatMap(id => id ?? []);
    if (known.length === ids.length) this.select([...before, ...known]);
    else
      runTask(this.#list.app, async () =>
        this.select([...before, ...(await this.#listed({ start, stop }))]),
      );
  }

  /** @param {number} index */
  #idAt(index) {
    return this.#list.rows.get(index)?.session_id;
  }

  /** Draw what can be done with the selected sessions, and the way to select more. */
  draw() {
    const all = this.#all();
    this.node.hidden = !this.size && !all;
    if (!this.node.hidden)
      put(
        this.node,
        selectionBar(this.#list.app, this.#ids, all, () => this.#selectNone()),
      );
  }

  #selectNone() {
    this.select([]);
    if (!this.#list.app.search.isListing) this.#list.focus();
  }

  /** A button that selects all that match, where there is something to match. */
  #all() {
    const { app, rows } = this.#list;
    const { query, label: labelled } = this.#list.listed();
    const { isListing, sessions, hits } = app.search;
    const total = isListing ? sessions : this.#list.total;
    if (!isListing && !query && !labelled && !this.size) return null;
    const shown = isListing ? hits : [...rows.values()];
    const isAll = total === this.size && shown.every(one => this.has(one.session_id));
    if (!total ? total === 0 : isAll || (total === 1 && !this.size)) return null;
    const label = total ? `Select all ${count(total)}` : "Select all";
    const run = async () => this.select(await this.#listed({ matches: isListing }), true);
    return taskButton(app, label, run, ".quiet");
  }

  /**
   * Select what the kernel lists, also what is not on the page, and return it.
   * @param {{ matches?: boolean, start?: number, stop?: number }} part
   */
  async #listed(part) {
    const params = { ...this.#list.listed(), ...part };
    return (await askSlowly(this.#list.app, "select_all", params)).session_ids;
  }
}
