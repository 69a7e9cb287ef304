/** Parts of a message beside its text: reasoning, images and other blocks, and further tool calls. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Block} Block */
/** @typedef {import("./transcript.js").Transcript} Transcript */

import { dim, fold, h } from "./dom.js";
import { markdown } from "./markdown.js";
import { taskButton } from "./tasks.js";
import { plural, size, visible } from "./text.js";

/** Tool calls that are asked for at once. */
const CALLS = 50;

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {Block} block
 * @param {number} number
 */
export function blockOf(transcript, { index, identity }, block, number) {
  const { kind, label, bytes, html, showable, open, data_url } = block;
  const { app } = transcript;
  const ontoggle = (/** @type {Event} */ event) =>
    (block.open = /** @type {HTMLDetailsElement} */ (event.target).open);
  if (html) return fold(visible(label), markdown(app, html), { className: kind, open, ontoggle });
  if (data_url) return h("img", { src: data_url, alt: visible(label) });
  const load = async () => {
    const { data_url } = await transcript.ask("image", { index, identity, block: number });
    if (!/^data:image\//.test(data_url)) return;
    block.data_url = data_url;
    transcript.redraw(index);
  };
  return h(
    ".part",
    h("bdi", visible(label)),
    bytes != null && dim(size(bytes)),
    showable && taskButton(app, "Show image", load),
  );
}

/**
 * Where not all tool calls are here: a button that gets further ones.
 * @param {Transcript} transcript
 * @param {Entry} entry
 */
export function moreCalls(transcript, entry) {
  const { index, identity, tool_calls: calls = [], tool_calls_total } = entry;
  const total = tool_calls_total ?? 0;
  if (calls.length >= total) return null;
  return taskButton(transcript.app, `Show more of ${plural(total, "tool call")}`, async () => {
    const [start, stop] = [calls.length, calls.length + CALLS];
    const reply = await transcript.ask("calls", { index, identity, start, stop });
    entry.tool_calls = [...calls, ...reply.tool_calls];
    if (!reply.tool_calls.length) entry.tool_calls_total = calls.length;
    transcript.redraw(index);
  });
}
