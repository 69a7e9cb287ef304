/** The confirmation before sessions are deleted. */

/** @typedef {import("./protocol.js").Methods} Methods */
/** @typedef {import("./widget.js").Widget} Widget */

import { openConfirmation } from "./dialog.js";
import { dim, h, put } from "./dom.js";
import { UNDOABLE } from "./message_actions.js";
import { runTask } from "./tasks.js";
import { plural, portion, size, visible } from "./text.js";

/**
 * Ask before clearing `session_ids`: the kernel counts first what would go.
 * @param {Widget} app
 * @param {string[]} session_ids
 */
export function clearSessions(app, session_ids) {
  const body = h("div", dim("Counting…"));
  const pending = app.ask("measure_clear", { session_ids }, ({ done, total }) =>
    put(body, dim(portion(done, total))),
  );
  const title = `Clear ${plural(session_ids.length, "session")}?`;
  const words = { title, body, action: "Clear" };
  const clear = () => clearNow(app, session_ids);
  const { confirm, fail } = openConfirmation(app, words, clear, pending.cancel);
  confirm.disabled = true;
  runTask(
    app,
    async () => {
      const measured = await pending;
      put(body, measure(measured));
      put(confirm, "Clear " + plural(measured.messages, "message"));
      confirm.disabled = false;
    },
    fail,
  );
}

/** @param {Methods["measure_clear"]["result"]} measured */
function measure({ sessions, messages, bytes, undoable, note }) {
  const heavy = bytes != null ? ` (${size(bytes)})` : "";
  const rows = sessions.map(({ session_id, length }) =>
    h("li.line", h("bdi.grow", visible(session_id)), dim(plural(length, "message"))),
  );
  return [
    h("p", `${plural(messages, "message")} will be deleted from the server${heavy}.`),
    h("ul.victims", { tabIndex: 0, ariaLabel: "Sessions to clear" }, rows),
    h(undoable ? "p.dim" : "p.reason", note || UNDOABLE),
  ];
}

/**
 * @param {Widget} app
 * @param {string[]} session_ids
 */
async function clearNow(app, session_ids) {
  const { cleared, later, undo } = await app.ask("clear", { session_ids });
  const open = app.transcript.session;
  app.sessions.selection.select([]);
  app.sessions.reload();
  if (later.some(({ session_id }) => session_id === open)) app.open(open);
  else if (cleared.includes(open)) app.transcript.none();
  const added = later.reduce((sum, { length }) => sum + length, 0);
  const stayed = added ? ` Kept ${plural(added, "message")} appended by others.` : "";
  app.undoable(undo, `Cleared ${plural(cleared.length, "session")}.${stayed}`);
}
