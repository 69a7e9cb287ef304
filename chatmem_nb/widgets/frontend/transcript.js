/** The open session: its messages, and what follows them as it grows. */

/** @typedef {import("./protocol.js").Methods} Methods */
/** @typedef {import("./protocol.js").SessionChanged} SessionChanged */
/** @typedef {import("./types.js").Child} Child */
/** @typedef {import("./types.js").Failure} Failure */

/**
 * A session that was opened here, by Python or by another view; `index` is the message to begin at.
 * @typedef {{ session: string, epoch: number | null, total: number, index?: number }} Adopted
 */

import { createComposer } from "./composer.js";
import { button, h, icon } from "./dom.js";
import { createFigures } from "./figures.js";
import { messageRow } from "./message.js";
import { createMessageWindow } from "./message_window.js";
import { createMessageJump } from "./message_jump.js";
import { clamp } from "./text.js";
import { createTranscriptHeader } from "./transcript_header.js";
import { createTranscriptNotice } from "./transcript_notice.js";
import { onTranscriptKey } from "./transcript_keys.js";
import { VirtualList } from "./virtual_list.js";

const ROW_HEIGHT = 110;

export class Transcript {
  /** The open session; "" if there is none. */
  session = "";
  /** @type {number | null} the kernel's count of changes; null until the session is open */
  epoch = null;
  total = 0;
  /** The session that was asked for and is not here yet; "" if there is none. */
  wanted = "";
  /** Counts openings: what answers an older one is dropped. */
  opening = 0;
  /** Index of the message that Python asked for; -1 if it did not. */
  pointed = -1;
  messages = createMessageWindow(this);
  figures = createFigures(this);

  #fresh = button([icon("end"), "New messages"], () => this.showEnd(), ".fresh", {
    hidden: true,
  });
  /** Goes to a message. */
  jump = createMessageJump(this);
  notice;
  composer;

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.app = app;
    const box = h(".feed", { role: "feed", tabIndex: 0, ariaLabel: "Messages" });
    const over = h(".over");
    this.notice = createTranscriptNotice(box, over);
    this.header = createTranscriptHeader(this);
    this.composer = createComposer(this);
    this.list = new VirtualList(
      box,
      ROW_HEIGHT,
      index => messageRow(this, index),
      (first, last) => this.#onRows(first, last),
    );
    this.node = h(
      "section.talk",
      { ariaLabel: "Conversation" },
      this.header.node,
      this.figures.node,
      app.search.node,
      h(".body", box, over, this.#fresh),
      this.composer.node,
    );
    box.addEventListener("keydown", event => onTranscriptKey(this, event));
    box.addEventListener("scroll", () => this.#onScroll(), { passive: true });
  }

  close() {
    this.messages.close();
    this.header.follow.close();
    this.list.close();
  }

  /**
   * Ask about the open session.
   *
   * @template {keyof Methods} Method
   * @param {Method} method
   * @param {Omit<Methods[Method]["params"], "session_id" | "epoch">} params
   */
  ask(method, params) {
    const about = { session_id: this.session, epoch: this.epoch, ...params };
    return this.app.ask(method, /** @type {any} */ (about));
  }

  /** The session that is open, or about to be. */
  get shown() {
    return this.wanted || this.session;
  }

  /** Show that no session is open. */
  none() {
    this.#begin("");
    this.list.reset(0);
    this.notice.noSession();
  }

  /** @param {string} session */
  #begin(session) {
    this.figures.clear();
    this.messages.clear();
    this.opening++;
    this.notice.clear();
    this.jump.clear();
    this.pointed = -1;
    Object.assign(this, { session, wanted: "", epoch: null, total: 0 });
    this.node.ariaBusy = null;
    this.#fresh.hidden = true;
    this.composer.node.hidden = !session;
    this.header.show(session);
    this.app.sessions?.redraw();
  }

  /**
   * Open a session. What is shown stays until the kernel has answered: it may never do so.
   * @param {string} session
   * @param {{ create?: boolean, index?: number }} [options]
   */
  async open(session, { create = false, index } = {}) {
    const opening = ++this.opening;
    this.wanted = session;
    this.node.ariaBusy = "true";
    if (!this.session) this.notice.loading();
    this.app.sessions?.redraw();
    try {
      const { epoch, total, exists } = await this.app.ask("open", { session_id: session, create });
      if (opening !== this.opening) return;
      this.adopt({ session, epoch, total, index });
      if (!exists && !create) this.notice.missing();
      this.header.follow.tell();
    } catch (error) {
      const again = () => this.open(session, { create, index });
      if (opening !== this.opening) return;
      this.#begin(session);
      this.notice.fail("This session could not be opened", /** @type {Failure} */ (error), again);
    }
  }

  /**
   * A window of messages could not be read.
   * @param {Failure} failure
   */
  readFailed(failure) {
    if (failure.type === "cancelled") return;
    const index = this.list.mark?.index;
    if (failure.type === "stale") {
      this.open(this.session, { index });
      return;
    }
    this.notice.fail("Messages could not be read", failure, () => {
      this.notice.clear();
      this.list.show(this.list.mark?.index ?? 0, 0);
    });
  }

  /** @param {Adopted} session */
  adopt({ session, epoch, total, index }) {
    this.#begin(session);
    this.epoch = epoch;
    this.total = total;
    this.header.count(total);
    this.list.reset(total);
    if (!total) this.notice.noMessages();
    else if (index === undefined) this.showEnd();
    else this.show(index, 0);
  }

  /**
   * The kernel tells that the open session has changed.
   * @param {SessionChanged} event
   */
  changed({ session, epoch, total }) {
    if (this.wanted) return; // this view's own request decides
    if (!session) {
      if (this.session) this.none();
      return;
    }
    const now = { session, epoch, total: total ?? 0 };
    if (session !== this.session) {
      this.app.showPane("talk");
      this.adopt(now);
    } else if (epoch !== this.epoch) {
      this.adopt({ ...now, index: this.list.ended ? undefined : this.list.mark?.index });
    } else this.grew(now.total);
  }

  /**
   * The open session has `total` messages now.
   * @param {number} total
   * @param {boolean} [shown] whether to go to the newest in any case
   */
  grew(total, shown = false) {
    if (this.epoch === null || (total <= this.total && !shown)) return;
    if (!this.total) {
      this.adopt({ session: this.session, epoch: this.epoch, total });
      return;
    }
    const ended = this.list.ended || shown;
    if (!shown) this.app.sessions.grew(this.session, total);
    this.total = total;
    this.header.count(total);
    this.figures.refresh();
    this.list.resize(total);
    if (ended) this.showEnd();
    else this.#fresh.hidden = false;
  }

  /**
   * Bring message `index` on the screen, as `VirtualList.show` does.
   * @param {number} index
   * @param {number} part
   */
  show(index, part) {
    this.#fresh.hidden = true;
    return this.list.show(clamp(0, index, this.total - 1), part);
  }

  /**
   * Draw a message anew: something in it was opened.
   * @param {number} index
   */
  redraw(index) {
    this.list.renew(index, index + 1);
    this.app.search.marks.draw();
  }

  /**
   * Show the message that Python asked for.
   * @param {string} session
   * @param {number} index
   */
  pointTo(session, index) {
    if (session !== this.session) return;
    this.pointed = index;
    this.list.renew();
    this.jump.to({ index });
  }

  showEnd() {
    return this.show(this.total - 1, 1);
  }

  /**
   * @param {number} first
   * @param {number} last
   */
  #onRows(first, last) {
    this.app.search.marks.draw();
    this.messages.need(first, last);
  }

  #onScroll() {
    if (this.list.ended) this.#fresh.hidden = true;
  }
}
