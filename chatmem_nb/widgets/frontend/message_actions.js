/** What can be done with one message: copy it, look at its record, delete it. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./transcript.js").Transcript} Transcript */

import { copyText } from "./clipboard.js";
import { openConfirmation, openSheet } from "./dialog.js";
import { button, dim, group, h } from "./dom.js";
import { runTask } from "./tasks.js";
import { ROLES, count, portion, visible } from "./text.js";

/** What is said wherever something is removed that can be restored. */
export const UNDOABLE = "You can undo this until the cell is re-run.";

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {import("./protocol.js").CopyParams["format"]} format
 */
export function copyMessage(transcript, { index, identity }, format) {
  return runTask(transcript.app, async () => {
    const params = { indexes: [index], identities: [identity], format };
    const { text } = await transcript.ask("copy", params);
    copyText(transcript.app, text);
  });
}

/**
 * Copy a line of Python that opens this message.
 * @param {Transcript} transcript
 * @param {number} index
 */
export function copyLink({ app }, index) {
  return runTask(app, async () => {
    const { code } = await app.ask("code", { scope: "session", message: index });
    copyText(app, code);
  });
}

/**
 * Show the record as it is stored.
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
export function showRecord(transcript, entry) {
  const { index, identity } = entry;
  return runTask(transcript.app, async () => {
    const { raw, pretty, chars } = await transcript.ask("raw", { index, identity });
    const copies = [
      button("Copy as JSON", () => copyMessage(transcript, entry, "json")),
      button("Copy as Markdown", () => copyMessage(transcript, entry, "markdown")),
      button("Copy as text", () => copyMessage(transcript, entry, "text")),
    ];
    const cut = chars > raw.length && dim(`The first ${portion(raw.length, chars)} characters.`);
    const content = [group("pre", "Raw JSON", pretty ?? raw), cut, h("footer", copies)];
    openSheet(transcript.app, `Message #${count(index + 1)}`, content, { size: ".wide" });
  });
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
export function deleteMessage(transcript, { index, identity, role }) {
  const { app } = transcript;
  const body = h(
    "p",
    `Message #${count(index + 1)} (${ROLES[role]}) of session `,
    h("b", visible(transcript.session)),
    " will be deleted from the server. " + UNDOABLE,
  );
  const words = { title: "Delete this message?", body, action: "Delete message" };
  openConfirmation(app, words, async () => {
    const { undo, epoch, total } = await transcript.ask("remove", { index, identity });
    if (epoch !== transcript.epoch)
      transcript.adopt({
        session: transcript.session,
        epoch,
        total,
        index: Math.max(0, index - 1),
      });
    app.sessions.reload();
    app.undoable(undo, "Message deleted");
  });
}
