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
  const failed = (/** @type {Failure} */ failure) => {
    const sheet = new ExportSheet(app, title, scope);
    sheet.open();
    sheet.assignFailed(failure);
  };
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
 * @param {Widget} app
 * @param {string} title
 * @param {Scope} scope
 */
export const openExport = (app, title, scope) => new ExportSheet(app, title, scope).open();

class ExportSheet {
  #app;
  #title;
  #scope;
  #problem = alertBox();
  #code = group("pre", "Python code");
  #name = field("Variable", { value: "df", oninput: () => this.#nameAction() });
  #action = submitButton("", ".primary");
  #about = h("p.dim");
  #redact = h("input", { type: "checkbox", onchange: () => this.#showCode() });
  /** A name of a file format, or "" for a DataFrame. */
  #format;
  /** Whether a variable of this name may be replaced. */
  #replaces = false;

  /**
   * @param {Widget} app
   * @param {string} title
   * @param {Scope} scope
   */
  constructor(app, title, scope) {
    this.#app = app;
    this.#title = title;
    this.#scope = scope;
    const files = this.#files().map(({ name, label }) => [name, label]);
    const frame = app.may.variables || !files.length ? { "": "DataFrame in a variable" } : {};
    const options = { ...frame, ...Object.fromEntries(files) };
    this.#format = choice("Export as", options, () => this.#draw());
  }

  open() {
    this.#draw();
    openSheet(this.#app, this.#title, this.#content(), { wide: true });
  }

  #files() {
    return this.#app.hello.formats ?? [];
  }

  #draw() {
    const format = this.#format.value;
    put(this.#problem);
    this.#name.hidden = Boolean(format);
    put(this.#about, this.#files().find(({ name }) => name === format)?.about);
    this.#nameAction();
    this.#showCode();
  }

  #what() {
    return { scope: this.#scope, redact: this.#redact.checked };
  }

  #showCode() {
    const what = { ...this.#what(), format: this.#format.value || null };
    const show = async () => put(this.#code, (await this.#app.ask("code", what)).code);
    return runTask(this.#app, show, this.#fail);
  }

  #content() {
    const act = () =>
      runTask(
        this.#app,
        this.#format.value ? this.#download : this.#toVariable,
        this.assignFailed,
        this.#action,
      );
    const copy = () => copyText(this.#app, this.#code.textContent ?? "");
    const about = "Does not replace people's names or session ids. The README lists its limits.";
    const { variables, files } = this.#app.may;
    return [
      (variables || files) && form(".line.wrap", act, this.#format, this.#name, this.#action),
      this.#about,
      h("label.line", { title: about }, this.#redact, "Redact personal data and credentials"),
      this.#problem,
      h("b", "Python code"),
      this.#code,
      h("footer", button("Copy code", copy)),
    ];
  }

  #nameAction(replaces = false) {
    this.#replaces = replaces;
    const assign = `${replaces ? "Replace" : "Save as"} ${this.#name.value.trim()}`;
    put(this.#action, this.#format.value ? "Download" : assign);
  }

  /** @param {Failure} failure */
  #fail = ({ message }) => put(this.#problem, message);

  /** @param {Failure} failure */
  assignFailed = failure => {
    this.#fail(failure);
    if (failure.type === "exists") this.#nameAction(true);
  };

  #toVariable = async () => {
    const name = this.#name.value.trim();
    await toVariable(this.#app, { name, ...this.#what(), overwrite: this.#replaces });
    put(this.#problem);
    this.#nameAction();
  };

  #download = async () => {
    const params = { ...this.#what(), format: this.#format.value };
    const { filename, mime, buffers, redacted, left_out } = await askSlowly(
      this.#app,
      "export",
      params,
    );
    const href = URL.createObjectURL(new Blob(buffers, { type: mime }));
    h("a", { href, download: filename }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
    put(this.#problem);
    const said = [redacted && redactedWords(redacted), left_out].filter(Boolean).join(". ");
    if (said) showToast(this.#app, `${filename}: ${said}`, left_out ? "warn" : "check");
  };
}
