/** The selected sessions, of the list and of the matches, and what can be done with them. */

import { h, put } from "./dom.js";
import { selectionBar } from "./selection_bar.js";
import { askSlowly, runTask, taskButton } from "./tasks.js";
import { count } from "./text.js";

/** @param {import("./session_list.js").SessionList} list */
export function createSessionSelection(list) {
  const node = h(".picked", { hidden: true });
  /** @type {Set<string>} */
  let ids = new Set();
  /** Where a range begins, and what was selected before it. */
  let anchor = { index: 0, before: /** @type {string[]} */ ([]) };

  const size = () => ids.size;

  /** @param {string} session_id */
  const has = session_id => ids.has(session_id);

  /**
   * Select exactly these sessions.
   * @param {string[]} session_ids
   * @param {boolean} [told] the kernel knows already
   */
  const select = (session_ids, told = false) => {
    const { app } = list;
    ids = new Set(session_ids);
    list.renew();
    app.search.redraw();
    draw();
    if (!told) app.ask("select", { session_ids });
  };

  /** @param {string} id */
  const toggle = id => {
    const others = [...ids].filter(one => one !== id);
    select(has(id) ? others : [...others, id]);
  };

  /** @param {number} index */
  const idAt = index => list.rows.get(index)?.session_id;

  /** @param {number} index */
  const tick = index => {
    const id = idAt(index);
    if (id === undefined) return;
    toggle(id);
    beginAt(index);
  };

  /**
   * Begin a range here.
   * @param {number} index
   */
  const beginAt = index => {
    anchor = { index, before: [...ids] };
  };

  /**
   * Select the sessions from where a range began to `index`.
   * @param {number} index
   */
  const extend = index => {
    const { index: from, before } = anchor;
    const [start, stop] = [Math.min(from, index), Math.max(from, index) + 1];
    const found = Array.from({ length: stop - start }, (_, i) => idAt(start + i));
    const known = found.flatMap(id => id ?? []);
    const selectListed = async () => select([...before, ...(await listed({ start, stop }))]);
    if (known.length === found.length) select([...before, ...known]);
    else runTask(list.app, selectListed);
  };

  /** Draw what can be done with the selected sessions, and the way to select more. */
  const draw = () => {
    const all = selectAllButton();
    node.hidden = !size() && !all;
    if (!node.hidden) put(node, selectionBar(list.app, ids, all, selectNone));
  };

  const selectNone = () => {
    select([]);
    if (!list.app.search.isListing) list.focus();
  };

  /** A button that selects all that match, where there is something to match. */
  const selectAllButton = () => {
    const { app, rows } = list;
    const { query, label: labelled } = list.listed();
    const { isListing, sessions, hits } = app.search;
    const total = isListing ? sessions : list.total;
    if (!isListing && !query && !labelled && !size()) return null;
    const shown = isListing ? hits : [...rows.values()];
    const isAll = total === size() && shown.every(one => has(one.session_id));
    if (!total ? total === 0 : isAll || (total === 1 && !size())) return null;
    const label = total ? `Select all ${count(total)}` : "Select all";
    const run = async () => select(await listed({ matches: isListing }), true);
    return taskButton(app, label, run, ".quiet");
  };

  /**
   * Select what the kernel lists, also what is not on the page, and return it.
   * @param {{ matches?: boolean, start?: number, stop?: number }} part
   */
  const listed = async part => {
    const params = { ...list.listed(), ...part };
    return (await askSlowly(list.app, "select_all", params)).session_ids;
  };

  return { node, size, has, select, toggle, tick, beginAt, extend, draw };
}
