/** The sheet that exports sessions: into a variable, as a file, as Python code. */

/** @typedef {NonNullable<import("./protocol.js").CodeParams["scope"]>} Scope */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./widget.js").Widget} Widget */

import { copyText } from "./clipboard.js";
import { openSheet } from "./dialog.js";
import { alertBox, button, field, form, group, h, iconButton, put, submitButton } from "./dom.js";
import { askSlowly, runTask } from "./tasks.js";
import { plural } from "./text.js";
import { showToast } from "./toast.js";

/** @typedef {import("./protocol.js").ExportParams["format"]} Format */

/**
 * Label to the kernel's name of the format.
 * @type {Record<string, Format>}
 */
const FORMATS = { JSONL: "jsonl", CSV: "csv", Markdown: "md", HTML: "html", Parquet: "parquet" };

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
  #name = field("Variable", { value: "df", oninput: () => this.#nameAssign() });
  #assign = submitButton("", ".primary");
  #redact = h("input", { type: "checkbox", onchange: () => this.#showCode() });
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
  }

  open() {
    const app = this.#app;
    put(this.#problem);
    this.#nameAssign();
    this.#showCode();
    openSheet(app, this.#title, this.#content(), { wide: true });
  }

  #what() {
    return { scope: this.#scope, redact: this.#redact.checked };
  }

  #showCode() {
    const show = async () => put(this.#code, (await this.#app.ask("code", this.#what())).code);
    return runTask(this.#app, show, this.#fail);
  }

  #content() {
    const { variables, files } = this.#app.may;
    const assign = () => runTask(this.#app, this.#toVariable, this.assignFailed, this.#assign);
    const copy = () => copyText(this.#app, this.#code.textContent ?? "");
    const buttons = Object.entries(FORMATS).map(([label, format]) =>
      this.#fileButton(label, format),
    );
    const about = "Does not replace people's names or session ids. The README lists its limits.";
    return [
      h("label.line", { title: about }, this.#redact, "Redact personal data and credentials"),
      variables && [
        h("b", "DataFrame in a variable"),
        form(".line", assign, this.#name, this.#assign),
      ],
      files && [h("b", "File"), h(".line.wrap", buttons)],
      this.#problem,
      h("b", "Python code"),
      this.#code,
      h("footer", button("Copy code", copy)),
    ];
  }

  #nameAssign(replaces = false) {
    this.#replaces = replaces;
    put(this.#assign, `${replaces ? "Replace" : "Save as"} ${this.#name.value.trim()}`);
  }

  /** @param {Failure} failure */
  #fail = ({ message }) => put(this.#problem, message);

  /** @param {Failure} failure */
  assignFailed = failure => {
    this.#fail(failure);
    if (failure.type === "exists") this.#nameAssign(true);
  };

  #toVariable = async () => {
    const name = this.#name.value.trim();
    await toVariable(this.#app, { name, ...this.#what(), overwrite: this.#replaces });
    this.#nameAssign();
  };

  /**
   * @param {string} label
   * @param {Format} format
   */
  #fileButton(label, format) {
    const download = async () => {
      const params = { ...this.#what(), format };
      const { filename, mime, buffers, redacted } = await askSlowly(this.#app, "export", params);
      const href = URL.createObjectURL(new Blob(buffers, { type: mime }));
      h("a", { href, download: filename }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
      if (redacted) showToast(this.#app, `${filename}: ${redactedWords(redacted)}`);
    };
    return button(label, () => runTask(this.#app, download, this.#fail));
  }
}
