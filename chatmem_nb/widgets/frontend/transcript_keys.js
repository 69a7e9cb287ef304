/** The keys of the transcript: from message to message, and what is done with the one that has the focus. */

import { focus, handleKey } from "./dom.js";
import { openKeys } from "./key_list.js";
import { openMessageLabel, toggleTag } from "./labels.js";
import { deleteMessage } from "./message_actions.js";
import { clamp } from "./text.js";

/**
 * @param {import("./transcript.js").Transcript} transcript
 * @param {KeyboardEvent} event
 */
export function onTranscriptKey(transcript, event) {
  const { app, composer, figures, list, total } = transcript;
  const target = /** @type {HTMLElement} */ (event.target);
  const held = list.rows.indexOf(target);
  if (held < 0 && target !== list.box) return;
  const index = held < 0 ? (list.mark?.index ?? 0) : list.first + held;
  const step = (/** @type {number} */ by) => () =>
    focus(list.show(clamp(0, index + (held < 0 ? 0 : by), total - 1)));
  const isPlain = held >= 0 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isPlain && /^[1-9]$/.test(event.key)) toggleTag(transcript, index, Number(event.key));
  handleKey(event, {
    l: isPlain ? () => openMessageLabel(transcript, index) : undefined,
    Home: () => focus(transcript.show(0, 0)),
    End: () => focus(transcript.showEnd()),
    ArrowDown: step(1),
    ArrowUp: step(-1),
    "/": () => app.search.show(),
    "?": () => openKeys(app),
    c: () => composer.focus(),
    n: () => figures.step(1),
    p: () => figures.step(-1),
    Delete: () => {
      const entry = held >= 0 && transcript.messages.get(index);
      if (entry && app.may.write) deleteMessage(transcript, entry);
    },
  });
}
