/** The sheet that exports sessions: into a variable, as a file, as Python code. */

/** @typedef {NonNullable<import("./protocol.js").CodeParams["scope"]>} Scope */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./widget.js").Widget} Widget */

import { copyText } from "./clipboard.js";
import { openSheet } from "./dialog.js";
import {
  alertBox,
  button,
  choice,
  field,
  form,
  group,
  h,
  iconButton,
  put,
  submitButton,
} from "./dom.js";
import { askSlowly, runTask } from "./tasks.js";
import { plural } from "./text.js";
import { showToast } from "./toast.js";

/**
 * A button that opens the sheet for `scope`.
 * @param {Widget} app
 * @param {string} label
 * @param {Scope} scope
 */
export const exportButton = (app, label, scope) =>
  iconButton("take", label, () => openExport(app, label, scope));

/**
 * A button that saves `scope` as `df` at once; the sheet asks for another name where that is taken.
 * @param {Widget} app
 * @param {string} title of the sheet
 * @param {Scope} scope
 */
export function saveButton(app, title, scope) {
  const failed = (/** @type {Failure} */ failure) => openExport(app, title, scope)(failure);
  const save = button(
    "Save as df",
    () => runTask(app, () => toVariable(app, { name: "df", scope }), failed, save),
    ".primary",
    { title: "A DataFrame in the variable df of this notebook" },
  );
  return save;
}

/** @param {import("./protocol.js").Redacted} redacted */
const redactedWords = ({ values, left_out }) =>
  plural(values, "value") +
  " redacted" +
  (left_out ? `, ${plural(left_out, "unreadable record")} left out` : "");

/**
 * @param {Widget} app
 * @param {import("./protocol.js").VariableParams} params
 */
async function toVariable(app, params) {
  const { name, rows, redacted } = await askSlowly(app, "to_variable", params);
  const more = redacted ? `; ${redactedWords(redacted)}` : "";
  showToast(app, `Saved as ${name}: a DataFrame of ${plural(rows, "row")}${more}`);
}

/**
 * Open the sheet, and return what shows that a variable could not be assigned.
 * @param {Widget} app
 * @param {string} title
 * @param {Scope} scope
 */
export function openExport(app, title, scope) {
  const { variables, files: hasFiles } = app.may;
  const files = app.hello.formats ?? [];
  const problem = alertBox();
  const code = group("pre", "Python code");
  const name = field("Variable", { value: "df", oninput: () => nameAction() });
  const action = submitButton("", ".primary");
  const about = h("p.dim");
  const redact = h("input", { type: "checkbox", onchange: () => showCode() });
  /** A name of a file format, or "" for a DataFrame. */
  const format = choice(
    "Export as",
    {
      ...(variables || !files.length ? { "": "DataFrame in a variable" } : {}),
      ...Object.fromEntries(files.map(({ name, label }) => [name, label])),
    },
    () => draw(),
  );
  /** Whether a variable of this name may be replaced. */
  let overwrite = false;

  const what = () => ({ scope, redact: redact.checked });
  const fail = (/** @type {Failure} */ { message }) => put(problem, message);
  const assignFailed = (/** @type {Failure} */ failure) => {
    fail(failure);
    if (failure.type === "exists") nameAction(true);
  };
  const nameAction = (replaces = false) => {
    overwrite = replaces;
    const assign = `${replaces ? "Replace" : "Save as"} ${name.value.trim()}`;
    put(action, format.value ? "Download" : assign);
  };
  const showCode = () => {
    const params = { ...what(), format: format.value || null };
    return runTask(app, async () => put(code, (await app.ask("code", params)).code), fail);
  };
  const draw = () => {
    put(problem);
    name.hidden = Boolean(format.value);
    put(about, files.find(({ name }) => name === format.value)?.about);
    nameAction();
    showCode();
  };
  const act = async () => {
    if (format.value) await download(app, { ...what(), format: format.value });
    else await toVariable(app, { name: name.value.trim(), ...what(), overwrite });
    put(problem);
    nameAction();
  };
  const submit = () => runTask(app, act, assignFailed, action);
  const limits = "Does not replace people's names or session ids. The README lists its limits.";
  const content = [
    (variables || hasFiles) && form(".line.wrap", submit, format, name, action),
    about,
    h("label.line", { title: limits }, redact, "Redact personal data and credentials"),
    problem,
    h("b", "Python code"),
    code,
    h(
      "footer",
      button("Copy code", () => copyText(app, code.textContent ?? "")),
    ),
  ];
  draw();
  openSheet(app, title, content, { size: ".wide" });
  return assignFailed;
}

/**
 * @param {Widget} app
 * @param {import("./protocol.js").ExportParams} params
 */
async function download(app, params) {
  const { filename, mime, buffers, redacted, left_out } = await askSlowly(app, "export", params);
  const href = URL.createObjectURL(new Blob(buffers, { type: mime }));
  h("a", { href, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
  const said = [redacted && redactedWords(redacted), left_out].filter(Boolean).join(". ");
  if (said) showToast(app, `${filename}: ${said}`, left_out ? "warn" : "check");
}
