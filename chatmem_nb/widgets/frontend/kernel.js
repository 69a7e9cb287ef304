/** Requests to the kernel, its replies, and the events that it sends unasked. */

/** @typedef {import("./protocol.js").Methods} Methods */
/** @typedef {import("./protocol.js").Progress} Progress */

/** Silence while a request is open, in ms: when to ask whether anybody is there, and to say so. */
const PROBE_AFTER = 2000;
const SILENT_AFTER = 4000;

/**
 * @typedef {object} OpenRequest
 * @property {(result: any) => void} resolve
 * @property {(failure: import("./types.js").Failure) => void} reject
 * @property {((progress: Progress) => void) | undefined} onProgress
 * @property {number} since
 */

export class Kernel {
  /** Names this view, since one model may have several, each with replies of its own. */
  view = Math.random().toString(36).slice(2);
  /** @type {Map<number, OpenRequest>} */
  #open = new Map();
  #lastRid = 0;
  #lastHeard = 0;
  #lastProbe = 0;
  #silent = false;
  #model;
  #onEvent;
  #onSilence;
  #watch;

  /**
   * @param {import("./types.js").Model} model
   * @param {(event: import("./protocol.js").Changed) => void} onEvent
   * @param {(silent: boolean) => void} onSilence called when the kernel falls silent and when it
   *   speaks again
   */
  constructor(model, onEvent, onSilence) {
    this.#model = model;
    this.#onEvent = onEvent;
    this.#onSilence = onSilence;
    this.#watch = setInterval(() => this.#checkSilence(), 500);
    model.on("msg:custom", this.#receive);
  }
  close() {
    clearInterval(this.#watch);
    this.#model.off("msg:custom", this.#receive);
    this.#open.clear();
  }

  /**
   * Ask the kernel. The promise rejects with the kernel's error, or a "cancelled" of its own.
   *
   * @template {keyof Methods} Method
   * @param {Method} method
   * @param {Methods[Method]["params"]} params
   * @param {(progress: Progress) => void} [onProgress]
   * @returns {import("./types.js").Pending<Methods[Method]["result"] & { buffers: DataView<ArrayBuffer>[] }>}
   */
  ask(method, params, onProgress) {
    const rid = this.#send(method, params);
    /** @type {any} */
    const pending = new Promise((resolve, reject) =>
      this.#open.set(rid, { resolve, reject, onProgress, since: Date.now() }),
    );
    pending.catch(() => {}); // whoever awaits it hears of it all the same
    pending.cancel = () => this.#cancel(rid);
    return pending;
  }

  /** @param {number} rid */
  #cancel(rid) {
    const request = this.#open.get(rid);
    if (!this.#open.delete(rid)) return;
    request?.reject({ type: "cancelled", message: "" });
    this.#send("cancel", { rid });
  }

  /**
   * @param {string} method
   * @param {object} params
   */
  #send(method, params) {
    const rid = ++this.#lastRid;
    try {
      this.#model.send({ rid, view: this.view, method, params });
    } catch {
      this.#setSilent(true); // a closed comm throws: the kernel is gone
    }
    return rid;
  }

  /**
   * @param {any} message
   * @param {DataView<ArrayBuffer>[]} buffers
   */
  #receive = (message, buffers) => {
    if (message.view && message.view !== this.view) return;
    this.#lastHeard = Date.now();
    this.#setSilent(false);
    const request = message.view && this.#open.get(message.rid);
    if (message.event === "progress") request?.onProgress?.(message);
    else if (message.event) this.#onEvent(message);
    else if (this.#open.delete(message.rid)) {
      if (message.ok) request.resolve({ ...message.result, buffers });
      else request.reject(message.error);
    }
  };

  /** @param {boolean} silent */
  #setSilent(silent) {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#onSilence(silent);
  }

  /** Any message ends a silence, so a "hello" asks for one. */
  #checkSilence() {
    const [oldest] = this.#open.values();
    if (!oldest) return;
    const now = Date.now();
    const age = now - Math.max(oldest.since, this.#lastHeard);
    if (age >= SILENT_AFTER) this.#setSilent(true);
    if (age < PROBE_AFTER || now - this.#lastProbe < SILENT_AFTER) return;
    this.#lastProbe = now;
    this.#send("hello", {});
  }
}
