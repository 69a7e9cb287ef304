/** Labels: stars, tags and notes on messages and sessions, shown and set. */

/** @typedef {import("./protocol.js").Label} Label */
/** @typedef {Omit<import("./protocol.js").LabelSessionParams, "session_id">} LabelChanges */
/** @typedef {import("./transcript.js").Transcript} Transcript */
/** @typedef {import("./widget.js").Widget} Widget */

import { openSheet } from "./dialog.js";
import { button, choice, dim, form, h, link, put, submitButton } from "./dom.js";
import { runTask } from "./tasks.js";
import { count, plural, visible } from "./text.js";

/**
 * What a label says, in one line; nothing without a label.
 * @param {Widget} app
 * @param {Label | null | undefined} label
 */
export function labelChips(app, label) {
  if (!label) return null;
  const { star, tags, note, author } = label;
  return h(
    "span.chips",
    { title: author ? `Labelled by ${visible(author)}` : "" },
    star && h("span.star", { role: "img", ariaLabel: "Starred" }, "\u2605"),
    tags.map(tag => chip(app, tag)),
    note && h("bdi.note", visible(note)),
  );
}

/**
 * @param {Widget} app
 * @param {string} tag
 */
function chip(app, tag) {
  const node = h("bdi.chip", visible(tag));
  const tags = app.sessions.tags ?? app.hello.palette;
  const colour = tags?.find(one => one.name === tag)?.colour;
  if (colour) node.style.borderColor = colour; // what is no colour is ignored
  return node;
}

/**
 * Fill a choice of what is labelled; hidden without labels. Its value is a filter of the kernel.
 * @param {Widget} app
 * @param {HTMLSelectElement} select
 */
export function fillLabelFilter(app, select) {
  const { tags } = app.sessions;
  select.hidden = !tags;
  const all = [
    ["", "Any label"],
    ["*", "Labelled"],
    ["star", "Starred"],
    ["note", "With a note"],
  ];
  const { value } = select;
  put(
    select,
    [...all, ...(tags ?? []).map(({ name }) => [`tag:${name}`, visible(name)])].map(
      ([name, words]) => h("option", { value: name }, words),
    ),
  );
  select.value = value;
  if (select.selectedIndex < 0) select.value = "";
}

/** @param {() => unknown} [onchange] */
export function labelFilter(onchange) {
  const select = choice("Label", { "": "Any label" }, onchange);
  select.hidden = true; // until the list of sessions tells of labels
  return select;
}

/**
 * Change what is said of message `index`.
 * @param {Transcript} transcript
 * @param {number} index
 * @param {(label: Label | null | undefined) => LabelChanges | null} change
 */
export function labelMessage(transcript, index, change) {
  const entry = transcript.messages.get(index);
  const changes = transcript.app.hello.palette && entry && change(entry.label);
  if (!entry || !changes) return;
  const { identity } = entry;
  return runTask(transcript.app, () => transcript.ask("label", { index, identity, ...changes }));
}

/**
 * Show what is said now of a message or a session, in this view or in another.
 * @param {Widget} app
 * @param {import("./protocol.js").LabelChanged} event
 */
export function labelChanged({ transcript, sessions }, { session, index, identity, label }) {
  const entry = session === transcript.session && index != null && transcript.messages.get(index);
  if (entry && entry.identity === identity) {
    entry.label = label;
    transcript.list.renew(index, index + 1);
  }
  if (session === transcript.session && index == null) transcript.header.showLabel(label);
  sessions.reload();
}

/**
 * Show the labels that another notebook has set.
 * @param {Widget} app
 */
export function labelsChanged({ transcript, sessions }) {
  transcript.messages.refresh();
  sessions.reload();
}

/**
 * Set tag number `number` of the palette, or remove it.
 * @param {Transcript} transcript
 * @param {number} index
 * @param {number} number from 1
 */
export function toggleTag(transcript, index, number) {
  const tag = transcript.app.hello.palette?.[number - 1]?.name;
  if (tag === undefined) return;
  return labelMessage(transcript, index, label =>
    label?.tags.includes(tag) ? { remove: [tag] } : { add: [tag] },
  );
}

/**
 * Open the sheet that labels a message.
 * @param {Transcript} transcript
 * @param {number} index
 */
export function openMessageLabel(transcript, index) {
  const { label } = transcript.messages.get(index) ?? {};
  const save = (/** @type {LabelChanges} */ changes) =>
    labelMessage(transcript, index, () => changes);
  openLabelSheet(transcript.app, `Label message #${count(index + 1)}`, label, save);
}

/**
 * Open the sheet that labels a session.
 * @param {Widget} app
 * @param {string} session_id
 * @param {Label | null | undefined} label
 */
export function openSessionLabel(app, session_id, label) {
  openLabelSheet(app, `Label session ${visible(session_id)}`, label, saving(app, session_id));
}

/**
 * @param {Widget} app
 * @param {string} session_id
 * @returns {(changes: LabelChanges) => unknown}
 */
const saving = (app, session_id) => changes =>
  runTask(app, () => app.ask("label_session", { session_id, ...changes }));

/**
 * Open the sheet that labels the open session, and lists its labelled messages.
 * @param {Transcript} transcript
 */
export function openLabels(transcript) {
  const { app, session } = transcript;
  return runTask(app, async () => {
    const { label, messages } = await transcript.ask("session_labels", {});
    const rows = messages.map(({ index, was, label }) => {
      const go = () => {
        close();
        transcript.jump.to({ index: index ?? 0 });
      };
      const place =
        index == null
          ? dim(`#${count((was ?? 0) + 1)}, gone`)
          : link(`#${count(index + 1)}`, go, "Go to the message");
      return h("li.line", place, labelChips(app, label));
    });
    const gone = messages.some(({ index }) => index == null);
    const close = openLabelSheet(
      app,
      `Label session ${visible(session)}`,
      label,
      saving(app, session),
      rows.length > 0 && [h("b", "Labelled messages"), h("ul.labelled", rows)],
      gone && h("p.dim", "Messages marked as gone were deleted or changed. Their labels are kept."),
    );
  });
}

/**
 * @param {Widget} app
 * @param {string} title
 * @param {Label | null | undefined} label
 * @param {(changes: LabelChanges) => unknown} save
 * @param {...import("./types.js").Child} more what stands below
 */
function openLabelSheet(app, title, label, save, ...more) {
  if (!app.hello.palette) return () => {};
  const star = h("input", { type: "checkbox", checked: Boolean(label?.star), autofocus: true });
  const tags = app.hello.palette.map(({ name }) => {
    const box = h("input", { type: "checkbox", checked: Boolean(label?.tags.includes(name)) });
    return { name, box };
  });
  const note = h("textarea", { ariaLabel: "Note", rows: 4, value: label?.note ?? "" });
  const send = async () => {
    close();
    await save({
      star: star.checked,
      add: tags.filter(({ box }) => box.checked).map(({ name }) => name),
      remove: tags.filter(({ box }) => !box.checked).map(({ name }) => name),
      note: note.value,
    });
  };
  const content = form(
    ".labels",
    send,
    h("label.line", star, "Star"),
    tags.map(({ name, box }, i) => h("label.line", box, chip(app, name), i < 9 && h("kbd", i + 1))),
    !tags.length && h("p.dim", 'Tags come from Labels(path, tags=["..."]).'),
    h("label", "Note", note),
    h(
      "footer",
      button("Cancel", () => close()),
      submitButton("Save", ".primary"),
    ),
  );
  const close = openSheet(app, title, [content, more && h(".labels", more)]);
  return close;
}

/**
 * The labels of a session and how many of its messages have some, for its row in the list.
 * @param {Widget} app
 * @param {import("./protocol.js").SessionRow} row
 */
export const sessionChips = (app, { label, labelled }) => [
  labelChips(app, label),
  labelled
    ? h("span.num", { title: plural(labelled, "labelled message") }, `\u2691 ${labelled}`)
    : null,
];
