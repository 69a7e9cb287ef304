/** The form that connects to a service. */

/** @typedef {import("./protocol.js").Client} Client */
/** @typedef {import("./protocol.js").Input} Input */
/** @typedef {import("./types.js").Child} Child */
/** @typedef {import("./types.js").Failure} Failure */

import { alertBox, button, dim, focus, form, h, icon, put, submitButton } from "./dom.js";
import { runTask } from "./tasks.js";
import { visible } from "./text.js";

/** @param {import("./widget.js").Widget} app */
export function createConnectForm(app) {
  const node = h(".connect");
  const problem = alertBox();
  const envProblem = alertBox();
  /** @type {Client["service"]} */
  let chosen = "upstash";
  /** @type {Client[]} */
  let clients = [];
  /** @type {Record<string, { input: HTMLInputElement, error: HTMLElement, secret: boolean }>} */
  let fields = {};
  /** @type {HTMLButtonElement[]} */
  let buttons = [];

  /** @param {Client[]} offered */
  const show = offered => {
    const ready = offered.find(({ env }) => env.some(({ set }) => set));
    clients = offered;
    chosen = (ready ?? client() ?? offered[0]).service;
    draw();
  };

  const client = () => clients.find(({ service }) => service === chosen);

  const draw = () => {
    const { env, inputs } = /** @type {Client} */ (client());
    // A cache has a default name.
    const ready = env.length > 0 && env.every(({ name, set }) => set || /CACHE/.test(name));
    const words = inputs.length ? "Connect" : "Start demo server";
    const connect = submitButton(words, ready ? "" : ".primary");
    const fromEnvironment = button("Connect from the environment", () => send(true), ".primary");
    buttons = [connect, fromEnvironment];
    fields = {};
    put(problem);
    put(envProblem);
    const card = form(
      ".card",
      () => send(false),
      h("h2", "Open stored conversations"),
      h("p.dim", "Keys go to the kernel only and are never saved in the notebook."),
      services(),
      env.length > 0 && environment(env, ready && fromEnvironment),
      inputs.map(fieldOf),
      !inputs.length && "Runs in this kernel, with sample conversations. No account needed.",
      problem,
      connect,
    );
    put(node, card);
  };

  const services = () => {
    const options = clients.map(({ service, label }) => {
      const checked = service === chosen;
      const onchange = () => choose(service);
      const radio = h("input", { type: "radio", name: app.view, checked, onchange });
      return h("label", radio, h("span", label));
    });
    return h("fieldset.picks", h("legend.unseen", "Service"), options);
  };

  /** @param {Client["service"]} service */
  const choose = service => {
    chosen = service;
    draw();
    focus(node.querySelector(":checked"));
  };

  /**
   * @param {Client["env"]} variables
   * @param {Child} connect
   */
  const environment = (variables, connect) => {
    const rows = variables.map(({ name, set }) =>
      h(
        "li.line",
        icon(set ? "check" : "close"),
        h("code", visible(name)),
        dim(set ? "set" : "not set"),
      ),
    );
    const list = h("ul", { ariaLabel: "Environment variables" }, rows);
    return h(".env", list, envProblem, connect);
  };

  /** @param {Input} input */
  const fieldOf = ({ name, label, hint, secret }) => {
    const id = `${app.view}-${name}`;
    const error = h(".reason", { id: id + "-error" });
    const input = h("input", {
      id,
      placeholder: hint,
      type: secret ? "password" : "text",
      autocomplete: "off",
      spellcheck: false,
      "aria-describedby": error.id,
    });
    fields[name] = { input, error, secret };
    return h(".field", h("label", { for: id }, label), input, error);
  };

  /** @param {boolean} use_env */
  const send = use_env => {
    put(problem);
    put(envProblem);
    const params = { service: chosen, use_env, ...takeInputs() };
    const connect = async () => app.connected(await app.ask("connect", params));
    const place = use_env ? envProblem : problem;
    runTask(app, connect, failure => fail(failure, place), ...buttons);
  };

  /** Return what was typed. A secret leaves its field before the message is sent. */
  const takeInputs = () => {
    /** @type {Record<string, string | undefined>} */
    const typed = {};
    for (const [name, { input, error, secret }] of Object.entries(fields)) {
      typed[name] = input.value.trim() || undefined;
      if (secret) input.value = "";
      put(error);
      input.ariaInvalid = null;
    }
    return typed;
  };

  /**
   * @param {Failure} failure
   * @param {HTMLElement} place shows what is wrong with no input
   */
  const fail = ({ field, message }, place) => {
    const { input, error } = fields[field ?? ""] ?? { error: place };
    put(error, message);
    if (input) input.ariaInvalid = "true";
    focus(input);
  };

  return { node, show };
}
