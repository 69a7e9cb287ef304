/** The button that follows the open session: new messages appear as others append them. */

import { iconButton } from "./dom.js";

/** How often a view that follows says so, in ms. */
const FOLLOW_MS = 50_000;

/** @param {import("./transcript.js").Transcript} transcript */
export function createFollow(transcript) {
  const button = iconButton("live", "Follow", () => toggle(), "", { ariaPressed: "false" });
  let isOn = false;

  const toggle = () => {
    isOn = !isOn;
    button.ariaPressed = String(isOn);
    tell(true);
  };

  /** Tell the kernel whether this view follows the open session; where it does not, of a change only. */
  const tell = (isChange = isOn) => {
    const { session, app } = transcript;
    if (!session || !isChange) return;
    app.ask("follow", { session_id: session, on: isOn, visible: app.visible });
  };

  const beat = setInterval(() => tell(), FOLLOW_MS);
  return { button, tell, close: () => clearInterval(beat) };
}
