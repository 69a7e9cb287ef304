/** What stands above the messages: the session, its labels, and the tools for it. */

import { clearSessions } from "./clear_sessions.js";
import { dim, focus, h, iconButton, line, put } from "./dom.js";
import { openExport } from "./export_sheet.js";
import { createFollow } from "./follow.js";
import { openGoTo } from "./go_to.js";
import { labelChips, openLabels } from "./labels.js";
import { menuButton } from "./menu.js";
import { plural, visible } from "./text.js";

/** @param {import("./transcript.js").Transcript} transcript */
export function createTranscriptHeader(transcript) {
  const { app } = transcript;
  const title = h("h2.title.clip", { dir: "auto" });
  const length = dim();
  const chips = h("span.chips");
  /** Labels the session; hidden without labels. */
  const label = iconButton("star", "Label session", () => openLabels(transcript));
  const follow = createFollow(transcript);

  const menu = () => {
    const { session } = transcript;
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
  };

  const back = iconButton("back", "Back to sessions", () => app.showPane("list"));
  const search = iconButton("search", "Search messages", () => app.search.show(), ".narrow");
  const tools = line(search, label, follow.button, menuButton("Session tools", menu));
  const node = h("header.bar", back, title, length, chips, h("span.grow"), tools);

  /**
   * Show a session, or "" for none; how many messages it has is not known yet.
   * @param {string} session
   */
  const show = session => {
    tools.hidden = !session;
    title.textContent = title.title = visible(session);
    put(length);
    showLabel(null);
  };

  /** @param {number} total */
  const count = total => put(length, plural(total, "message"));

  /** @param {import("./protocol.js").Label | null} [label] */
  const showLabel = label => put(chips, labelChips(app, label));

  return { node, label, follow, show, count, showLabel };
}
