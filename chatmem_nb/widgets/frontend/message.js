/** One message of the transcript. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./transcript.js").Transcript} Transcript */
/** @typedef {import("./types.js").Child} Child */

import { dim, facts, group, h, icon, iconButton, line, link, reason, time } from "./dom.js";
import { expandable, showAll } from "./expand.js";
import { labelChips, openMessageLabel } from "./labels.js";
import { markdown } from "./markdown.js";
import { copyLink, copyMessage, deleteMessage, showRecord } from "./message_actions.js";
import { blockOf, moreCalls } from "./message_parts.js";
import { ROLES, count, tokensUsed, visible } from "./text.js";
import { toolCall } from "./tool_call.js";

/** Reasons to finish that say nothing: others are shown. */
const ORDINARY = /^(stop|end_turn|tool_calls|tool_use|function_call|stop_sequence)$/i;

/**
 * Return the row of message `index`: a placeholder until its entry is here.
 * @param {Transcript} transcript
 * @param {number} index
 */
export function messageRow(transcript, index) {
  const entry = transcript.messages.get(index);
  const place = { tabIndex: -1, ariaPosInSet: index + 1, ariaSetSize: transcript.total };
  if (!entry)
    return h("article.msg.waiting", { ...place, ariaLabel: `Message ${index + 1}, loading` });
  const role = entry.error ? "warn" : entry.role in ROLES ? entry.role : "other";
  const title = entry.error ? "Unreadable record" : ROLES[role];
  const props = {
    ...place,
    ariaLabel: `${title}, message ${index + 1}`,
    ariaCurrent: transcript.pointed === index || null,
  };
  if (entry.answers) return answerRow(transcript, entry, props);
  return h(
    "article.msg." + role,
    props,
    h(".glyph", icon(role)),
    h(".content", head(transcript, entry, title, index), content(transcript, entry)),
    tools(transcript, entry),
  );
}

/**
 * The row of a result that stands with its call: one quiet line that leads there.
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {object} props
 */
function answerRow(transcript, entry, props) {
  const { name, index } = entry.answers ?? { name: "", index: 0 };
  return h(
    "article.msg.tool.quiet",
    props,
    h(".glyph", icon("tool")),
    line(
      h("h3.unseen", `Tool, message ${count(entry.index + 1)}`),
      dim("Result of ", h("code", visible(name)), " is shown with its call "),
      link(`#${count(index + 1)}`, () => transcript.jump.toCall(entry), "Go to the call"),
    ),
    tools(transcript, entry),
  );
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {string} title
 * @param {number} index
 */
function head(transcript, entry, title, index) {
  const { app } = transcript;
  const { name, stored_at, failure, model, finish_reason, tokens, label } = entry;
  return h(
    ".msghead",
    h("h3.role", title),
    name && h("bdi", visible(name)),
    link(
      `#${count(index + 1)}`,
      () => copyLink(transcript, index),
      "Copy a link to this message (a line of Python)",
    ),
    time(stored_at),
    facts({
      Model: model,
      Finish: finish_reason && !ORDINARY.test(finish_reason) ? finish_reason : "",
      Tokens: tokensUsed(tokens),
    }),
    failure === "status" && h("span.state-failed", "failed"),
    failure === "text" && h("span.state-looks-failed", "looks failed"),
    labelChips(app, label),
  );
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function tools(transcript, entry) {
  return h(
    ".msgbar",
    transcript.app.hello.palette &&
      iconButton("star", "Label", () => openMessageLabel(transcript, entry.index), "", {
        title: "Label (l; 1-9 for tags)",
      }),
    iconButton("copy", "Copy", () => copyMessage(transcript, entry, "text")),
    iconButton("code", "Raw JSON", () => showRecord(transcript, entry)),
    iconButton("trash", "Delete message", () => deleteMessage(transcript, entry), ".w"),
  );
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function content(transcript, entry) {
  if (entry.error)
    return [
      reason(visible(entry.error)),
      texts(transcript, entry.parts ?? [{ text: entry.raw ?? "" }], "Raw record"),
      showAll(transcript, entry, entry, entry),
    ];
  const blocks = (entry.blocks ?? []).map((one, number) => ({ one, number }));
  const draw = (/** @type {boolean} */ isReasoning) =>
    blocks
      .filter(({ one }) => (one.kind === "reasoning") === isReasoning)
      .map(({ one, number }) => blockOf(transcript, entry, one, number));
  return [
    draw(true),
    text(transcript, entry),
    draw(false),
    entry.tool_calls?.map(call => toolCall(transcript, entry, call)),
    moreCalls(transcript, entry),
  ];
}

/**
 * The text of a message; the instructions of a system are folded.
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function text(transcript, entry) {
  const nodes = texts(transcript, entry.parts ?? [{ html: entry.html }], "Full text");
  const more = showAll(transcript, entry, entry, entry);
  if (entry.role !== "system" || !nodes[0]) return [nodes, more];
  return expandable(transcript, entry, entry, h(".words", nodes), more);
}

/**
 * @param {Transcript} transcript
 * @param {{ html?: string | null, text?: string }[]} parts
 * @param {string} label of those that are plain text
 */
const texts = (transcript, parts, label) =>
  parts.map(({ html, text }) =>
    text == null ? markdown(transcript.app, html) : group("pre", label, text),
  );
