/** The form that connects to a service. */

/** @typedef {import("./protocol.js").Client} Client */
/** @typedef {import("./protocol.js").Input} Input */
/** @typedef {import("./types.js").Child} Child */

import { alertBox, button, dim, focus, form, h, icon, put, submitButton } from "./dom.js";
import { runTask } from "./tasks.js";
import { visible } from "./text.js";

export class ConnectForm {
  node = h(".connect");
  #app;
  #problem = alertBox();
  #envProblem = alertBox();
  /** @type {Client["service"]} */
  #service = "upstash";
  /** @type {Client[]} */
  #clients = [];
  /** @type {Record<string, { input: HTMLInputElement, error: HTMLElement, secret: boolean }>} */
  #inputs = {};
  /** @type {HTMLButtonElement[]} */
  #buttons = [];

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
  }

  /** @param {Client[]} clients */
  show(clients) {
    const ready = clients.find(({ env }) => env.some(({ set }) => set));
    this.#clients = clients;
    this.#service = (ready ?? this.#chosen() ?? clients[0]).service;
    this.#draw();
  }

  #chosen() {
    return this.#clients.find(({ service }) => service === this.#service);
  }

  #draw() {
    const { env, inputs } = /** @type {Client} */ (this.#chosen());
    // A cache has a default name.
    const ready = env.length > 0 && env.every(({ name, set }) => set || /CACHE/.test(name));
    const words = inputs.length ? "Connect" : "Start demo server";
    const connect = submitButton(words, ready ? "" : ".primary");
    const fromEnvironment = button(
      "Connect from the environment",
      () => this.#send(true),
      ".primary",
    );
    this.#buttons = ready ? [connect, fromEnvironment] : [connect];
    this.#inputs = {};
    put(this.#problem);
    put(this.#envProblem);
    const card = form(
      ".card",
      () => this.#send(false),
      h("h2", "Open stored conversations"),
      h("p.dim", "Keys go to the kernel only and are never saved in the notebook."),
      this.#services(),
      env.length > 0 && this.#environment(env, ready && fromEnvironment),
      inputs.map(input => this.#input(input)),
      !inputs.length && "Runs in this kernel, with sample conversations. No account needed.",
      this.#problem,
      connect,
    );
    put(this.node, card);
  }

  #services() {
    const options = this.#clients.map(({ service, label }) => {
      const checked = service === this.#service;
      const onchange = () => this.#choose(service);
      const radio = h("input", { type: "radio", name: this.#app.view, checked, onchange });
      return h("label", radio, h("span", label));
    });
    return h("fieldset.picks", h("legend.unseen", "Service"), options);
  }

  /** @param {Client["service"]} service */
  #choose(service) {
    this.#service = service;
    this.#draw();
    /** @type {HTMLElement | null} */ (this.node.querySelector(":checked"))?.focus();
  }

  /**
   * @param {Client["env"]} variables
   * @param {Child} connect
   */
  #environment(variables, connect) {
    const rows = variables.map(({ name, set }) =>
      h(
        "li.line",
        icon(set ? "check" : "close"),
        h("code", visible(name)),
        dim(set ? "set" : "not set"),
      ),
    );
    const list = h("ul", { ariaLabel: "Environment variables" }, rows);
    return h(".env", list, this.#envProblem, connect);
  }

  /** @param {Input} input */
  #input({ name, label, hint, secret }) {
    const id = `${this.#app.view}-${name}`;
    const error = h(".reason", { id: id + "-error" });
    const input = h("input", {
      id,
      placeholder: hint,
      type: secret ? "password" : "text",
      autocomplete: "off",
      spellcheck: false,
      "aria-describedby": error.id,
    });
    this.#inputs[name] = { input, error, secret };
    return h(".field", h("label", { for: id }, label), input, error);
  }

  /** @param {boolean} fromEnvironment */
  #send(fromEnvironment) {
    const app = this.#app;
    put(this.#problem);
    put(this.#envProblem);
    const params = { service: this.#service, use_env: fromEnvironment, ...this.#takeInputs() };
    const connect = async () => app.connected(await app.ask("connect", params));
    const problem = fromEnvironment ? this.#envProblem : this.#problem;
    runTask(app, connect, failure => this.#fail(failure, problem), ...this.#buttons);
  }

  /** Return what was typed. A secret leaves its field before the message is sent. */
  #takeInputs() {
    /** @type {Record<string, string | undefined>} */
    const typed = {};
    for (const [name, { input, error, secret }] of Object.entries(this.#inputs)) {
      typed[name] = input.value.trim() || undefined;
      if (secret) input.value = "";
      put(error);
      input.ariaInvalid = null;
    }
    return typed;
  }

  /**
   * @param {import("./types.js").Failure} failure
   * @param {HTMLElement} problem shows what is wrong with no input
   */
  #fail({ field, message }, problem) {
    const { input, error } = this.#inputs[field ?? ""] ?? { error: problem };
    put(error, message);
    if (input) input.ariaInvalid = "true";
    focus(input);
  }
}
