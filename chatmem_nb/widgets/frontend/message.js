/** One message of the transcript. */

/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./protocol.js").Block} Block */
/** @typedef {import("./protocol.js").Call} ToolCall */
/** @typedef {import("./transcript.js").Transcript} Transcript */
/** @typedef {import("./types.js").Child} Child */

import { copyText } from "./clipboard.js";
import {
  button,
  dim,
  facts,
  fold,
  group,
  h,
  icon,
  iconButton,
  line,
  put,
  reason,
  time,
} from "./dom.js";
import { copyMessage, deleteMessage, showRecord } from "./message_actions.js";
import { safeNodes } from "./safe_html.js";
import { runTask } from "./tasks.js";
import { ROLES, count, plural, size, tokensUsed, visible } from "./text.js";

/** Results up to this many characters are shown unfolded. */
const SHORT_RESULT = 300;
/** Tool calls that are asked for at once. */
const CALLS = 50;

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
  return h(
    "article.msg." + role,
    { ...place, ariaLabel: `${title}, message ${index + 1}` },
    h(".glyph", icon(role)),
    h(".content", head(entry, title, index), content(transcript, entry)),
    tools(transcript, entry),
  );
}

/**
 * @param {Entry} entry
 * @param {string} title
 * @param {number} index
 */
function head({ name, stored_at, status }, title, index) {
  return h(
    ".msghead",
    h("b.role", title),
    name && h("bdi", visible(name)),
    dim("#", count(index + 1)),
    time(stored_at),
    status === "error" && h("span.reason", "failed"),
  );
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function tools(transcript, entry) {
  return h(
    ".msgbar",
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
  const { error, answers } = entry;
  if (error) return [reason(visible(error)), group("pre", "Raw record", entry.raw)];
  const parts = [
    words(transcript, entry.html),
    fullText(transcript, entry),
    entry.blocks?.map((one, number) => block(transcript, entry, one, number)),
    entry.tool_calls?.map(toolCall),
    moreCalls(transcript, entry),
    facts({
      Model: entry.model,
      Finish: entry.finish_reason,
      Tokens: tokensUsed(entry.tokens),
      Call: entry.tool_call_id,
      Id: entry.id,
    }),
  ];
  if (!answers) return parts;
  const call = ["Result of ", h("code", visible(answers.name)), ` in #${count(answers.index + 1)}`];
  return fold(call, parts);
}

/**
 * The text of a message; code and tables in boxes that scroll.
 * @param {Transcript} transcript
 * @param {string | null | undefined} html
 */
function words({ app }, html) {
  if (!html) return null;
  const text = h(".md", { dir: "auto" }, safeNodes(html));
  for (const node of text.querySelectorAll("pre, table")) {
    const isCode = node.matches("pre");
    const box = group(".box", isCode ? "Code" : "Table");
    const copy = () => copyText(app, node.textContent ?? "");
    node.replaceWith(box);
    put(box, node, isCode && iconButton("copy", "Copy code", copy));
  }
  return text;
}

/**
 * A button that is disabled while it works.
 * @param {Transcript} transcript
 * @param {string} label
 * @param {(go: HTMLButtonElement) => unknown} run
 */
function stepButton({ app }, label, run) {
  const go = button(label, () => runTask(app, () => run(go), null, go));
  return go;
}

/**
 * Where the text was cut: a button that gets the rest of it.
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function fullText(transcript, entry) {
  const { index, identity, clipped } = entry;
  let offset = 0;
  if (!clipped) return null;
  return stepButton(transcript, `Show all ${count(clipped)} characters`, async go => {
    const { text, next, html } = await transcript.ask("full", { index, identity, offset });
    if (html) go.previousSibling?.replaceWith(/** @type {Node} */ (words(transcript, html)));
    else go.before(group("pre", "Full text", text));
    put(go, "Show more");
    go.hidden = next == null;
    offset = next ?? 0;
  });
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {Block} block
 * @param {number} number
 */
function block(transcript, { index, identity }, { kind, label, bytes, html, showable }, number) {
  if (html) return fold(visible(label), words(transcript, html), { className: kind });
  const show = async (/** @type {HTMLButtonElement} */ go) => {
    const { data_url } = await transcript.ask("image", { index, identity, block: number });
    if (/^data:image\//.test(data_url))
      go.replaceWith(h("img", { src: data_url, alt: visible(label) }));
  };
  return h(
    ".part",
    h("bdi", visible(label)),
    bytes != null && dim(size(bytes)),
    showable && stepButton(transcript, "Show image", show),
  );
}

/** @param {ToolCall} call */
function toolCall({ name, id, args, error, result }) {
  const failed = error || result?.status === "error";
  const state = failed ? h("span.reason", "failed") : dim(result ? "answered" : "no result");
  return h(
    ".call",
    line(icon("tool"), h("code", visible(name)), h("span.dim.clip.grow", visible(id)), state),
    error && reason(visible(error)),
    fold("Arguments", group("pre", "Arguments", args)),
    result &&
      fold(`Result in #${count(result.index + 1)}`, group("pre", "Result", result.text), {
        open: result.text?.length < SHORT_RESULT,
      }),
  );
}

/**
 * Where not all tool calls are here: a button that gets further ones.
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
function moreCalls(transcript, { index, identity, tool_calls, tool_calls_total: total = 0 }) {
  let start = tool_calls?.length ?? 0;
  if (start >= total) return null;
  return stepButton(transcript, `Show more of ${plural(total, "tool call")}`, async go => {
    const stop = start + CALLS;
    const { tool_calls: more } = await transcript.ask("calls", { index, identity, start, stop });
    go.before(...more.map(toolCall));
    start += more.length;
    go.hidden = start >= total || !more.length;
  });
}
