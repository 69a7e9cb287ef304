/** Marking of what was searched for, in messages and in snippets. */

/** A match does not go on from one of these into another. */
const BLOCKS = "p, li, pre, td, th, h1, h2, h3, h4, h5, h6, blockquote, summary, div, span.dim";

/**
 * Return an expression for `words`, of which the longest goes first; null without words.
 *
 * It is made of literal words alone: what a person typed is never run as an expression here, where
 * nothing could stop it.
 * @param {readonly string[]} words
 * @param {boolean} areWhole whether letters may not go on at either end
 */
export function patternOf(words, areWhole) {
  const texts = words.filter(word => word.trim()).sort((a, b) => b.length - a.length);
  if (!texts.length) return null;
  const escaped = texts.map(text =>
    text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&").replace(/\s+/g, "\\s+"),
  );
  const any = `(${escaped.join("|")})`;
  const letter = "[\\p{L}\\p{N}_]";
  return new RegExp(areWhole ? `(?<!${letter})${any}(?!${letter})` : any, "giu");
}

/**
 * Return the ranges in `node` that `pattern` matches.
 *
 * Paragraphs and the like end a match; marked-up words inside one do not.
 * @param {Element} node
 * @param {RegExp | null} pattern
 * @param {number} most
 */
export function matchesIn(node, pattern, most) {
  /** @type {Range[]} */
  const found = [];
  for (const run of pattern ? textRuns(node) : []) {
    const whole = run.map(one => one.data).join("");
    for (const { index, 0: text } of whole.matchAll(/** @type {RegExp} */ (pattern))) {
      if (found.length === most) return found;
      found.push(rangeOf(run, index, index + text.length));
    }
  }
  return found;
}

/**
 * Return the text nodes under `node` that are shown, those of one paragraph together.
 * @param {Element} node
 */
function textRuns(node) {
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  /** @type {Text[][]} */
  const runs = [];
  let block = null;
  while (texts.nextNode()) {
    const one = /** @type {Text} */ (texts.currentNode);
    const around = one.parentElement?.closest(BLOCKS) ?? null;
    if (around !== block || !runs.length) runs.push([]);
    block = around;
    runs[runs.length - 1].push(one);
  }
  return runs;
}

/**
 * @param {Text[]} run
 * @param {number} start
 * @param {number} end
 */
function rangeOf(run, start, end) {
  const range = new Range();
  let from = 0;
  for (const one of run) {
    const to = from + one.length;
    if (start >= from && start < to) range.setStart(one, start - from);
    if (end > from && end <= to) range.setEnd(one, end - from);
    from = to;
  }
  return range;
}
