/** The sheet that goes to a message by its number, or by a date. */

import { openPrompt } from "./dialog.js";
import { focus } from "./dom.js";
import { count } from "./text.js";

/** @param {import("./transcript.js").Transcript} transcript */
export function openGoTo(transcript) {
  const words = {
    title: "Go to",
    hint: `A message number from 1 to ${count(transcript.total)}, or a date.`,
    label: "1200 or 2026-01-31",
    action: "Go",
  };
  openPrompt(transcript.app, words, async text => {
    const number = text.replace(/[#,]/g, "");
    if (/^\d+$/.test(number)) {
      focus(transcript.show(Number(number) - 1, 0));
      return;
    }
    const { index, identity } = await transcript.ask("locate", { date: text });
    transcript.jump.to({ index, identity });
  });
}
