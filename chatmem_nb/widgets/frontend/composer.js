/** Appending a message, or pasted JSON. */

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

/**
 * Make the composer of a transcript.
 * @param {import("./transcript.js").Transcript} transcript
 */
export function createComposer(transcript) {
  const { app } = transcript;
  const role = choice("Role", ROLES, () => onRole());
  const text = h("textarea", {
    rows: 1,
    ariaLabel: "Message",
    oninput: () => drawPreview(),
    onkeydown: (/** @type {KeyboardEvent} */ event) => onKey(event),
  });
  const callId = field("Tool call id");
  const problem = alertBox();
  const preview = h(".md.preview", { hidden: true, ariaLabel: "Preview", role: "group" });
  const previewButton = button("Preview", () => togglePreview(), ".quiet", {
    ariaPressed: "false",
  });
  const append = button("Append", () => send(), ".primary", { title: "Ctrl+Enter" });
  const later = createTimer();
  const closing = createTimer();

  const open = () => {
    closing();
    node.classList.add("open");
  };
  /** Be one line again, if nothing was typed. */
  const close = () => {
    if (!text.value && preview.hidden) node.classList.remove("open");
  };
  const isJson = () => role.value === "json";
  const onRole = () => {
    callId.hidden = role.value !== "tool";
    text.placeholder = isJson() ? JSON_HINT : "Append a message";
    drawPreview();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) send();
    // JupyterLab cancels the line break that Enter inserts by itself.
    else document.execCommand("insertText", false, "\n");
  };
  const togglePreview = () => {
    preview.hidden = !preview.hidden;
    previewButton.ariaPressed = String(!preview.hidden);
    drawPreview();
  };
  const drawPreview = () =>
    later(async () => {
      if (preview.hidden) return;
      if (isJson()) put(preview, await checkJson());
      else put(preview, safeNodes((await app.ask("preview", { text: text.value })).html));
    }, PREVIEW_MS);

  const appendJson = async (/** @type {boolean} */ dry_run) => {
    const params = { session_id: transcript.session, text: text.value, dry_run };
    const { count, errors, total } = await app.ask("append_json", params);
    const problems = errors.map(({ line, message }) => reason(`Line ${line}: ${message}`));
    return { count, total, problems };
  };
  const checkJson = async () => {
    const { count, problems } = await appendJson(true);
    return problems.length ? problems : plural(count, "message") + " to append.";
  };
  const appendText = async (/** @type {string} */ content) => {
    const { total } = await app.ask("append", {
      session_id: transcript.session,
      role: /** @type {import("./protocol.js").AppendParams["role"]} */ (role.value),
      content,
      tool_call_id: callId.value.trim(),
      name: "",
    });
    return { total, problems: [] };
  };
  /** What was typed stays until the kernel says that it is stored. */
  const send = async () => {
    const { session } = transcript;
    const content = text.value;
    if (!content.trim() || append.disabled) {
      focus(text);
      return;
    }
    put(problem);
    const run = async () => {
      const { total, problems } = await (isJson() ? appendJson(false) : appendText(content));
      if (total == null) put(problem, problems);
      else appended(session, content, total);
    };
    await runTask(app, run, ({ message }) => put(problem, message), append);
    focus(text);
  };
  /**
   * @param {string} session
   * @param {string} content
   * @param {number} total
   */
  const appended = (session, content, total) => {
    if (text.value === content) text.value = "";
    drawPreview();
    app.sessions.grew(session, total);
    if (transcript.session !== session) return;
    if (transcript.epoch) transcript.grew(total, true);
    else transcript.open(session);
  };

  const node = h(
    ".composer.w",
    { hidden: true, onfocusin: open, onfocusout: () => closing(close, CLOSE_MS) },
    problem,
    preview,
    text,
    line(role, callId, previewButton, h("span.grow"), append),
  );
  onRole();
  return { node, focus: () => focus(text) };
}
