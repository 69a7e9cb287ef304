/** The button that follows the open session: new messages appear as others append them. */

import { iconButton } from "./dom.js";

/** How often a view that follows says so, in ms. */
const FOLLOW_MS = 50_000;

export class Follow {
  button = iconButton("live", "Follow", () => this.#toggle(), "", { ariaPressed: "false" });
  #transcript;
  #isOn = false;
  #beat = setInterval(() => this.tell(), FOLLOW_MS);

  /** @param {import("./transcript.js").Transcript} transcript */
  constructor(transcript) {
    this.#transcript = transcript;
  }

  close() {
    clearInterval(this.#beat);
  }

  #toggle() {
    this.#isOn = !this.#isOn;
    this.button.ariaPressed = String(this.#isOn);
    this.tell(true);
  }

  /**
   * Tell the kernel whether this view follows the open session.
   * @param {boolean} [isChange] whether it is to be told also where it does not
   */
  tell(isChange = this.#isOn) {
    const { session, app } = this.#transcript;
    if (!session || !isChange) return;
    app.ask("follow", { session_id: session, on: this.#isOn, visible: app.visible });
  }
}
