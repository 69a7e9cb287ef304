// The page of HistoryBrowser. Text reaches the document through textContent, or as HTML that the kernel has
// sanitised and `safe` prunes once more. Nothing is kept in the model but `connected`, `session` and options.

const CAP = 8e6; // px; engines stop laying out near 17.9 million
const WINDOW = 25; // messages asked for at once
const KEPT = 1000; // messages kept in the page
const ROLES = { human: "Human", ai: "AI", system: "System", tool: "Tool", other: "Other" };

// ---------------------------------------------------------------- elements

const FOCUSABLE = new Set(["button", "input", "select", "textarea", "summary", "a"]);
const AS_PROPERTY = new Set(["value", "checked", "textContent", "onclick", "disabled", "open"]);

function h(tag, props, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name || "div");
  if (classes.length) node.className = classes.join(" ");
  if (name === "button") node.type = "button";
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (AS_PROPERTY.has(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((child) => child || child === 0));
  return FOCUSABLE.has(name) || node.tabIndex >= 0 || node.hasAttribute("tabindex") ? keyed(node) : node;
}

// Without this mark, typing `dd` here would delete a notebook cell; on an ancestor it does nothing.
function keyed(node) {
  node.dataset.lmSuppressShortcuts = "true";
  return node;
}

const ICONS = {
  human: "M8 7.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM2.5 14a5.5 5.5 0 0 1 11 0",
  ai: "M8 1.5 9.7 6.3 14.5 8 9.7 9.7 8 14.5 6.3 9.7 1.5 8l4.8-1.7Z",
  system: "M2 5h6.5M12.5 5H14M2 11h1.5M7.5 11H14M10.5 3v4M5.5 9v4",
  tool: "M10.2 2.2a3.7 3.7 0 0 0-3.3 5.2L2.3 12l1.7 1.7 4.6-4.6a3.7 3.7 0 0 0 4.8-4.9L11 6.5 9.5 5Z",
  other: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 8h.01",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5 14 14",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  back: "M10 3 5 8l5 5",
  up: "m4 10 4-4 4 4",
  down: "m4 6 4 4 4-4",
  end: "M8 2v9M4 7.5 8 11.5l4-4M3 14h10",
  start: "M8 14V5M4 8.5 8 4.5l4 4M3 2h10",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  copy: "M6 6h7.5v7.5H6ZM3.5 10H2.5V2.5H10v1",
  trash: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9",
  check: "m3 8.5 3.5 3.5L13 4.5",
  braces: "M6 2.5c-2 0-2 1-2 2.5S4 8 2.5 8C4 8 4 9.5 4 11s0 2.5 2 2.5M10 2.5c2 0 2 1 2 2.5s0 3 1.5 3C12 8 12 9.5 12 11s0 2.5-2 2.5",
  code: "M5.5 4 1.5 8l4 4M10.5 4l4 4-4 4",
  undo: "M5.5 3 2.5 6l3 3M2.5 6h7a3.8 3.8 0 0 1 0 7.5H6",
  take: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  live: "M8 8h.01M5.2 5.2a4 4 0 0 0 0 5.6M10.8 5.2a4 4 0 0 1 0 5.6M3 3a7 7 0 0 0 0 10M13 3a7 7 0 0 1 0 10",
  warn: "M8 2 14.5 13.5h-13ZM8 6.5v3M8 11.5h.01",
  leave: "M10 2.5h3.5v11H10M6 5 3 8l3 3M3 8h7",
  again: "M13 8.5A5 5 0 1 1 11.7 4.5L13.5 6M13.5 2.5V6H10",
  lock: "M4 7h8v6.5H4ZM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  svg.append(document.createElementNS(svg.namespaceURI, "path"));
  svg.firstChild.setAttribute("d", ICONS[name] ?? ICONS.other);
  return svg;
}

const iconButton = (name, label, onclick, props) =>
  h("button.quiet.square", { "aria-label": label, title: label, onclick, ...props }, icon(name));

// ---------------------------------------------------------------- words

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const count = (n) => Number(n ?? 0).toLocaleString("en");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
// Names as they are: what cannot be seen, or turns the line around, is written out.
const plain = (text) =>
  String(text ?? "").replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function span(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]])
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${Math.max(0, Math.round(seconds))} s`;
}

function when(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.valueOf())) return null;
  const day = date.toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
  const time = date.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  return h("time", { datetime: date.toISOString(), title: date.toISOString() }, `${day}, ${time}`);
}

const TAGS = new Set(
  ("A P BR HR B I EM STRONG S DEL CODE PRE SPAN DIV UL OL LI BLOCKQUOTE H1 H2 H3 H4 H5 H6 TABLE THEAD TBODY TR TH TD " +
    "SUP SUB KBD MARK").split(" "),
);

// The kernel's HTML, pruned once more in a document that runs and fetches nothing.
function safe(html) {
  const parsed = new DOMParser().parseFromString(`<body>${html}`, "text/html");
  for (const node of [...parsed.body.querySelectorAll("*")]) {
    if (!TAGS.has(node.tagName)) node.remove();
    for (const { name, value } of [...node.attributes]) {
      const keep = name === "class" || name === "start" || name === "dir" || (name === "href" && /^(https?:|mailto:)/i.test(value));
      if (!keep) node.removeAttribute(name);
    }
    if (node.tagName !== "A") continue;
    node.rel = "noopener noreferrer nofollow";
    node.target = "_blank";
    keyed(node);
  }
  const part = document.createDocumentFragment();
  part.append(...parsed.body.childNodes);
  return document.adoptNode(part);
}

// ---------------------------------------------------------------- messages to and from the kernel

class Fault extends Error {
  constructor({ type, message, field }) {
    super(message);
    Object.assign(this, { type, field });
  }
}

class Link {
  constructor(model, heard) {
    Object.assign(this, { model, heard, rid: 0, waiting: new Map(), silent: false, told: () => {} });
    this.view = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.receive = (message, buffers) => this.take(message, buffers);
    model.on("msg:custom", this.receive);
    this.watch = setInterval(() => this.probe(), 1000);
  }

  ask(method, params = {}, progress) {
    const rid = ++this.rid;
    const promise = new Promise((done, fail) => this.waiting.set(rid, { done, fail, progress, since: Date.now(), method }));
    promise.catch(() => {});
    promise.cancel = () => {
      if (!this.waiting.has(rid)) return;
      this.settle(rid).fail(new Fault({ type: "cancelled", message: "Cancelled." }));
      this.send({ rid: ++this.rid, view: this.view, method: "cancel", params: { rid } });
    };
    this.send({ rid, view: this.view, method, params });
    return promise;
  }

  send(message) {
    try {
      this.model.send(message);
    } catch (error) {
      this.hush(true); // a closed comm throws: the kernel is gone
    }
  }

  settle(rid) {
    const entry = this.waiting.get(rid);
    this.waiting.delete(rid);
    return entry;
  }

  take(message, buffers) {
    if (!message || (message.view && message.view !== this.view)) return;
    this.hush(false);
    if (message.event === "progress") return this.waiting.get(message.rid)?.progress?.(message);
    if (message.event) return this.heard(message);
    const entry = message.rid !== undefined && message.view ? this.settle(message.rid) : null;
    if (!entry) return;
    if (message.ok) entry.done(Object.assign({}, message.result, { buffers }));
    else entry.fail(new Fault(message.error ?? { type: "error", message: "The kernel gave no reason." }));
  }

  // A request with no answer in 4 s: ask whether anybody is there, and say so if not. Any message mends it.
  probe() {
    const oldest = [...this.waiting.values()][0];
    if (!oldest) return;
    const age = Date.now() - Math.max(oldest.since, this.last ?? 0);
    if (age >= 4000) this.hush(true);
    if (age >= 2500 && Date.now() - (this.probed ?? 0) > 4000) {
      this.probed = Date.now();
      this.send({ rid: ++this.rid, view: this.view, method: "hello", params: {} });
    }
  }

  hush(silent) {
    if (!silent) this.last = Date.now();
    if (silent === this.silent) return;
    this.silent = silent;
    this.told(silent);
  }

  close() {
    clearInterval(this.watch);
    this.model.off("msg:custom", this.receive);
    this.waiting.clear();
  }
}

// ---------------------------------------------------------------- a list of any length

// Rows of any height in a block that floats in a spacer. The block grows at its ends as one scrolls; a leap of the
// scroll bar builds it anew where the bar points; at rest it drifts back to where its index belongs on the bar.
class Scroller {
  constructor(box, make, estimate, seen) {
    Object.assign(this, { box, make, estimate, seen, mean: estimate, total: 0, first: 0, last: 0, top: 0, rows: [] });
    this.block = h("div.block", { role: "presentation" });
    this.pad = h("div.pad", { role: "presentation" }, this.block);
    box.append(this.pad);
    box.addEventListener("scroll", () => this.update(), { passive: true });
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(box);
    this.sizes.observe(this.block);
  }

  reset(total) {
    Object.assign(this, { total, first: 0, last: 0, top: 0, rows: [], mark: null, mean: this.estimate });
    this.block.replaceChildren();
    this.room();
    this.box.scrollTop = 0;
    this.update();
  }

  get height() {
    return this.block.offsetHeight;
  }

  get atEnd() {
    return this.last === this.total && this.top + this.height - this.box.scrollTop - this.box.clientHeight < 8;
  }

  room() {
    const end = this.top + this.height;
    const ideal = Math.min(CAP, this.mean * this.total);
    const full = this.last === this.total ? end : Math.max(ideal, end + this.box.clientHeight);
    this.pad.style.height = `${full}px`;
    this.block.style.top = `${this.top}px`;
    return full;
  }

  shift(by) {
    if (Math.abs(by) < 1) return;
    this.top += by;
    this.room();
    this.box.scrollTop += by;
  }

  update() {
    if (!this.total || !this.box.clientHeight) return;
    const { scrollTop: at, clientHeight: view } = this.box;
    if (this.first === this.last || this.top > at + view || this.top + this.height < at) {
      const part = Math.min(1, at / Math.max(1, this.room() - view));
      const point = part * this.total;
      const index = Math.min(this.total - 1, Math.floor(point));
      this.place(index, at + part * view, point - index);
    } else this.fill();
  }

  // Show row `index` with the `part` of its height at `y`, all else around it.
  place(index, y, part) {
    this.first = index;
    this.last = index + 1;
    this.rows = [this.make(index)];
    this.block.replaceChildren(...this.rows);
    this.top = y - part * this.height;
    this.fill();
  }

  fill() {
    const view = this.box.clientHeight;
    const over = Math.max(300, view / 2);
    for (let turn = 0; turn < 40; turn++) {
      const at = this.box.scrollTop;
      const below = at + view + over - this.top - this.height;
      const above = this.top - at + over;
      if (below > 0 && this.last < this.total) this.grow(Math.min(this.total - this.last, this.some(below)), 1);
      else if (above > 0 && this.first > 0) this.grow(Math.min(this.first, this.some(above)), -1);
      else break;
    }
    this.trim(view + over * 2);
    if (this.first === 0) this.shift(-this.top);
    else if (this.top < view) this.settle();
    this.room();
    this.remember();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.settle(), 200);
    this.seen?.(this.first, this.last);
  }

  some(pixels) {
    return Math.min(40, Math.ceil(pixels / Math.max(16, this.mean)) + 1);
  }

  grow(n, way) {
    const before = this.height;
    const start = way > 0 ? this.last : this.first - n;
    const made = Array.from({ length: n }, (_, i) => this.make(start + i));
    if (way > 0) {
      this.block.append(...made);
      this.rows.push(...made);
      this.last += n;
    } else {
      this.block.prepend(...made);
      this.rows.unshift(...made);
      this.first -= n;
      this.top -= this.height - before;
    }
    this.mean += (this.height / this.rows.length - this.mean) * (this.total > 200 ? 0.1 : 0.5);
  }

  trim(spare) {
    const at = this.box.scrollTop;
    let cut = 0;
    while (cut < this.rows.length - 1 && this.top + this.rows[cut].offsetTop + this.rows[cut].offsetHeight < at - spare) cut++;
    if (cut) {
      const by = this.rows[cut].offsetTop;
      this.drop(this.rows.splice(0, cut));
      this.first += cut;
      this.top += by;
    }
    let keep = this.rows.length;
    while (keep > 1 && this.top + this.rows[keep - 1].offsetTop > at + this.box.clientHeight + spare) keep--;
    this.drop(this.rows.splice(keep));
    this.last = this.first + this.rows.length;
  }

  // A row that holds the focus must not take it along, or keys would reach the notebook.
  drop(rows) {
    for (const row of rows) {
      if (row.contains(document.activeElement)) this.box.focus({ preventScroll: true });
      row.remove();
    }
  }

  // Bring the block to where its rows belong on the bar; nothing moves on the screen.
  settle() {
    if (this.first === 0 || this.last === this.total || !this.rows.length) return;
    const view = this.box.clientHeight;
    const from = this.point(this.box.scrollTop);
    const to = this.point(this.box.scrollTop + view);
    const part = Math.min(1, Math.max(0, from / Math.max(1e-9, this.total - (to - from))));
    const full = Math.min(CAP, this.mean * this.total);
    this.shift(Math.max(view, part * (full - view)) - this.box.scrollTop);
    this.room();
    this.remember();
  }

  // The row, with its fraction, at `y`.
  point(y) {
    const i = this.rows.findIndex((row) => this.top + row.offsetTop + row.offsetHeight > y);
    const at = i < 0 ? this.rows.length - 1 : i;
    const row = this.rows[at];
    const part = (y - this.top - row.offsetTop) / Math.max(1, row.offsetHeight);
    return this.first + at + Math.min(1, Math.max(0, part));
  }

  remember() {
    const at = this.box.scrollTop;
    const i = this.rows.findIndex((row) => this.top + row.offsetTop + row.offsetHeight > at);
    this.mark = i < 0 ? null : { index: this.first + i, y: this.top + this.rows[i].offsetTop - at };
    this.ended = this.atEnd;
    this.tall = this.height;
    this.wide = this.box.clientWidth;
  }

  restore() {
    const row = this.mark && this.rows[this.mark.index - this.first];
    if (!row) return this.update();
    if (this.ended && this.last === this.total) {
      this.room();
      this.box.scrollTop = this.top + this.height;
    } else this.top = this.box.scrollTop + this.mark.y - row.offsetTop;
    this.fill();
  }

  resized() {
    if (!this.box.clientHeight) return;
    if (this.box.clientWidth !== this.wide || !this.mark) this.restore();
    else if (this.height !== this.tall) this.fill();
  }

  // Build the rows `from` to `to` again; the row on top of the screen stays where it is, or the end stays the end.
  renew(from = this.first, to = this.last) {
    for (let index = Math.max(from, this.first); index < Math.min(to, this.last); index++) {
      const old = this.rows[index - this.first];
      const row = this.make(index);
      const held = old.contains(document.activeElement);
      this.rows[index - this.first] = row;
      old.replaceWith(row);
      if (held) (row.tabIndex >= 0 || row.hasAttribute("tabindex") ? row : this.box).focus({ preventScroll: true });
    }
    if (this.rows.length) this.restore();
    else this.update();
  }

  resize(total) {
    const ended = this.ended;
    if (total < this.last) return this.reset(total);
    this.total = total;
    if (!this.rows.length) return this.update();
    if (ended) this.restore();
    else this.fill();
  }

  show(index, how = "start") {
    if (!this.total) return null;
    index = Math.max(0, Math.min(this.total - 1, index));
    const view = this.box.clientHeight;
    const row = this.rows[index - this.first];
    if (how === "near" && row) {
      const y = this.top + row.offsetTop;
      const tall = row.offsetHeight;
      if (y < this.box.scrollTop || tall > view) this.box.scrollTop = y;
      else if (y + tall > this.box.scrollTop + view) this.box.scrollTop = y + tall - view;
    } else {
      const part = how === "end" ? 1 : 0;
      const full = Math.max(view, Math.min(CAP, this.mean * this.total));
      this.top = 0;
      this.pad.style.height = `${full}px`;
      this.box.scrollTop = ((index + part) / this.total) * (full - view);
      this.place(index, this.box.scrollTop + part * view, part);
      // At either end of the list there may be nothing to fill the screen with: lean on the end.
      const short = this.box.scrollTop + view - this.top - this.height;
      if (this.last === this.total && short > 0) this.top += short;
      if (this.first === 0) this.shift(-this.top);
      this.room();
      this.remember();
    }
    this.update();
    return this.rows[index - this.first];
  }

  close() {
    clearTimeout(this.resting);
    this.sizes.disconnect();
  }
}

// ---------------------------------------------------------------- sheets, menus, notes

function sheet(app, title, body, actions = [], props = {}) {
  const node = h("dialog.sheet", { "aria-label": title, ...props });
  const close = () => node.close();
  const shut = iconButton("close", "Close", close);
  node.append(h("header", {}, h("h2", {}, title), shut), h("div.sheetbody", {}, body), h("footer", {}, actions));
  node.addEventListener("close", () => node.remove());
  app.root.append(node);
  node.showModal();
  return { node, close };
}

function menu(app, button, items) {
  const list = h("div.menu", { role: "menu", popover: "auto" });
  for (const item of items.filter(Boolean)) {
    const [label, run, mark, more] = item;
    const pick = () => (list.hidePopover(), button.focus(), run());
    list.append(h("button", { role: "menuitem", tabindex: -1, onclick: pick, ...more }, icon(mark), label));
  }
  list.addEventListener("keydown", (event) => {
    const all = [...list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    if (event.key === "Tab" || event.key === "Escape") list.hidePopover(), button.focus();
    if (step || event.key === "Tab" || event.key === "Escape") event.preventDefault();
  });
  list.addEventListener("toggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed") list.remove();
  });
  app.root.append(list);
  list.showPopover();
  const spot = button.getBoundingClientRect();
  const room = list.getBoundingClientRect();
  const up = spot.bottom + room.height + 8 > innerHeight && spot.top > room.height;
  list.style.left = `${Math.max(8, Math.min(spot.right - room.width, innerWidth - room.width - 8))}px`;
  list.style.top = `${up ? spot.top - room.height - 4 : spot.bottom + 4}px`;
  list.firstChild.focus();
}

function state(kind, title, text, ...actions) {
  const marks = { error: "warn", empty: "other", loading: "again" };
  return h(`div.state.${kind}`, { role: kind === "error" ? "alert" : "status" },
    h("div.statemark", {}, icon(marks[kind] ?? kind)), h("h3", {}, title), text && h("p", {}, text),
    actions.length > 0 && h("div.actions", {}, actions));
}

// ---------------------------------------------------------------- connect

const SERVICES = {
  upstash: ["Upstash Redis", ["url", "token", "key_prefix"]],
  momento: ["Momento", ["api_key", "endpoint", "cache_name", "key_prefix"]],
  local: ["Local demo", []],
};
const FIELDS = {
  url: ["REST URL", "https://example-12345.upstash.io"],
  token: ["REST token", "", "secret"],
  api_key: ["API key", "", "secret"],
  endpoint: ["Endpoint", "cell-4-us-west-2-1.prod.a.momentohq.com"],
  cache_name: ["Cache name", "chat-history"],
  key_prefix: ["Key prefix", "message_store:"],
};

class Connect {
  constructor(app) {
    this.app = app;
    this.node = h("div.connect");
    this.kind = "upstash";
  }

  show(hello) {
    this.clients = hello.clients ?? [];
    const ready = this.clients.find((client) => client.env?.length && client.env.every((name) => name.set));
    if (ready) this.kind = this.kindOf(ready);
    this.draw();
  }

  kindOf(client) {
    return Object.keys(SERVICES).find((kind) => String(client.service).toLowerCase().startsWith(kind)) ?? "upstash";
  }

  draw() {
    const client = this.clients.find((one) => this.kindOf(one) === this.kind) ?? {};
    const picks = Object.entries(SERVICES).map(([kind, [label]]) =>
      h("label.pick", {}, h("input", { type: "radio", name: `service-${this.app.link.view}`, checked: kind === this.kind,
        onchange: () => ((this.kind = kind), this.draw(), this.node.querySelector("input:checked").focus()) }), h("span", {}, label)));
    this.problem = h("div.problem", { role: "alert", hidden: true });
    this.inputs = {};
    const fields = SERVICES[this.kind][1].map((name) => this.field(name));
    this.button = h("button.primary", { type: "submit" }, "Connect");
    this.button.type = "submit";
    this.node.replaceChildren(h("form.card", { onsubmit: (event) => (event.preventDefault(), this.send(false)), novalidate: true },
      h("h2", {}, "Open stored conversations"),
      h("p.quietly", {}, "Keys go straight to the kernel. They are never saved in the notebook."),
      h("fieldset.picks", {}, h("legend.unseen", {}, "Service"), picks),
      this.environment(client.env ?? []), fields,
      this.kind === "local" && h("p.quietly", {}, "Starts a small server in this kernel, with sample conversations. No account needed."),
      this.problem, h("div.actions", {}, this.button)));
  }

  environment(names) {
    if (!names.length) return null;
    const all = names.every((name) => name.set);
    const list = names.map(({ name, set }) =>
      h("li", {}, icon(set ? "check" : "close"), h("code", {}, plain(name)), h("span.quietly", {}, set ? "set" : "not set")));
    return h("div.env", {}, h("ul", { "aria-label": "Environment variables" }, list),
      all && (this.fromEnv = h("button.primary", { onclick: () => this.send(true) }, "Connect from the environment")));
  }

  field(name) {
    const [label, hint, secret] = FIELDS[name];
    const id = `${this.app.link.view}-${name}`;
    const input = h("input", { id, type: secret ? "password" : "text", placeholder: hint, autocomplete: "off", spellcheck: "false",
      autocapitalize: "off", "aria-describedby": `${id}-error`, value: name === "key_prefix" ? hint : "" });
    const error = h("div.fielderror", { id: `${id}-error` });
    this.inputs[name] = { input, error, secret };
    return h("div.field", {}, h("label", { for: id }, label), input, error);
  }

  // The secret leaves its field before the message goes: a page saved a moment later holds nothing.
  async send(useEnv) {
    const params = { service: this.kind, use_env: useEnv };
    for (const [name, { input, error, secret }] of Object.entries(this.inputs)) {
      params[name] = useEnv && name !== "key_prefix" ? "" : input.value.trim();
      if (secret) input.value = "";
      error.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    this.problem.hidden = true;
    this.busy(true);
    try {
      this.app.connected(await this.app.link.ask("connect", params));
    } catch (error) {
      this.fail(error);
    } finally {
      this.busy(false);
    }
  }

  busy(on) {
    for (const button of [this.button, this.fromEnv]) if (button) button.disabled = on;
    this.button.textContent = on ? "Connecting…" : "Connect";
  }

  fail(error) {
    const field = this.inputs[error.field];
    (field?.error ?? this.problem).textContent = error.message;
    if (!field) return void (this.problem.hidden = false);
    field.input.setAttribute("aria-invalid", "true");
    field.input.focus();
  }
}

// ---------------------------------------------------------------- sessions

const PAGE = 50;

class Sessions {
  constructor(app) {
    this.app = app;
    this.ticked = new Set();
    this.query = h("input", { type: "search", placeholder: "Filter, or an exact id", "aria-label": "Filter sessions", spellcheck: "false",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event) });
    this.sort = h("select", { "aria-label": "Sort sessions", onchange: () => this.load() },
      [["found", "As found"], ["id", "Id"], ["length", "Length"], ["last_write", "Last write"], ["ttl", "Expiry"]].map(([value, label]) => h("option", { value }, label)));
    this.turn = iconButton("down", "Descending", () => this.flip(), { "aria-pressed": "true" });
    this.exact = h("button.exact", { hidden: true, onclick: () => app.open(this.query.value.trim()) });
    this.box = h("div.rows", { role: "listbox", tabindex: 0, "aria-label": "Sessions", "aria-multiselectable": "true", onkeydown: (event) => this.move(event) });
    this.over = h("div.over");
    this.cost = h("div.cost", { role: "status" });
    this.picked = h("div.picked", { hidden: true });
    this.add = h("button.quiet", { onclick: () => app.newSession() }, icon("plus"), "New");
    this.node = h("aside.list", { "aria-label": "Sessions" },
      h("div.tools", {}, h("div.searchbox", {}, icon("search"), this.query), h("div.line", {}, this.sort, this.turn,
        iconButton("again", "Load again", () => this.load(true)), this.add)),
      this.exact, h("div.listbody", {}, this.box, this.over), this.picked, this.cost);
    this.scroller = new Scroller(this.box, (index) => this.row(index), 62, (from, to) => this.need(from, to));
    this.rows = new Map();
    this.at = 0;
    this.down = true;
  }

  flip() {
    this.down = !this.down;
    this.turn.setAttribute("aria-pressed", String(this.down));
    this.turn.setAttribute("aria-label", this.down ? "Descending" : "Ascending");
    this.turn.title = this.turn.getAttribute("aria-label");
    this.turn.replaceChildren(icon(this.down ? "down" : "up"));
    this.load();
  }

  typed() {
    const text = this.query.value.trim();
    this.exact.hidden = !text;
    this.exact.replaceChildren(icon("search"), h("span", {}, "Open ", h("b", {}, plain(text)), " by its exact id"));
    clearTimeout(this.later);
    this.later = setTimeout(() => this.load(), 200);
  }

  load(refresh = false) {
    clearTimeout(this.later);
    this.asking?.cancel();
    this.asking = null;
    this.gen = (this.gen ?? 0) + 1;
    this.rows.clear();
    this.complete = false;
    this.fresh = refresh;
    this.at = 0;
    this.say(h("div.skeletons", { "aria-label": "Loading sessions" }, Array.from({ length: 6 }, () => h("div.skeleton"))));
    this.fetch(0);
  }

  say(...nodes) {
    this.over.replaceChildren(...nodes);
    this.box.hidden = nodes.length > 0;
  }

  async fetch(start) {
    const gen = this.gen;
    const params = { query: this.query.value.trim(), sort: this.sort.value, descending: this.down, start, stop: start + PAGE, refresh: this.fresh };
    this.fresh = false;
    const asking = (this.asking = this.app.link.ask("sessions", params, (event) => gen === this.gen && this.progress(event, asking)));
    try {
      const answer = await asking;
      if (gen !== this.gen) return;
      this.asking = null;
      this.take(start, answer);
    } catch (error) {
      if (gen !== this.gen || error.type === "cancelled") return;
      this.asking = null;
      this.say(state("error", "Sessions could not be listed", error.message, h("button", { onclick: () => this.load() }, "Try again")));
      this.app.failed(error, () => this.load());
    }
  }

  progress({ done, total, note }, asking) {
    const text = note || `Listed ${count(done)}${total ? ` of ${count(total)}` : ""}…`;
    this.say(state("loading", "Listing sessions", text, h("button", { onclick: () => (asking.cancel(), this.stopped()) }, "Cancel")));
  }

  stopped() {
    this.asking = null;
    this.say(state("empty", "Listing stopped", "Nothing more is asked of the server.", h("button", { onclick: () => this.load() }, "List again")));
  }

  take(start, { rows = [], total, complete, found, spent }) {
    rows.forEach((row, i) => this.rows.set(start + i, row));
    this.complete = complete;
    const known = total ?? Math.max(start + rows.length, this.rows.size) + (complete ? 0 : 1);
    this.app.spent(spent, found);
    if (!known) {
      const text = this.query.value.trim();
      return this.say(text ? state("search", "No session matches", "The filter looks for this text anywhere in the id; * and ? are wildcards.")
        : state("empty", "No sessions yet", "Conversations appear here as soon as one is stored.", this.app.writable && h("button", { onclick: () => this.app.newSession() }, "New session")));
    }
    this.say();
    if (start === 0) this.scroller.reset(known);
    else {
      this.scroller.resize(known);
      this.scroller.renew(start, start + PAGE);
    }
    this.mark();
  }

  need(from, to) {
    if (this.asking) return;
    for (let i = from; i < to; i++) if (!this.rows.has(i)) return void this.fetch(Math.floor(i / PAGE) * PAGE === i || this.rows.has(i - 1) ? i : Math.floor(i / PAGE) * PAGE);
  }

  row(index) {
    const row = this.rows.get(index);
    const id = `${this.app.link.view}-s${index}`;
    if (!row) return h("div.session.waiting", { id, role: "option", "aria-selected": "false", "aria-label": "Loading" }, h("div.skeleton"));
    const ticked = this.ticked.has(row.session_id);
    const line = (part) => part && h("span.said", {}, h("b", {}, ROLES[part.role] ?? plain(part.role)), " ", h("bdi", {}, plain(part.text)));
    return h("div.session", { id, role: "option", "aria-selected": String(ticked), "aria-current": row.session_id === this.app.talk.session && "true",
      onclick: (event) => this.click(event, index) },
      h("span.tick", { title: "Select" }, icon("check")),
      h("div.sessiontext", {},
        h("div.sessionhead", {}, h("bdi.id", { title: plain(row.session_id) }, plain(row.session_id) || "(empty id)"), h("span.num", { title: plural(row.length, "message") }, count(row.length))),
        line(row.first), h("div.sessionfoot", {}, line(row.last) ?? h("span"), row.ttl_s != null && h("span.ttl", { title: "Expires in" }, span(row.ttl_s)))));
  }

  click(event, index) {
    this.at = index;
    const tick = event.target.closest?.(".tick") || event.ctrlKey || event.metaKey || event.shiftKey;
    if (tick) this.tick(index);
    else this.app.open(this.rows.get(index).session_id);
    this.mark();
  }

  tick(index) {
    const id = this.rows.get(index)?.session_id;
    if (id === undefined) return;
    if (!this.ticked.delete(id)) this.ticked.add(id);
    this.scroller.renew(index, index + 1);
    this.drawPicked();
    this.app.link.ask("select", { session_ids: [...this.ticked] });
  }

  drawPicked() {
    const n = this.ticked.size;
    this.picked.hidden = !n;
    this.picked.replaceChildren(h("span", {}, `${count(n)} selected`), h("span.grow"),
      this.app.writable && h("button.quiet.danger", { onclick: () => this.app.clear([...this.ticked]) }, "Clear…"),
      h("button.quiet", { onclick: (event) => this.app.takeMenu(event.currentTarget, "selected") }, "Take away"),
      iconButton("close", "Select none", () => this.untick()));
  }

  untick() {
    this.ticked.clear();
    this.scroller.renew();
    this.drawPicked();
    this.app.link.ask("select", { session_ids: [] });
  }

  key(event) {
    if (event.key === "Enter" && this.query.value.trim()) this.app.open(this.query.value.trim());
    else if (event.key === "ArrowDown") this.box.focus();
    else if (event.key === "Escape" && this.query.value) (this.query.value = ""), this.typed();
    else return;
    event.preventDefault();
  }

  move(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / 62) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined) {
      this.at = Math.max(0, Math.min(this.scroller.total - 1, this.at + step));
      this.scroller.show(this.at, "near");
    } else if (event.key === " ") this.tick(this.at);
    else if (event.key === "Enter" && this.rows.has(this.at)) this.app.open(this.rows.get(this.at).session_id, { focus: true });
    else if (event.key === "/") this.query.focus();
    else return;
    event.preventDefault();
    this.mark();
  }

  mark() {
    for (const row of this.scroller.rows) row.classList.remove("at");
    const row = this.scroller.rows[this.at - this.scroller.first];
    row?.classList.add("at");
    if (row) this.box.setAttribute("aria-activedescendant", row.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  current() {
    for (const [i, row] of this.scroller.rows.entries()) {
      const mine = this.rows.get(this.scroller.first + i)?.session_id === this.app.talk.session;
      if (mine) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  close() {
    clearTimeout(this.later);
    this.scroller.close();
  }
}

// ---------------------------------------------------------------- one message

const folded = (title, body, props) => h("details", props, h("summary", {}, title), body);
const pre = (text, label) => h("pre", { tabindex: 0, role: "region", "aria-label": label }, text);

// JSON set out in lines, its characters as they are: parsing would change big numbers.
function indented(text) {
  let depth = 0;
  let out = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g)) {
    const line = () => "\n" + "  ".repeat(Math.max(0, depth));
    if (token === "{" || token === "[") depth++, (out += token + line());
    else if (token === "}" || token === "]") depth--, (out += line() + token);
    else out += token === "," ? token + line() : token === ":" ? ": " : token;
  }
  return out.replace(/([{[])\s+([}\]])/g, "$1$2");
}

class Entry {
  constructor(talk, index) {
    Object.assign(this, { talk, index });
    const entry = talk.entries.get(index);
    const role = entry?.error ? "bad" : ROLES[entry?.role] ? entry.role : "other";
    this.node = h(`article.msg.${entry ? role : "waiting"}`, { tabindex: -1, "aria-posinset": index + 1, "aria-setsize": talk.total,
      "aria-label": entry ? `${ROLES[entry.role] ?? "Unreadable"} message ${index + 1}` : `Message ${index + 1}, loading` });
    this.node.append(...(entry ? this.parts(entry, role) : [h("div.glyph"), h("div.content", {}, h("div.skeleton"), h("div.skeleton.short"))]));
  }

  parts(entry, role) {
    const slim = entry.answers && !entry.error;
    return [
      h("div.glyph", {}, icon(role === "bad" ? "warn" : role)),
      h("div.content", {}, this.head(entry, role),
        slim ? folded(["Result of ", h("code", {}, plain(entry.answers.name)), ` in #${entry.answers.index + 1}`], this.body(entry), { "data-slim": true }) : this.body(entry)),
    ];
  }

  head(entry, role) {
    return h("div.msghead", {}, h("b.role", {}, role === "bad" ? "Unreadable record" : ROLES[role]), entry.name && h("bdi", {}, plain(entry.name)),
      entry.status === "error" && h("span.flag", {}, icon("warn"), "failed"), h("span.index", {}, `#${count(this.index + 1)}`),
      entry.stored_at && when(entry.stored_at));
  }

  body(entry) {
    if (entry.error) return [h("p.reason", {}, plain(entry.error)), pre(entry.raw ?? "", "Raw record")];
    const text = h("div.md", { dir: "auto" }, safe(entry.html ?? ""));
    for (const block of text.querySelectorAll("pre")) this.code(block);
    for (const table of text.querySelectorAll("table")) {
      const box = h("div.tablebox", { tabindex: 0, role: "region", "aria-label": "Table" });
      table.replaceWith(box);
      box.append(table);
    }
    return [entry.html && text, entry.clipped && this.rest(entry), ...(entry.blocks ?? []).map((block, i) => this.block(block, i)),
      ...(entry.tool_calls ?? []).map((call) => this.call(call)), this.more(entry), this.meta(entry)];
  }

  code(block) {
    const box = h("div.codebox");
    block.replaceWith(box);
    block.setAttribute("role", "region");
    block.setAttribute("aria-label", "Code");
    block.tabIndex = 0;
    box.append(keyed(block), iconButton("copy", "Copy code", (event) => this.talk.app.copyText(block.textContent, event.currentTarget)));
  }

  rest(entry) {
    let offset = 0;
    const part = h("div.rest");
    const button = h("button", {}, `Show all ${count(entry.clipped)} characters`);
    button.onclick = () => this.talk.app.work(button, async () => {
      const { text, next } = await this.talk.ask("full", { index: this.index, offset });
      part.append(pre(text, "Full text"));
      offset = next;
      button.textContent = "Show more";
      button.hidden = next == null;
    });
    part.append(button);
    return [part, button];
  }

  block({ kind, label, bytes, html, showable }, index) {
    if (kind === "reasoning") return folded("Reasoning", h("div.md", { dir: "auto" }, safe(html ?? "")), { class: "reasoning" });
    const box = h("div.block-part", {}, h("b", {}, plain(kind)), h("bdi", {}, plain(label)), bytes != null && h("span.quietly", {}, size(bytes)));
    const button = showable && h("button.quiet", {}, "Show image");
    if (button) button.onclick = () => this.talk.app.work(button, async () => {
      const { data_url } = await this.talk.ask("image", { index: this.index, block: index });
      if (/^data:image\//.test(data_url)) button.replaceWith(h("img", { src: data_url, alt: plain(label) }));
    });
    if (button) box.append(button);
    return box;
  }

  call({ name, id, args, result }) {
    const failed = result?.status === "error";
    return h("div.call", {},
      h("div.callhead", {}, icon("tool"), h("code", {}, plain(name) || "(no name)"), id && h("span.quietly.clip", {}, plain(id)),
        h(`span.outcome${failed ? ".failed" : ""}`, {}, !result ? "no result" : failed ? "failed" : "answered")),
      folded("Arguments", pre(args ?? "", "Arguments")),
      result && folded(["Result ", h("span.quietly", {}, `#${count(result.index + 1)}`)], pre(result.text ?? "", "Result"), { open: (result.text ?? "").length < 400 }));
  }

  more(entry) {
    const left = (entry.tool_calls_total ?? 0) - (entry.tool_calls?.length ?? 0);
    return left > 0 && h("p.quietly", {}, `and ${plural(left, "more tool call")}: see the raw JSON`);
  }

  meta({ model, finish_reason, tokens, id, tool_call_id }) {
    const used = tokens && `${count(tokens.input)} in, ${count(tokens.output)} out`;
    const facts = [["Model", model], ["Finish", finish_reason], ["Tokens", used], ["Call", tool_call_id], ["Id", id]].filter(([, value]) => value);
    return facts.length > 0 && h("dl.meta", {}, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { title: plain(value) }, plain(value)))));
  }
}

// ---------------------------------------------------------------- the transcript

class Talk {
  constructor(app) {
    Object.assign(this, { app, session: "", entries: new Map(), gen: 0, epoch: null, total: 0, asked: [] });
    this.title = h("bdi.title");
    this.count = h("span.quietly.nowrap");
    this.box = h("div.feed", { role: "feed", tabindex: 0, "aria-label": "Messages", onkeydown: (event) => this.key(event),
      onmouseover: (event) => this.hover(event.target), onfocusin: (event) => this.hover(event.target) });
    this.over = h("div.over");
    this.fresh = h("button.fresh", { hidden: true, onclick: () => this.show(this.total - 1, "end") });
    this.bar = h("div.msgbar", { role: "group", "aria-label": "Message" });
    this.composer = new Composer(app);
    this.head = h("header.talkhead", {});
    this.node = h("section.talk", { "aria-label": "Conversation" }, this.head, h("div.feedbody", {}, this.box, this.over, this.fresh), this.composer.node);
    this.scroller = new Scroller(this.box, (index) => new Entry(this, index).node, 110, (from, to) => this.need(from, to));
    this.box.addEventListener("scroll", () => this.atEnd() && (this.fresh.hidden = true), { passive: true });
    this.none();
  }

  atEnd() {
    return this.scroller.atEnd;
  }

  say(...nodes) {
    this.over.replaceChildren(...nodes);
    this.box.hidden = nodes.length > 0;
  }

  none() {
    this.gen++;
    Object.assign(this, { session: "", epoch: null, total: 0 });
    this.entries.clear();
    this.drawHead();
    this.composer.node.hidden = true;
    this.say(state("ai", "Pick a session", "Its messages appear here, the newest at the bottom."));
  }

  drawHead() {
    const { app } = this;
    const open = this.session !== "";
    const back = iconButton("back", "Back to sessions", () => app.pane("list"), { class: "quiet square back" });
    const tools = open ? [
      iconButton("start", "To the start", () => this.show(0)),
      iconButton("end", "To the end", () => this.show(this.total - 1, "end")),
      app.writable && iconButton("trash", "Clear session", () => app.clear([this.session]))] : [];
    this.title.textContent = plain(this.session);
    this.title.title = plain(this.session);
    this.count.textContent = open && this.epoch !== null ? plural(this.total, "message") : "";
    this.head.replaceChildren(...[back, this.title, this.count, h("span.grow"), ...tools].filter(Boolean));
  }

  ask(method, params, progress) {
    return this.app.link.ask(method, { session_id: this.session, epoch: this.epoch, ...params }, progress);
  }

  async open(session_id, { create = false, index, follow } = {}) {
    const gen = ++this.gen;
    this.asked.forEach((one) => one.cancel());
    Object.assign(this, { session: session_id, epoch: null, total: 0, asked: [], at: index });
    this.entries.clear();
    this.fresh.hidden = true;
    this.drawHead();
    this.composer.node.hidden = !this.app.writable;
    this.say(h("div.skeletons", { "aria-label": "Loading" }, Array.from({ length: 4 }, () => h("div.skeleton.tall"))));
    try {
      const opened = await this.app.link.ask("open", { session_id, create, follow: !!follow });
      if (gen !== this.gen) return;
      this.took(opened, create);
    } catch (error) {
      if (gen !== this.gen) return;
      this.say(state("error", "This session could not be opened", error.message, h("button", { onclick: () => this.open(session_id, { create, index }) }, "Try again")));
      this.app.failed(error, () => gen === this.gen && this.open(session_id, { create, index }));
    }
  }

  took({ epoch, total, exists, ttl_s }, create) {
    Object.assign(this, { epoch, total, ttl: ttl_s });
    this.drawHead();
    if (!total) return this.blank(exists || create);
    this.say();
    this.scroller.reset(total);
    this.show(this.at ?? total - 1, this.at === undefined ? "end" : "start");
  }

  blank(exists) {
    this.say(exists ? state("empty", "No messages yet", this.app.writable ? "Append the first one below." : "This session is empty.")
      : state("search", "No session with this id", "It may have expired, or been stored under another key prefix.", this.app.writable && h("p.quietly", {}, "Appending a message creates it.")));
  }

  // Ask for the rows on the screen that are not here, once the bar rests.
  need(from, to) {
    clearTimeout(this.soon);
    const wait = Date.now() - (this.asked_at ?? 0) < 80 ? 80 : 0;
    const go = () => this.fetch(Math.max(0, this.scroller.first), this.scroller.last);
    if (wait) this.soon = setTimeout(go, wait);
    else this.fetch(from, to);
  }

  async fetch(from, to) {
    const missing = (i) => !this.entries.has(i) && !this.asked.some((one) => i >= one.start && i < one.stop);
    while (from < to && !missing(from)) from++;
    while (to > from && !missing(to - 1)) to--;
    if (from >= to || this.epoch === null) return;
    const { gen } = this;
    const spare = Math.max(0, WINDOW - (to - from));
    const start = this.entries.has(to) ? Math.max(0, from - spare) : from;
    const stop = Math.min(this.total, this.entries.has(to) ? to : to + spare, start + 200);
    this.asked_at = Date.now();
    const asking = Object.assign(this.ask("window", { start, stop }), { start, stop });
    this.asked.push(asking);
    try {
      const answer = await asking;
      if (gen !== this.gen) return;
      this.fill(answer);
    } catch (error) {
      if (gen !== this.gen || error.type === "cancelled") return;
      if (error.type === "stale") return void this.open(this.session, { index: this.scroller.mark?.index });
      this.say(state("error", "Messages could not be read", error.message, h("button", { onclick: () => (this.say(), this.scroller.update()) }, "Try again")));
      this.app.failed(error, () => gen === this.gen && (this.say(), this.scroller.update()));
    } finally {
      this.asked = this.asked.filter((one) => one !== asking);
    }
  }

  fill({ start, rows }) {
    rows.forEach((entry, i) => this.entries.set(start + i, entry));
    for (const key of this.entries.keys()) {
      if (this.entries.size <= KEPT) break;
      if (key < this.scroller.first || key >= this.scroller.last) this.entries.delete(key);
    }
    this.scroller.renew(start, start + rows.length);
  }

  show(index, how = "start") {
    this.fresh.hidden = true;
    return this.scroller.show(index, how);
  }

  grew(total) {
    if (total <= this.total || this.epoch === null) return;
    const ended = this.atEnd() || !this.total;
    const before = this.total;
    this.total = total;
    this.drawHead();
    if (!before) return this.took({ epoch: this.epoch, total, exists: true, ttl_s: this.ttl });
    this.scroller.resize(total);
    if (ended) return void this.show(total - 1, "end");
    this.fresh.hidden = false;
    this.fresh.replaceChildren(icon("end"), "New messages");
  }

  hover(target) {
    const row = target.closest?.(".msg");
    if (!row || row.contains(this.bar) || row.classList.contains("waiting")) return;
    const index = Number(row.getAttribute("aria-posinset")) - 1;
    this.bar.replaceChildren(
      iconButton("copy", "Copy", (event) => this.copyMenu(event.currentTarget, index)),
      iconButton("braces", "Raw JSON", () => this.raw(index)),
      ...(this.app.writable ? [iconButton("trash", "Delete message", () => this.remove(index))] : []));
    row.append(this.bar);
  }

  copyMenu(button, index) {
    const pick = (format) => () => this.app.work(button, async () => {
      const { text } = await this.ask("copy", { indexes: [index], format });
      await this.app.copyText(text, button);
    });
    menu(this.app, button, [["Copy as text", pick("text"), "copy"], ["Copy as Markdown", pick("markdown"), "copy"], ["Copy as JSON", pick("json"), "copy"]]);
  }

  async raw(index) {
    try {
      const { raw, chars } = await this.ask("raw", { index });
      const box = pre(indented(raw), "Raw JSON");
      const copy = h("button", { onclick: () => this.app.copyText(raw, copy) }, "Copy");
      sheet(this.app, `Message #${count(index + 1)}`, [box, chars > raw.length && h("p.quietly", {}, `The first ${count(raw.length)} of ${count(chars)} characters.`)], [copy], { class: "sheet wide" });
    } catch (error) {
      this.app.note(error.message, "error");
    }
  }

  remove(index) {
    const entry = this.entries.get(index);
    const yes = h("button.primary.danger", {}, "Delete message");
    const { close } = sheet(this.app, "Delete this message?", [h("p", {}, `Message #${count(index + 1)} (${ROLES[entry.role] ?? "unreadable"}) of session `, h("b.id", {}, plain(this.session)), ". It can be undone while this browser lives.")],
      [h("button", { autofocus: true, onclick: () => close() }, "Keep it"), yes]);
    yes.onclick = () => this.app.work(yes, async () => {
      const { undo } = await this.ask("remove", { index });
      close();
      this.app.undoable(undo, "Message deleted");
      this.open(this.session, { index: Math.max(0, index - 1) });
    });
  }

  key(event) {
    if (event.target !== this.box && !event.target.matches?.(".msg")) return;
    const rows = this.scroller.rows;
    const focus = rows.indexOf(event.target);
    const top = (this.scroller.mark?.index ?? 0) - this.scroller.first;
    const index = this.scroller.first + (focus < 0 ? top : focus);
    if (event.key === "Home") this.show(0)?.focus({ preventScroll: true });
    else if (event.key === "End") this.show(this.total - 1, "end")?.focus({ preventScroll: true });
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const next = Math.max(0, Math.min(this.total - 1, focus < 0 ? index : index + (event.key === "ArrowDown" ? 1 : -1)));
      this.scroller.show(next, "near")?.focus({ preventScroll: true });
    } else return;
    event.preventDefault();
  }

  close() {
    clearTimeout(this.soon);
    this.scroller.close();
  }
}

// ---------------------------------------------------------------- append

class Composer {
  constructor(app) {
    this.app = app;
    this.role = h("select", { "aria-label": "Role", onchange: () => this.draw() }, ["human", "ai", "system", "tool"].map((role) => h("option", { value: role }, ROLES[role])));
    this.text = h("textarea", { rows: 2, placeholder: "Append a message", "aria-label": "Message", "data-send": true, onkeydown: (event) => this.key(event) });
    this.call = h("input", { placeholder: "Tool call id", "aria-label": "Tool call id", hidden: true });
    this.problem = h("div.problem", { role: "alert", hidden: true });
    this.button = h("button.primary", { onclick: () => this.send(), title: "Ctrl+Enter" }, "Append");
    this.node = h("div.composer", { hidden: true }, this.problem, this.text, h("div.line", {}, this.role, this.call, h("span.grow"), h("span.quietly.hint", {}, "Ctrl+Enter"), this.button));
  }

  draw() {
    this.call.hidden = this.role.value !== "tool";
  }

  key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.send();
  }

  // What was typed stays until the kernel says that it is stored.
  send() {
    const { talk, link } = this.app;
    const content = this.text.value;
    if (!content.trim() || this.button.disabled) return this.text.focus();
    const { session } = talk;
    this.problem.hidden = true;
    this.app.work(this.button, async () => {
      const params = { session_id: session, role: this.role.value, content, tool_call_id: this.call.value.trim(), name: "" };
      const { total } = await link.ask("append", params);
      if (this.text.value === content) this.text.value = "";
      if (talk.session !== session) return;
      talk.grew(total);
      talk.show(total - 1, "end");
    }, (error) => this.fail(error));
  }

  fail(error) {
    this.problem.textContent = error.message;
    this.problem.hidden = false;
  }
}

// ---------------------------------------------------------------- the whole

class App {
  constructor(model, el) {
    Object.assign(this, { model, el, hello: {} });
    this.link = new Link(model, (event) => this.heard(event));
    this.link.told = (silent) => this.silence(silent);
    this.top = h("header.top");
    this.banner = h("div.banner", { role: "alert", hidden: true });
    this.toasts = h("div.toasts", { role: "status" });
    this.main = h("div.main");
    this.root = h("div.chatmem", { role: "region", "aria-label": "Stored conversations" }, this.top, this.banner, this.main, this.toasts);
    this.connect = new Connect(this);
    this.talk = new Talk(this);
    this.list = new Sessions(this);
    this.panes = h("div.panes", {}, this.list.node, this.talk.node);
    this.keys = (event) => this.release(event);
    window.addEventListener("keydown", this.keys, true);
    this.wide = new ResizeObserver(([entry]) => this.root.classList.toggle("narrow", entry.contentRect.width < 640));
    this.wide.observe(this.root);
    this.changes = { "change:session": () => this.follow(), "change:height": () => this.sizeUp(), "change:read_only": () => this.start() };
    for (const [name, run] of Object.entries(this.changes)) model.on(name, run);
    el.append(this.root);
    this.sizeUp();
    this.pane("list");
    this.start();
  }

  get writable() {
    return !this.hello.read_only && !this.model.get("read_only");
  }

  sizeUp() {
    this.root.style.height = this.model.get("height") || "560px";
  }

  pane(name) {
    this.root.dataset.pane = name;
    this.talk.scroller.update();
  }

  async start() {
    if (!this.hello.service) this.main.replaceChildren(state("loading", "Asking the kernel", "One moment."));
    this.drawTop();
    try {
      this.connected(await this.link.ask("hello"));
    } catch (error) {
      this.main.replaceChildren(state("error", "The browser could not start", error.message, h("button", { onclick: () => this.start() }, "Try again")));
    }
  }

  connected(hello) {
    this.hello = hello;
    this.drawTop();
    if (!hello.connected) {
      this.talk.none();
      this.connect.show(hello);
      return this.main.replaceChildren(this.connect.node);
    }
    this.main.replaceChildren(this.panes);
    this.talk.composer.node.hidden = !this.writable || !this.talk.session;
    this.list.load();
    if (hello.session && hello.session !== this.talk.session) this.open(hello.session);
    else this.talk.drawHead();
  }

  drawTop() {
    const { connected, service, target, undo } = this.hello;
    this.top.replaceChildren(...[h("span.dot", { "data-on": String(!!connected) }), h("b", {}, connected ? plain(service) : "Conversations"),
      connected && h("bdi.target", { title: plain(target) }, plain(target)), connected && !this.writable && h("span.badge", {}, icon("lock"), "Read only"), h("span.grow"),
      connected && undo?.available && this.writable && h("button.quiet", { title: plain(undo.label), onclick: (event) => this.undo(event.currentTarget) }, icon("undo"), "Undo"),
      connected && iconButton("leave", "Disconnect", () => this.leave())].filter(Boolean));
  }

  async leave() {
    this.connected(await this.link.ask("disconnect"));
  }

  // The model's `session` changed: Python selected one, or another view of this browser did.
  follow() {
    const session = this.model.get("session");
    if (!this.hello.connected || session === this.talk.session || this.opening) return;
    if (session) this.open(session, { follow: true });
    else this.talk.none();
  }

  async open(session_id, options = {}) {
    if (!session_id) return;
    this.pane("talk");
    this.opening = session_id;
    const done = this.talk.open(session_id, options);
    this.list.current();
    await done;
    if (this.opening === session_id) this.opening = null;
    if (options.focus) this.talk.box.focus();
  }

  heard({ what, session, epoch, total }) {
    if (what === "connection") this.start();
    else if (what === "sessions") this.list.load();
    else if (what === "session" && session === this.talk.session && this.talk.epoch !== null) {
      if (epoch !== null && epoch !== this.talk.epoch) this.talk.open(session, { follow: true });
      else if (total !== null) this.talk.grew(total);
    }
  }

  silence(silent) {
    this.banner.hidden = !silent;
    this.banner.replaceChildren(icon("warn"), h("span", {}, h("b", {}, "No live kernel behind this output. "), "Run its cell again. If the kernel is only busy, this goes on by itself."));
  }

  // The server went away: say so, and try again until it is back.
  failed(error, again) {
    if (!/Unavailable|Timeout/i.test(error.type ?? "")) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(again, 5000);
  }

  spent(spent) {
    if (!spent) return;
    this.list.cost.textContent = `${plural(spent.requests, "request")}, ${count(spent.billed)} billed, ${size(spent.bytes_received)}`;
    this.list.cost.title = this.hello.price_note ?? "";
  }

  async work(button, run, fail = (error) => this.note(error.message, "error")) {
    button.disabled = true;
    button.classList.add("busy");
    try {
      await run();
    } catch (error) {
      if (error.type !== "cancelled") fail(error);
    } finally {
      button.disabled = false;
      button.classList.remove("busy");
    }
  }

  async copyText(text, button) {
    await navigator.clipboard.writeText(text);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
    this.note("Copied");
  }

  note(text, kind = "done", ...more) {
    const node = h(`div.toast.${kind}`, {}, icon(kind === "error" ? "warn" : "check"), h("span", {}, plain(text)), more, iconButton("close", "Dismiss", () => node.remove()));
    this.toasts.append(node);
    setTimeout(() => node.remove(), kind === "error" ? 12000 : 5000);
  }

  undoable(undo, text) {
    this.hello.undo = undo;
    this.drawTop();
    this.note(text, "done", undo?.available && h("button.quiet", { onclick: (event) => this.undo(event.currentTarget) }, "Undo"));
  }

  undo(button) {
    this.work(button, async () => {
      const { label, session_id, undo } = await this.link.ask("undo");
      this.hello.undo = undo ?? { available: false };
      this.drawTop();
      this.note(label ? `Undone: ${label}` : "Undone");
      this.list.load();
      if (session_id && session_id === this.talk.session) this.talk.open(session_id);
    });
  }

  newSession() {
    const input = h("input", { "aria-label": "Session id", autofocus: true, placeholder: "Session id" });
    const go = h("button.primary", { onclick: () => input.value.trim() && (close(), this.open(input.value.trim(), { create: true })) }, "Create");
    input.addEventListener("keydown", (event) => event.key === "Enter" && go.click());
    const { close } = sheet(this, "New session", [h("p.quietly", {}, "It is stored with its first message."), input], [h("button", { onclick: () => close() }, "Cancel"), go]);
  }

  async clear(session_ids) {
    const yes = h("button.primary.danger", { disabled: true }, "Clear");
    const body = h("div", {}, h("div.skeleton"));
    const { close } = sheet(this, session_ids.length > 1 ? `Clear ${count(session_ids.length)} sessions?` : "Clear this session?", body, [h("button", { autofocus: true, onclick: () => close() }, "Cancel"), yes]);
    try {
      const plan = await this.link.ask("measure_clear", { session_ids });
      const rows = plan.sessions.map(({ session_id, length }) => h("li", {}, h("bdi.id", {}, plain(session_id)), h("span.num", {}, plural(length, "message"))));
      body.replaceChildren(h("p", {}, `${plural(plan.messages, "message")} will be removed from the server${plan.bytes != null ? ` (${size(plan.bytes)})` : ""}.`),
        h("ul.victims", { tabindex: 0, "aria-label": "Sessions to clear" }, rows), h(plan.undoable ? "p.quietly" : "p.reason", {}, plan.note || (plan.undoable ? "It can be undone while this browser lives." : "This cannot be undone.")));
      yes.textContent = `Clear ${plural(plan.messages, "message")}`;
      yes.disabled = false;
    } catch (error) {
      body.replaceChildren(h("p.reason", {}, error.message));
    }
    yes.onclick = () => this.work(yes, async () => {
      const { cleared, undo } = await this.link.ask("clear", { session_ids });
      close();
      this.list.ticked.clear();
      this.list.drawPicked();
      this.list.load();
      if (cleared.includes(this.talk.session)) this.talk.none();
      this.undoable(undo, `Cleared ${plural(cleared.length, "session")}`);
    }, (error) => body.append(h("p.reason", { role: "alert" }, error.message)));
  }

  takeMenu() {}

  // With Ctrl or Meta held, the host's shortcuts (save) hold as well; not those that edit text here or append.
  release(event) {
    const target = event.composedPath()[0];
    if (!this.root.contains(target) || !target.matches) return;
    const typing = target.matches("input, textarea, select");
    const ours = typing && /^([acvxzy]|enter|arrow.*|home|end|backspace|delete)$/i.test(event.key);
    const host = (event.ctrlKey || event.metaKey) && !ours;
    if (host) delete target.dataset.lmSuppressShortcuts;
    else keyed(target);
  }

  close() {
    window.removeEventListener("keydown", this.keys, true);
    for (const [name, run] of Object.entries(this.changes)) this.model.off(name, run);
    clearTimeout(this.retry);
    this.wide.disconnect();
    this.list.close();
    this.talk.close();
    this.link.close();
    this.root.remove();
  }
}

export default {
  render({ model, el }) {
    const app = new App(model, el);
    return () => app.close();
  },
};
