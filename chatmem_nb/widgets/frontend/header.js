/** What the widget is connected to, and the tools for all of it. */

import { h, icon, iconButton, put } from "./dom.js";
import { openExport } from "./export_sheet.js";
import { openKeys } from "./key_list.js";
import { menuButton } from "./menu.js";
import { runTask } from "./tasks.js";
import { visible } from "./text.js";

export class Header {
  node = h("header.bar");
  #app;
  #dot = h("span.dot");

  /** @param {import("./widget.js").Widget} app */
  constructor(app) {
    this.#app = app;
  }

  draw() {
    const { connected, service } = this.#app.hello;
    this.drawDot();
    put(
      this.node,
      this.#dot,
      h("b", connected ? visible(service) : "Conversations"),
      connected && this.#tools(),
    );
  }

  /** Show whether the kernel and the server respond. */
  drawDot() {
    const { hello, silent } = this.#app;
    const { connected, reachable = true } = hello;
    const problem = silent ? "No response from the kernel" : "The server cannot be reached";
    const isOn = Boolean(connected) && reachable && !silent;
    this.#dot.dataset.on = String(isOn);
    this.#dot.title = !connected ? "Not connected" : isOn ? "Connected" : problem;
  }

  #tools() {
    const app = this.#app;
    const { target, undo } = app.hello;
    const undoButton = iconButton("undo", "Undo", () => app.undo(), ".w", {
      title: "Undo: " + visible(undo?.label),
    });
    return [
      h("bdi.target.clip", { title: visible(target) }, visible(target)),
      !app.may.write && h("span.badge", { title: "Read only" }, icon("lock"), "Read only"),
      h("span.grow"),
      undo?.available && undoButton,
      iconButton("search", "Search messages", () => app.search.show()),
      menuButton("More", () => this.#menu()),
    ];
  }

  #menu() {
    const app = this.#app;
    const all = "Export all sessions";
    const height = app.isTall ? "Normal height" : "Expand";
    const disconnect = async () => app.connected(await app.ask("disconnect", {}));
    return [
      { mark: "take", text: all, run: () => openExport(app, all, "all") },
      { mark: "expand", text: height, run: () => app.expand() },
      { mark: "other", text: "Keyboard shortcuts", run: () => openKeys(app) },
      app.may.connect && {
        mark: "leave",
        text: "Disconnect",
        run: () => runTask(app, disconnect),
      },
    ];
  }
}
