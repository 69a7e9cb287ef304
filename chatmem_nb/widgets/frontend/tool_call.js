/** A tool call as one card: what was asked, how it went, and what came back. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Call} ToolCall */
/** @typedef {import("./types.js").CallResult} ToolResult */
/** @typedef {import("./transcript.js").Transcript} Transcript */

import { dim, fold, group, h, icon, reason } from "./dom.js";
import { expandable, showAll } from "./expand.js";
import { safeNodes } from "./safe_html.js";
import { visible } from "./text.js";

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {ToolCall} call
 */
export function toolCall(transcript, entry, call) {
  const { name, line, args, error, result } = call;
  const [state, words] = stateOf(call);
  const ontoggle = (/** @type {Event} */ event) =>
    (call.open = /** @type {HTMLDetailsElement} */ (event.target).open);
  const signature = h("code.grow", h("b", visible(name)), `(${visible(line ?? "")})`);
  return h(
    ".call." + state,
    h(".callhead", icon("tool"), signature, h("span.state-" + state, words)),
    error && reason(visible(error)),
    args && fold("All arguments", group("pre", "Arguments", args), { open: call.open, ontoggle }),
    result && resultOf(transcript, entry, result),
  );
}

/**
 * Return how a call went: the class of its colour, and the words.
 * @param {ToolCall} call
 */
function stateOf({ error, result }) {
  if (error || result?.failure === "status") return ["failed", "failed"];
  if (result?.failure) return ["looks-failed", "looks failed"];
  return result ? ["ok", "ok"] : ["waiting-for", "no answer yet"];
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {ToolResult} result
 */
function resultOf(transcript, entry, result) {
  if (!result.text && !result.parts) return dim("The result is empty.");
  const parts = result.parts ?? [{ text: result.text }];
  const nodes = parts.map(({ html, text }) => (html ? safeNodes(html) : text));
  const isHtml = parts.some(({ html }) => html);
  const box = group(isHtml ? ".result.md" : "pre.result", "Result", nodes);
  return expandable(transcript, entry, result, box, showAll(transcript, entry, result, result));
}
