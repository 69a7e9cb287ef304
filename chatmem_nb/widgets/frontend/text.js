/** Numbers, sizes and times as words, and text made visible. */

/** @type {Record<string, string>} */
export const ROLES = {
  human: "Human",
  ai: "AI",
  system: "System",
  tool: "Tool",
  other: "Other",
};

const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** @param {string} char */
const escaped = char => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0");

/**
 * Write out the characters that cannot be seen, or that turn a line around.
 * @param {unknown} text
 */
export const visible = text => String(text ?? "").replace(INVISIBLE, escaped);

/** @param {number | null | undefined} n */
export const count = n => (n ?? 0).toLocaleString("en");

/**
 * @param {number | null | undefined} n
 * @param {string} word
 * @param {string} [words]
 */
export const plural = (n, word, words = word + "s") => `${count(n)} ${n === 1 ? word : words}`;

/** @param {number} n */
export const matches = n => plural(n, "match", "matches");

/**
 * @param {number} n
 * @param {number | null | undefined} total
 */
export const portion = (n, total) => count(n) + (total ? ` of ${count(total)}` : "");

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1e3) return plural(bytes, "byte");
  return bytes < 1e6 ? (bytes / 1e3).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
}

/** @type {[number, string][]} their lengths in seconds */
const UNITS = [
  [31557600, "y"],
  [2629800, "mo"],
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** @param {number} seconds */
export function duration(seconds) {
  const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? [1, "s"];
  return `${Math.trunc(seconds / length)} ${unit}`;
}

/**
 * A moment as the clock here shows it, to the minute: "2026-03-01 10:20".
 * @param {string} iso
 */
export function localTime(iso) {
  const moment = new Date(iso);
  if (isNaN(+moment)) return iso;
  const wall = new Date(+moment - moment.getTimezoneOffset() * 60_000);
  return wall.toISOString().slice(0, 16).replace("T", " ");
}

/** @param {string} iso */
export function ago(iso) {
  const seconds = (Date.now() - new Date(iso).getTime()) / 1000;
  return seconds < 60 ? "just now" : duration(seconds) + " ago";
}

/** @param {import("./protocol.js").Tokens | null | undefined} tokens */
export const tokensUsed = tokens =>
  tokens && `${count(tokens.input)} in, ${count(tokens.output)} out`;

/**
 * @param {number} low
 * @param {number} n
 * @param {number} high
 */
export const clamp = (low, n, high) => Math.max(low, Math.min(n, high));
