/** Going to a message of the open session, as soon as it is on the page. */

/** @typedef {import("./reveal.js").Target} Target */

import { reveal } from "./reveal.js";
import { showToast } from "./toast.js";

/** @param {import("./transcript.js").Transcript} transcript */
export function createMessageJump(transcript) {
  /** @type {Target | null} the message to go to, once it is here */
  let target = null;

  const clear = () => {
    target = null;
  };

  /**
   * Bring a message on the screen that was found, with what hides it opened.
   * @param {Target} wanted
   */
  const to = wanted => {
    target = wanted;
    transcript.show(wanted.index, 0);
    return arrive();
  };

  /**
   * Bring the call on the screen that `entry` has the result of.
   * @param {import("./types.js").Entry} entry
   * @param {string} [text] to be found in the result
   */
  const toCall = ({ index, answers }, text) => {
    if (answers) to({ index: answers.index, result: index, text });
  };

  /**
   * Do what is left to be done where the message to go to is here.
   * @returns {Promise<void>}
   */
  const arrive = async () => {
    const wanted = target;
    const entry = wanted && transcript.messages.get(wanted.index);
    if (!wanted || !entry) return;
    clear();
    if (wanted.identity && entry.identity !== wanted.identity) return findAgain(wanted);
    if (entry.answers) return toCall(entry, wanted.text);
    await reveal(transcript, entry, wanted);
    const { list, app } = transcript;
    list.show(entry.index, 0);
    app.search.marks.show(list.rows[entry.index - list.first]);
  };

  /**
   * Another record is there: others have changed the session since it was found.
   * @param {Target} wanted
   * @returns {Promise<void>}
   */
  const findAgain = async wanted => {
    if (wanted.again) {
      const text = "The session has changed, and this match has moved or is gone. Search again.";
      showToast(transcript.app, text, "warn");
      return;
    }
    await transcript.open(transcript.session, { index: wanted.index });
    to({ ...wanted, again: true });
  };

  return { clear, to, toCall, arrive };
}
