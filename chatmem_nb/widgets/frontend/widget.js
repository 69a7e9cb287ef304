/** The whole widget: its two panes, the form in their place, and what the kernel tells unasked. */

/** @typedef {import("./protocol.js").Hello} Hello */
/** @typedef {import("./protocol.js").Changed} Changed */
/** @typedef {import("./protocol.js").Undo} Undo */
/** @typedef {import("./types.js").Pane} Pane */

import { createBanner } from "./banner.js";
import { createConnectForm } from "./connect_form.js";
import { button, h, notice, put } from "./dom.js";
import { createHeader } from "./header.js";
import { Kernel } from "./kernel.js";
import { guardKeys } from "./keyboard.js";
import { labelChanged, labelsChanged } from "./labels.js";
import { SearchBar } from "./search_bar.js";
import { SessionList } from "./session_list.js";
import { runTask } from "./tasks.js";
import { showToast } from "./toast.js";
import { Transcript } from "./transcript.js";

/**
 * What is read or typed here is in no trait of the model, so it is never saved in a notebook.
 * Every part gets the widget as `app`.
 */
export class Widget {
  /** @type {Partial<Hello>} what the kernel said of itself; {} until it has */
  hello = {};
  /** Whether the widget is on the screen. */
  visible = true;

  #header = createHeader(this);
  #banner = createBanner();
  #main = h(".main");
  root = h(
    ".chatmem",
    { role: "region", ariaLabel: "Stored conversations" },
    this.#banner.node,
    this.#main,
  );

  #model;
  #kernel;
  /** Whether the kernel does not respond. */
  silent = false;
  /** Whether the widget fills the window. */
  isTall = false;
  /** Counts what the kernel told of the open session. */
  #sessionEvents = 0;
  #connectForm;
  #panes;
  #endKeys;
  #sight = new IntersectionObserver(([{ isIntersecting }]) => {
    this.visible = isIntersecting;
    this.transcript.header.follow.tell();
  });

  /**
   * @param {import("./types.js").Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.#model = model;
    this.#kernel = new Kernel(
      model,
      event => this.#onEvent(event),
      silent => this.#onSilence(silent),
    );
    this.view = this.#kernel.view;
    this.#connectForm = createConnectForm(this);
    this.search = new SearchBar(this);
    this.transcript = new Transcript(this);
    this.sessions = new SessionList(this);
    this.#panes = h(".panes", this.sessions.node, this.transcript.node);
    this.#endKeys = guardKeys(this.root);
    model.on("change:height", this.#setHeight);
    model.on("change:read_only", this.#start);
    this.#sight.observe(this.root);
    el.append(this.root);
    this.#setHeight();
    this.showPane("list");
    this.transcript.none();
    this.#start();
  }

  close() {
    this.#endKeys();
    this.#model.off("change:height", this.#setHeight);
    this.#model.off("change:read_only", this.#start);
    this.#sight.disconnect();
    this.search.hide();
    this.sessions.close();
    this.transcript.close();
    this.#kernel.close();
    this.root.remove();
  }

  /** @type {Kernel["ask"]} */
  ask = (...request) => this.#kernel.ask(...request);

  /** What this browser permits; nothing until the kernel has said so. */
  get may() {
    return this.hello.may ?? /** @type {Hello["may"]} */ ({});
  }

  /**
   * Show one of the panes, where the widget is too narrow for both.
   * @param {Pane} name
   */
  showPane(name) {
    this.root.dataset.pane = name;
  }

  /**
   * Open a session.
   * @param {string} session_id
   * @param {{ create?: boolean, index?: number }} [options]
   */
  open(session_id, options) {
    this.showPane("talk");
    return this.transcript.open(session_id, options);
  }

  /**
   * Say that something was done that can be undone.
   * @param {Undo | null} undo
   * @param {string} text
   */
  undoable(undo, text) {
    this.hello.undo = undo;
    this.#header.draw();
    showToast(this, text, "check", undo?.available && button("Undo", () => this.undo()));
  }

  #setHeight = () => {
    this.isTall = false;
    this.root.style.height = this.#model.get("height") || "560px";
  };

  /** Fill the window, or go back to the height that Python set. */
  expand() {
    const isTall = !this.isTall;
    this.#setHeight();
    this.isTall = isTall;
    if (isTall) this.root.style.height = `max(${this.root.style.height}, 90vh)`;
    this.root.scrollIntoView({ block: "nearest" });
  }

  #start = async () => {
    if (!this.hello.clients) put(this.#main, notice("again", "Waiting for the kernel"));
    this.#drawHeader();
    const events = this.#sessionEvents;
    const hello = await this.ask("hello", {});
    this.connected(hello, events !== this.#sessionEvents);
  };

  /**
   * Show what the kernel is connected to: its sessions, or the form.
   * @param {Hello} hello
   * @param {boolean} [isTold] whether an event, newer than `hello`, told which session is open
   */
  connected(hello, isTold = false) {
    const isSame = Boolean(this.hello.connected) && this.hello.number === hello.number;
    this.hello = hello;
    this.#drawHeader();
    this.#setReachable(hello.reachable);
    if (hello.connected) this.#showSessions(hello, isSame, isTold);
    else this.#showForm(hello);
  }

  /** @param {Hello} hello */
  #showForm(hello) {
    this.transcript.none();
    if (this.may.connect) {
      this.#connectForm.show(hello.clients);
      put(this.#main, this.#connectForm.node);
      return;
    }
    const hint = "Disconnected from Python. Call browser.connect(store) to reconnect.";
    put(this.#main, notice("leave", "Not connected", hint));
  }

  /**
   * @param {Hello} hello
   * @param {boolean} isSame whether the store is the one that was shown before
   * @param {boolean} isTold
   */
  #showSessions(hello, isSame, isTold) {
    const { transcript, sessions } = this;
    // Put there again, lists would scroll back to their start.
    if (!this.#panes.isConnected) put(this.#main, this.#panes);
    sessions.node.prepend(this.#header.node);
    sessions.selection.select(hello.selection ?? [], true);
    if (isSame) sessions.reload();
    else sessions.begin();
    if (isTold) {
      if (!isSame && transcript.total) this.#arrive(); // until now it was not on the page
      return;
    }
    if (isSame && transcript.wanted) this.open(transcript.wanted);
    else if (hello.session && (!isSame || hello.session !== transcript.session))
      this.open(hello.session).then(() => this.#arrive());
    else if (!isSame) {
      transcript.none();
      this.showPane("list");
    }
  }

  /** Show what Python asked for in the session that it opened: a message, else the end. */
  #arrive() {
    const { session, message } = this.hello;
    if (message != null) this.transcript.pointTo(session ?? "", message);
    else this.transcript.showEnd();
  }

  #drawHeader() {
    this.root.dataset.readOnly = String(!this.may.write);
    this.transcript.header.label.hidden = !this.hello.palette;
    this.#header.draw();
    if (!this.hello.connected) this.root.prepend(this.#header.node);
  }

  /** @param {Changed} event */
  #onEvent(event) {
    if (event.what === "selection") this.sessions.selection.select(event.selection, true);
    else if (event.what === "message") this.transcript.pointTo(event.session, event.index);
    else if (event.what === "label") labelChanged(this, event);
    else if (event.what === "labels") labelsChanged(this);
    else if (event.what === "sessions") this.sessions.reload();
    else if (event.what === "session") {
      this.#sessionEvents++;
      this.transcript.changed(event);
    } else if (event.number === this.hello.number) this.#setReachable(event.reachable);
    else this.#start();
  }

  #setReachable(reachable = true) {
    this.hello.reachable = reachable;
    this.#header.drawDot();
    this.#banner.warn(
      !reachable && "The server cannot be reached.",
      "This page will reconnect automatically.",
    );
    if (!reachable || !this.hello.connected) return;
    this.sessions.retry();
    this.transcript.notice.retry();
  }

  /**
   * What was asked while nobody was there is asked again.
   * @param {boolean} silent
   */
  #onSilence(silent) {
    this.silent = silent;
    this.root.dataset.silent = String(silent);
    this.#header.drawDot();
    this.#banner.warn(
      silent && "The kernel has stopped or restarted.",
      "Run this cell again. If the kernel is just busy, it resumes on its own.",
    );
    if (!silent) this.#start();
  }

  /** Undo the last removal or clearing. */
  undo() {
    runTask(this, async () => {
      const { label, session_id, epoch, total, undo } = await this.ask("undo", {});
      const { transcript } = this;
      this.undoable(undo, label.charAt(0).toUpperCase() + label.slice(1) + " restored");
      this.sessions.reload();
      const isOpen = session_id === transcript.session;
      if (isOpen && epoch !== null && epoch !== transcript.epoch)
        transcript.adopt({ session: session_id, epoch, total: total ?? 0 });
    });
  }
}
