/** What is folded or cut, and the buttons that show it; what was opened stays so when scrolled away. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Cut} Cut */
/** @typedef {import("./transcript.js").Transcript} Transcript */
/** @typedef {import("./types.js").Child} Child */

import { button } from "./dom.js";
import { taskButton } from "./tasks.js";
import { count } from "./text.js";

/** Texts of up to this many characters and lines are never folded. */
const SHORT = 300;
const SHORT_LINES = 5;

/**
 * A text that is folded to its first lines until it is opened.
 * @param {Transcript} transcript
 * @param {Entry} entry the message whose row it stands in
 * @param {Cut} cut
 * @param {HTMLElement} node
 * @param {Child} more the button that gets what was cut off
 */
export function expandable(transcript, entry, cut, node, more) {
  const text = node.textContent ?? "";
  const lines = text.split("\n").length + node.querySelectorAll("p, li").length;
  if (text.length <= SHORT && lines <= SHORT_LINES && !more) return node;
  node.classList.toggle("folded", !cut.open);
  const toggle = () => {
    cut.open = !cut.open;
    transcript.redraw(entry.index);
  };
  const all = count(cut.clipped ?? text.length);
  const label = cut.open ? "Show less" : `Show all ${all} characters`;
  const isCut = more && (!cut.open || !cut.parts);
  return [node, isCut ? more : [cut.open && more, button(label, toggle, ".more")]];
}

/**
 * Where a text was cut: a button that gets it whole, part by part.
 * @param {Transcript} transcript
 * @param {Entry} entry the message whose row it stands in
 * @param {Cut} cut
 * @param {{ index: number, identity?: string | null }} source the message that the text is of
 */
export function showAll(transcript, entry, cut, source) {
  if (!cut.clipped || cut.next === null) return null;
  const label = cut.parts ? "Show more" : `Show all ${count(cut.clipped)} characters`;
  return taskButton(transcript.app, label, () => loadPart(transcript, entry, cut, source), ".more");
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {Cut} cut
 * @param {{ index: number, identity?: string | null }} source
 */
export async function loadPart(transcript, entry, cut, { index, identity }) {
  const offset = cut.next ?? 0;
  const { text, next, html } = await transcript.ask("full", {
    index,
    identity: identity ?? "",
    offset,
  });
  cut.parts = [...(cut.parts ?? []), html ? { html } : { text }];
  cut.next = next ?? null;
  cut.open = true;
  transcript.redraw(entry.index);
}
