/** A list of any length, of which only the rows in view are in the document. */

import { clamp } from "./text.js";
import { createTimer, focus, h, put } from "./dom.js";

/** Height of the spacer at most, in px: browsers stop laying out near 17.9 million. */
const MAX_HEIGHT = 8e6;

/**
 * Where the screen is in the list: a row, how far its top is from the top of the box, and how far
 * the box is scrolled.
 * @typedef {{ index: number, y: number, top: number }} Mark
 */

/**
 * Rows of any height, in a block that floats in a spacer as tall as all rows would be. The block
 * grows at its ends as one scrolls, and is built anew where the scroll bar leaps to. When the bar
 * rests, the block drifts to where its index belongs on the bar, without moving on the screen.
 */
export class VirtualList {
  total = 0;
  /** Index of the first row in the document. */
  first = 0;
  /** @type {HTMLElement[]} */
  rows = [];
  /** @type {Mark | undefined} */
  mark;
  /** Whether the last row is in view. */
  ended = false;
  /** Whether a list that stands at its end stays there when rows are added. */
  sticky = true;

  /** @type {(() => unknown) | null} shows a row as soon as the box has a size: hidden, it fits none */
  #waiting = null;
  #block = h(".block");
  #pad = h(".pad", this.#block);
  #later = createTimer();
  #top = 0;
  #mean;
  #knownShape = "";
  #makeRow;
  #onRows;
  #sizes = new ResizeObserver(() => this.#resized());

  /**
   * @param {HTMLElement} box that scrolls
   * @param {number} height of a row, as a first guess
   * @param {(index: number) => HTMLElement} makeRow
   * @param {(first: number, last: number) => void} onRows called with the rows that are in the
   *   document, `last` excluded
   */
  constructor(box, height, makeRow, onRows) {
    this.box = box;
    this.#mean = height;
    this.#makeRow = makeRow;
    this.#onRows = onRows;
    box.append(this.#pad);
    // A box of another size scrolls before its observer hears of it.
    const onScroll = () => (this.#hasNewShape() ? this.#restore() : this.#update());
    box.addEventListener("scroll", onScroll);
    this.#sizes.observe(box);
    this.#sizes.observe(this.#block);
  }

  /** Index after the last row in the document. */
  get last() {
    return this.first + this.rows.length;
  }

  close() {
    this.#later();
    this.#sizes.disconnect();
  }

  /**
   * Begin anew, at the top, with `total` rows.
   * @param {number} total
   */
  reset(total) {
    this.#drop(this.rows);
    this.total = total;
    this.first = 0;
    this.rows = [];
    this.mark = undefined;
    this.#waiting = null;
    this.#top = 0;
    this.#layOut();
    this.box.scrollTop = 0;
  }

  /**
   * Have `total` rows from now on; what is on the screen stays there.
   * @param {number} total
   */
  resize(total) {
    if (total < this.last) this.reset(total);
    this.total = total;
    this.#restore();
  }

  /** Make the rows `from` to `to` anew. */
  renew(from = this.first, to = this.last) {
    for (let index = Math.max(from, this.first); index < Math.min(to, this.last); index++) {
      const old = this.rows[index - this.first];
      const row = this.#makeRow(index);
      const hadFocus = old.contains(document.activeElement);
      this.rows[index - this.first] = row;
      old.replaceWith(row);
      if (hadFocus) focus(row.matches("[tabindex]") ? row : this.box);
    }
    this.#restore();
  }

  /**
   * Bring row `index` on the screen: its start at the top (`part` 0), its end at the bottom (1), or
   * the shortest way (undefined). Return the row.
   *
   * @param {number} index
   * @param {number} [part]
   * @returns {HTMLElement | undefined}
   */
  show(index, part) {
    this.#waiting = this.box.clientHeight ? null : () => this.show(index, part);
    if (this.#waiting) return;
    const row = this.rows[index - this.first];
    if (part === undefined && row) this.#scrollTo(row);
    else if (this.total) this.#leapTo(index, part ?? 0);
    this.#update();
    return this.rows[index - this.first];
  }

  /** @param {HTMLElement} row */
  #scrollTo(row) {
    const { box } = this;
    const y = this.#top + row.offsetTop;
    const low = y + row.offsetHeight - box.clientHeight;
    box.scrollTop = low > y ? y : clamp(low, box.scrollTop, y);
  }

  /**
   * @param {number} index
   * @param {number} part
   */
  #leapTo(index, part) {
    const { box } = this;
    const view = box.clientHeight;
    const full = Math.max(view, this.#idealHeight());
    this.#pad.style.height = `${full}px`;
    box.scrollTop = ((index + part) / this.total) * (full - view);
    this.#place(index, box.scrollTop + part * view, part);
    const short = box.scrollTop + view - this.#bottom();
    // Too few rows to fill the screen: they end at its bottom.
    if (this.last === this.total && short > 0) this.#shift(short);
    if (!this.first) this.#shift(-this.#top);
    this.#remember();
  }

  #height() {
    return this.#block.offsetHeight;
  }

  /** Where the block ends. */
  #bottom() {
    return this.#top + this.#height();
  }

  #idealHeight() {
    return Math.min(MAX_HEIGHT, this.#mean * this.total);
  }

  #shape() {
    return `${this.box.clientWidth} ${this.box.clientHeight}`;
  }

  #hasNewShape() {
    return this.#shape() !== this.#knownShape;
  }

  #resized() {
    if (!this.box.clientHeight) return;
    if (this.#waiting) this.#waiting();
    else if (this.#hasNewShape() || !this.mark) this.#restore();
    else this.#fill();
  }

  /**
   * Return the position among `rows` of the first that ends below `y`; -1 if there is none.
   * @param {number} y
   */
  #rowBelow(y) {
    return this.rows.findIndex(row => this.#top + row.offsetTop + row.offsetHeight > y);
  }

  /** Size the spacer and put the block where it belongs; return the spacer's height. */
  #layOut() {
    const end = this.#bottom();
    const open = Math.max(this.#idealHeight(), end + this.box.clientHeight);
    const full = this.last === this.total ? end : open;
    this.#pad.style.height = `${full}px`;
    this.#block.style.top = `${this.#top}px`;
    return full;
  }

  /**
   * Move the block and the scroll bar alike.
   * @param {number} by
   */
  #shift(by) {
    const y = this.box.scrollTop + by; // before the spacer may cut it off
    this.#top += by;
    this.#layOut();
    this.box.scrollTop = y;
  }

  #update() {
    const { scrollTop: y, clientHeight: view } = this.box;
    if (!this.total || !view) return;
    const inView = this.#top <= y + view && this.#bottom() >= y;
    if (this.rows.length && inView) {
      this.#fill();
      return;
    }
    const part = Math.min(1, y / Math.max(1, this.#layOut() - view));
    const index = Math.min(this.total - 1, Math.floor(part * this.total));
    this.#place(index, y + part * view, part * this.total - index);
  }

  /**
   * Put row `index` so that the `part` of its height is at `y`, and the others around it.
   * @param {number} index
   * @param {number} y
   * @param {number} part
   */
  #place(index, y, part) {
    this.#drop(this.rows);
    this.first = index;
    this.rows = [this.#makeRow(index)];
    put(this.#block, this.rows);
    this.#top = y - part * this.#height();
    this.#fill();
  }

  /** Add the rows that the screen and its surroundings lack, and drop those far from it. */
  #fill() {
    const view = this.box.clientHeight;
    const margin = Math.max(300, view / 2);
    this.#addRows(view, margin);
    this.#trim(view, margin);
    if (this.first === 0) {
      if (this.#top) this.#shift(-this.#top);
    } else if (this.#top < view) this.#settle();
    this.#layOut();
    this.#remember();
    this.#later(() => this.#settle(), 200);
    this.#onRows(this.first, this.last);
  }

  /**
   * @param {number} view
   * @param {number} margin
   */
  #addRows(view, margin) {
    const rowsIn = (/** @type {number} */ px) =>
      Math.min(40, Math.ceil(px / Math.max(16, this.#mean)) + 1);
    for (let turn = 0; turn < 40; turn++) {
      const below = this.box.scrollTop + view + margin - this.#bottom();
      const above = this.#top - this.box.scrollTop + margin;
      if (below > 0 && this.last < this.total)
        this.#growDown(Math.min(this.total - this.last, rowsIn(below)));
      else if (above > 0 && this.first > 0) this.#growUp(Math.min(this.first, rowsIn(above)));
      else return;
    }
  }

  /**
   * @param {number} view
   * @param {number} margin
   */
  #trim(view, margin) {
    const low = this.#rowBelow(this.box.scrollTop - margin * 3);
    const high = this.#rowBelow(this.box.scrollTop + view + margin * 3);
    this.#drop(this.rows.splice(high + 1 || this.rows.length));
    if (low <= 0) return;
    this.#top += this.rows[low].offsetTop;
    this.#drop(this.rows.splice(0, low));
    this.first += low;
  }

  /**
   * @param {number} start
   * @param {number} n
   */
  #makeRows(start, n) {
    return Array.from({ length: n }, (_, i) => this.#makeRow(start + i));
  }

  /** @param {number} n */
  #growDown(n) {
    this.#block.append(...this.#makeRows(this.last, n));
    this.#grown();
  }

  /** @param {number} n */
  #growUp(n) {
    const before = this.#height();
    this.first -= n;
    this.#block.prepend(...this.#makeRows(this.first, n));
    this.#top -= this.#height() - before;
    this.#grown();
  }

  #grown() {
    this.rows = /** @type {HTMLElement[]} */ ([...this.#block.children]);
    const weight = this.total > 200 ? 0.1 : 0.5;
    this.#mean += (this.#height() / this.rows.length - this.#mean) * weight;
  }

  /**
   * Remove rows. None takes the focus along, or keys would reach the notebook.
   * @param {HTMLElement[]} rows
   */
  #drop(rows) {
    for (const row of rows) {
      if (row.contains(document.activeElement)) focus(this.box);
      row.remove();
    }
  }

  /** Bring the scroll bar to where the rows belong; nothing moves on the screen. */
  #settle() {
    if (!this.first || this.last === this.total || !this.mark) return;
    const { index, y } = this.mark;
    const view = this.box.clientHeight;
    const part = clamp(0, (index - y / this.#mean) / (this.total - view / this.#mean), 1);
    this.#shift(Math.max(view, part * (this.#idealHeight() - view)) - this.box.scrollTop);
    this.#remember();
  }

  #remember() {
    const { scrollTop: y, clientHeight: view } = this.box;
    const at = this.#rowBelow(y);
    const row = this.rows[at];
    this.mark = row && { index: this.first + at, y: this.#top + row.offsetTop - y, top: y };
    this.ended = this.last === this.total && this.#bottom() - y - view < 8;
    this.#knownShape = this.#shape();
  }

  /** After rows changed: what is at the top of the screen stays there, and the end stays the end. */
  #restore() {
    const { mark, box } = this;
    const row = mark && this.rows[mark.index - this.first];
    // The reader may have scrolled in this frame, before the event of it.
    const scrolled = box.scrollTop !== mark?.top && !this.#hasNewShape();
    if (scrolled || !row || !box.clientHeight) {
      this.#update();
      return;
    }
    const stay = this.sticky && this.ended && this.last === this.total;
    if (stay) box.scrollTop = this.#layOut();
    else this.#top = box.scrollTop + mark.y - row.offsetTop;
    this.#fill();
  }
}
