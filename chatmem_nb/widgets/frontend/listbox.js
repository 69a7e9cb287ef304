/** A listbox of any length: the arrow keys move, one row is the current one, several can be selected. */

import { clamp } from "./text.js";
import { cover, h, handleKey } from "./dom.js";
import { VirtualList } from "./virtual_list.js";

/**
 * @typedef {object} ListboxOptions
 * @property {string} id of the rows, before their index
 * @property {string} label
 * @property {number} rowHeight
 * @property {(index: number) => HTMLElement} makeRow
 * @property {(first: number, last: number) => void} [onRows]
 * @property {Record<string, () => unknown>} [actions] by key
 * @property {(index: number) => unknown} [onMove] called when a key has moved to another row
 * @property {(index: number) => unknown} [onExtend] the same, where Shift was held
 */

export class Listbox extends VirtualList {
  /** Index of the current row. */
  at = 0;
  sticky = false;
  /** Shows what stands in place of the rows; the rows again without arguments. */
  say;
  #options;

  /** @param {ListboxOptions} options */
  constructor(options) {
    const { label, rowHeight, onRows = () => {} } = options;
    const box = h(".rows", {
      role: "listbox",
      tabIndex: 0,
      ariaLabel: label,
      ariaMultiSelectable: "true",
    });
    const over = h(".over");
    super(box, rowHeight, index => this.#option(index), onRows);
    this.#options = options;
    this.say = cover(box, over);
    this.node = h(".body", box, over);
    box.addEventListener("keydown", event => this.#onKey(event));
  }

  /**
   * Make row `index` the current one, and show it.
   * @param {number} index
   */
  moveTo(index) {
    this.at = clamp(0, index, this.total - 1);
    this.show(this.at);
    this.renew();
    this.box.setAttribute("aria-activedescendant", this.#options.id + this.at);
  }

  /** @param {number} index */
  #option(index) {
    const node = this.#options.makeRow(index);
    node.id = this.#options.id + index;
    node.role = "option";
    node.ariaPosInSet = String(index + 1);
    node.ariaSetSize = String(this.total);
    node.classList.toggle("at", index === this.at);
    return node;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { rowHeight, actions = {}, onMove, onExtend } = this.#options;
    const page = Math.floor(this.box.clientHeight / rowHeight) || 1;
    /** @type {Record<string, number>} */
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    const step = steps[event.key];
    if (!step) return handleKey(event, actions);
    event.preventDefault();
    this.moveTo(this.at + step);
    if (event.shiftKey && onExtend) onExtend(this.at);
    else onMove?.(this.at);
  }
}
