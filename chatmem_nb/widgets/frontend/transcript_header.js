/** What stands above the messages: the session, its labels, and the tools for it. */

import { clearSessions } from "./clear_sessions.js";
import { dim, focus, h, iconButton, line, put } from "./dom.js";
import { openExport } from "./export_sheet.js";
import { Follow } from "./follow.js";
import { openGoTo } from "./go_to.js";
import { labelChips, openLabels } from "./labels.js";
import { menuButton } from "./menu.js";
import { plural, visible } from "./text.js";

export class TranscriptHeader {
  #transcript;
  #title = h("h2.title.clip", { dir: "auto" });
  #length = dim();
  #chips = h("span.chips");
  #tools;
  /** Labels the session; hidden without labels. */
  label = iconButton("star", "Label session", () => openLabels(this.#transcript));
  follow;

  /** @param {import("./transcript.js").Transcript} transcript */
  constructor(transcript) {
    const { app } = (this.#transcript = transcript);
    this.follow = new Follow(transcript);
    const back = iconButton("back", "Back to sessions", () => app.showPane("list"));
    const search = iconButton("search", "Search messages", () => app.search.show(), ".narrow");
    const menu = menuButton("Session tools", () => this.#menu());
    this.#tools = line(search, this.label, this.follow.button, menu);
    const grow = h("span.grow");
    this.node = h("header.bar", back, this.#title, this.#length, this.#chips, grow, this.#tools);
  }

  close() {
    this.follow.close();
  }

  #menu() {
    const transcript = this.#transcript;
    const { app, session } = transcript;
    const title = "Export session";
    const clear = () => clearSessions(app, [session]);
    return [
      { mark: "start", text: "First message", run: () => focus(transcript.show(0, 0)) },
      { mark: "end", text: "Last message", run: () => focus(transcript.showEnd()) },
      { mark: "goto", text: "Go to…", run: () => openGoTo(transcript) },
      { mark: "count", text: "Statistics", run: () => transcript.figures.count() },
      { mark: "take", text: title, run: () => openExport(app, title, "session") },
      { mark: "trash", text: "Clear session", run: clear, writes: true },
    ];
  }

  /**
   * Show a session, or "" for none; how many messages it has is not known yet.
   * @param {string} session
   */
  show(session) {
    this.#tools.hidden = !session;
    this.#title.textContent = this.#title.title = visible(session);
    put(this.#length);
    this.showLabel(null);
  }

  /** @param {number} total */
  count(total) {
    put(this.#length, plural(total, "message"));
  }

  /** @param {import("./protocol.js").Label | null} [label] */
  showLabel(label) {
    put(this.#chips, labelChips(this.#transcript.app, label));
  }
}
