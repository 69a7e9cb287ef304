/** Appending a message, or pasted JSON. */

/** @typedef {import("./types.js").Failure} Failure */

import {
  alertBox,
  button,
  choice,
  createTimer,
  field,
  focus,
  h,
  line,
  put,
  reason,
} from "./dom.js";
import { safeNodes } from "./safe_html.js";
import { runTask } from "./tasks.js";
import { plural } from "./text.js";

const ROLES = { human: "Human", ai: "AI", system: "System", tool: "Tool", json: "JSON" };
const JSON_HINT = "One message or a list, in LangChain's or OpenAI's format";
/** Pause after the last key before the preview is drawn, in ms. */
const PREVIEW_MS = 150;
/** Pause before an empty composer shrinks, in ms: what is clicked on must not move away. */
const CLOSE_MS = 250;

export class Composer {
  #app;
  #transcript;
  #role = choice("Role", ROLES, () => this.#onRole());
  #text = h("textarea", {
    rows: 1,
    ariaLabel: "Message",
    oninput: () => this.#drawPreview(),
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event),
  });
  #callId = field("Tool call id");
  #problem = alertBox();
  #preview = h(".md.preview", { hidden: true, ariaLabel: "Preview", role: "group" });
  #previewButton = button("Preview", () => this.#togglePreview(), ".quiet", {
    ariaPressed: "false",
  });
  #append = button("Append", () => this.#send(), ".primary", { title: "Ctrl+Enter" });
  #later = createTimer();
  #closing = createTimer();

  /**
   * @param {import("./widget.js").Widget} app
   * @param {import("./transcript.js").Transcript} transcript
   */
  constructor(app, transcript) {
    this.#app = app;
    this.#transcript = transcript;
    this.node = h(
      ".composer.w",
      {
        hidden: true,
        onfocusin: () => this.#open(),
        onfocusout: () => this.#closing(() => this.#close(), CLOSE_MS),
      },
      this.#problem,
      this.#preview,
      this.#text,
      line(this.#role, this.#callId, this.#previewButton, h("span.grow"), this.#append),
    );
    this.#onRole();
  }

  #open() {
    this.#closing();
    this.node.classList.add("open");
  }

  /** Be one line again, if nothing was typed. */
  #close() {
    if (!this.#text.value && this.#preview.hidden) this.node.classList.remove("open");
  }

  focus() {
    focus(this.#text);
  }

  #isJson() {
    return this.#role.value === "json";
  }

  #onRole() {
    this.#callId.hidden = this.#role.value !== "tool";
    this.#text.placeholder = this.#isJson() ? JSON_HINT : "Append a message";
    this.#drawPreview();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) this.#send();
    // JupyterLab cancels the line break that Enter inserts by itself.
    else document.execCommand("insertText", false, "\n");
  }

  #togglePreview() {
    this.#preview.hidden = !this.#preview.hidden;
    this.#previewButton.ariaPressed = String(!this.#preview.hidden);
    this.#drawPreview();
  }

  #drawPreview() {
    this.#later(async () => {
      if (this.#preview.hidden) return;
      if (this.#isJson()) put(this.#preview, await this.#checkJson());
      else {
        const { html } = await this.#app.ask("preview", { text: this.#text.value });
        put(this.#preview, safeNodes(html));
      }
    }, PREVIEW_MS);
  }

  /** @param {boolean} dry_run */
  async #appendJson(dry_run) {
    const text = this.#text.value;
    const session_id = this.#transcript.session;
    const { count, errors, total } = await this.#app.ask("append_json", {
      session_id,
      text,
      dry_run,
    });
    const problems = errors.map(({ line, message }) => reason(`Line ${line}: ${message}`));
    return { count, total, problems };
  }

  async #checkJson() {
    const { count, problems } = await this.#appendJson(true);
    return problems.length ? problems : plural(count, "message") + " to append.";
  }

  /** @param {string} content */
  async #appendText(content) {
    const { total } = await this.#app.ask("append", {
      session_id: this.#transcript.session,
      role: /** @type {import("./protocol.js").AppendParams["role"]} */ (this.#role.value),
      content,
      tool_call_id: this.#callId.value.trim(),
      name: "",
    });
    return { total, problems: [] };
  }

  /** What was typed stays until the kernel says that it is stored. */
  async #send() {
    const { session } = this.#transcript;
    const content = this.#text.value;
    if (!content.trim() || this.#append.disabled) {
      focus(this.#text);
      return;
    }
    put(this.#problem);
    const append = async () => {
      const pending = this.#isJson() ? this.#appendJson(false) : this.#appendText(content);
      const { total, problems } = await pending;
      if (total == null) put(this.#problem, problems);
      else this.#appended(session, content, total);
    };
    const fail = (/** @type {Failure} */ { message }) => put(this.#problem, message);
    await runTask(this.#app, append, fail, this.#append);
    focus(this.#text);
  }

  /**
   * @param {string} session
   * @param {string} content
   * @param {number} total
   */
  #appended(session, content, total) {
    const transcript = this.#transcript;
    if (this.#text.value === content) this.#text.value = "";
    this.#drawPreview();
    this.#app.sessions.grew(session, total);
    if (transcript.session !== session) return;
    if (transcript.epoch) transcript.grew(total, true);
    else transcript.open(session);
  }
}
