/** What a search is narrowed down by: whole words, role, tool, label, time. */

/** @typedef {import("./protocol.js").FindParams} FindParams */

import { choice, field, h } from "./dom.js";
import { fillLabelFilter, labelFilter } from "./labels.js";
import { ROLES } from "./text.js";

export class SearchFilters {
  /** Any role, unless chosen: a search that passes over messages in view would seem broken. */
  #role = choice("Role", { "": "Any role", "not system": "Not system", ...ROLES });
  #tool = field("Tool");
  #model = field("Model");
  #label = labelFilter();
  #since = field("From", { type: "date" });
  #until = field("To", { type: "date" });
  #whole = checkbox();
  #regex = checkbox();
  #errors = checkbox();

  /** @param {() => unknown} onchange */
  constructor(onchange) {
    const title = "Failed tool calls, and records that cannot be read";
    this.node = h(
      ".line.wrap",
      { onchange },
      h("label.line", this.#whole, "Whole words"),
      h("label.line", this.#regex, "Regular expression"),
      h("label.line", { title }, this.#errors, "Errors only"),
      this.#role,
      this.#tool,
      this.#model,
      this.#label,
      h("label.line", "From", this.#since),
      h("label.line", "To", this.#until),
    );
  }

  /**
   * Offer the labels that there are.
   * @param {import("./widget.js").Widget} app
   */
  fill(app) {
    fillLabelFilter(app, this.#label);
  }

  get values() {
    return {
      regex: this.#regex.checked,
      whole_words: this.#whole.checked,
      role: /** @type {FindParams["role"]} */ (this.#role.value),
      tool: this.#tool.value,
      model: this.#model.value,
      errors_only: this.#errors.checked,
      label: this.#label.value,
      since: midnight(this.#since.value),
      until: midnight(this.#until.value, 1),
    };
  }
}

const checkbox = () => h("input", { type: "checkbox" });

/**
 * The moment at which a day begins here, or the one `days` later; "" for none.
 * @param {string} day
 */
function midnight(day, days = 0) {
  if (!day) return "";
  const start = new Date(day + "T00:00");
  start.setDate(start.getDate() + days); // a day of 23 hours is one as well
  return start.toISOString();
}
