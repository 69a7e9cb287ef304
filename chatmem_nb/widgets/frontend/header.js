/** What the widget is connected to, and the tools for all of it. */

import { h, icon, iconButton, put } from "./dom.js";
import { openExport } from "./export_sheet.js";
import { openKeys } from "./key_list.js";
import { menuButton } from "./menu.js";
import { runTask } from "./tasks.js";
import { visible } from "./text.js";

/** @param {import("./widget.js").Widget} app */
export function createHeader(app) {
  const node = h("header.bar");
  const dot = h("span.dot");

  const draw = () => {
    const { connected, service } = app.hello;
    const title = connected ? visible(service) : "Conversations";
    drawDot();
    put(node, dot, h("b", title), connected && tools());
  };

  /** Show whether the kernel and the server respond. */
  const drawDot = () => {
    const { hello, silent } = app;
    const { connected, reachable = true } = hello;
    const problem = silent ? "No response from the kernel" : "The server cannot be reached";
    const isOn = Boolean(connected) && reachable && !silent;
    dot.dataset.on = String(isOn);
    dot.title = !connected ? "Not connected" : isOn ? "Connected" : problem;
  };

  const tools = () => {
    const { target, undo } = app.hello;
    const undoButton = iconButton("undo", "Undo", () => app.undo(), ".w", {
      title: "Undo: " + visible(undo?.label),
    });
    return [
      h("bdi.target.clip", { title: visible(target) }, visible(target)),
      !app.may.write &&
        h("span.badge", { title: "Read only" }, icon("lock"), h("span", "Read only")),
      h("span.grow"),
      undo?.available && undoButton,
      iconButton("search", "Search messages", () => app.search.show()),
      menuButton("More", menu),
    ];
  };

  const menu = () => {
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
  };

  return { node, draw, drawDot };
}
