/** Going to a message that was found: what hides it is opened, and the words are brought in view. */

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Cut} Cut */
/** @typedef {import("./transcript.js").Transcript} Transcript */

/**
 * Where to go.
 * @typedef {object} Target
 * @property {number} index of the message
 * @property {string} [identity] the record that is meant; others may have changed the session
 * @property {string} [text] what was searched for
 * @property {number} [result] index of the result that is meant, among those in this message
 * @property {boolean} [again] whether the session was read again already
 */

import { loadPart } from "./expand.js";

/** Parts of a text that are read to find the words: a million characters. */
const MOST_PARTS = 5;

/**
 * Open in `entry` what holds the text of `target`.
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {Target} target
 */
export async function reveal(transcript, entry, { text = "", result: wanted }) {
  for (const block of entry.blocks ?? []) block.open = Boolean(text) || block.open;
  for (const call of entry.tool_calls ?? []) {
    if (text && holds(call.args, text)) call.open = true;
    const { result } = call;
    if (result && (result.index === wanted || (text && holds(result.text, text))))
      await unfold(transcript, entry, result, result, result.text, result.index === wanted && text);
  }
  if (text && wanted === undefined) await unfold(transcript, entry, entry, entry, entry.html, text);
  transcript.redraw(entry.index);
}

/**
 * @param {Transcript} transcript
 * @param {Entry} entry
 * @param {Cut} cut
 * @param {{ index: number, identity?: string | null }} source
 * @param {string | null | undefined} shown
 * @param {string | boolean | undefined} text to be found; the rest is read if it is not in `shown`
 */
async function unfold(transcript, entry, cut, source, shown, text) {
  cut.open = true;
  if (!cut.clipped || typeof text !== "string" || holds(shown, text)) return;
  for (let read = 0; read < MOST_PARTS; read++) {
    if (cut.next === null || cut.parts?.some(part => holds(part.html ?? part.text, text))) return;
    await loadPart(transcript, entry, cut, source);
  }
}

/**
 * @param {string | null | undefined} text
 * @param {string} wanted
 */
const holds = (text, wanted) => Boolean(text?.toLowerCase().includes(wanted.toLowerCase()));
