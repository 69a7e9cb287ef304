/**
 * The messages between page and kernel. Made of widgets/protocol/ by
 * `python tests/browser/protocol_types.py`; do not edit.
 */

/** All sessions that are selected. */
export interface AllSelected {
  spent?: Spent | null;
  selected: number;
  session_ids: string[];
}

/** Append messages given as JSON; with `dry_run`, only validate them. */
export interface AppendJSONParams {
  session_id: string;
  text: string;
  dry_run?: boolean;
}

/** Append one message. */
export interface AppendParams {
  session_id: string;
  role?: "human" | "ai" | "system" | "tool";
  content: string;
  tool_call_id?: string;
  name?: string;
}

/** The index of the appended message, and the new length. */
export interface Appended {
  spent?: Spent | null;
  index: number;
  total: number;
}

/** How many messages were appended, or the errors in them. */
export interface AppendedJSON {
  spent?: Spent | null;
  count: number;
  errors: LineError[];
  index: number | null;
  total: number | null;
}

/** A content block other than text, without its data. */
export interface Block {
  kind: "image" | "audio" | "file" | "reasoning" | "other";
  label: string;
  bytes?: number | null;
  html?: string | null;
  showable?: boolean;
}

/** A tool call with its result, if there is one. */
export interface Call {
  name: string;
  line?: string | null;
  args?: string | null;
  error?: string | null;
  result?: CallResult | null;
}

/** The tool call that a tool message responds to. */
export interface CallOfResult {
  name: string;
  index: number;
}

/** The result of a tool call. */
export interface CallResult {
  index: number;
  text: string;
  clipped?: number | null;
  identity?: string | null;
  failure?: "status" | "text" | null;
}

/** Tool calls of one message. */
export interface Calls {
  spent?: Spent | null;
  tool_calls: Call[];
  total: number;
}

/** Get tool calls `start` to `stop` of a message. */
export interface CallsParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
  start: number;
  stop: number;
}

/** Cancel request `rid` of the same view. */
export interface CancelParams {
  rid: number;
}

/** Whether there was a request to cancel. */
export interface Cancelled {
  spent?: Spent | null;
  cancelled: boolean;
}

/** What clearing would remove. `bytes` is null if that is too much to be undone. */
export interface ClearMeasured {
  spent?: Spent | null;
  sessions: SessionLength[];
  messages: number;
  bytes: number | null;
  undoable: boolean;
  note: string;
}

/** The sessions that were cleared. `later` are those that others have appended to meanwhile. */
export interface Cleared {
  spent?: Spent | null;
  cleared: string[];
  missing: string[];
  later: SessionLength[];
  undo: Undo | null;
}

/** A service that the form can connect to. */
export interface Client {
  service: "upstash" | "momento" | "local";
  label: string;
  env: Variable[];
  inputs: Input[];
}

/** Python code. */
export interface Code {
  spent?: Spent | null;
  code: string;
}

/** Get Python code for what is shown. */
export interface CodeParams {
  scope?: "session" | "selected" | "all" | "hits";
  redact?: boolean;
  message?: number | null;
  format?: string | null;
}

/** Compare two sessions side by side. */
export interface CompareParams {
  a: string;
  b: string;
}

/** Two sessions side by side. `style` is the CSS for `html`. */
export interface Compared {
  spent?: Spent | null;
  html: string;
  style: string;
}

/** Connect with the values of the form, or with those of the environment if `use_env` is set. */
export interface ConnectParams {
  service: "upstash" | "momento" | "local";
  use_env?: boolean;
  url?: string;
  token?: string;
  api_key?: string;
  endpoint?: string;
  cache_name?: string;
  key_prefix?: string;
  kind?: "upstash" | "momento";
}

/** Another store was connected, or the service became reachable or unreachable. */
export interface ConnectionChanged {
  event: "changed";
  what: "connection";
  connected: boolean;
  number: number;
  reachable: boolean;
}

/** Text for the clipboard. */
export interface Copied {
  spent?: Spent | null;
  text: string;
}

/** Get messages as text for the clipboard. */
export interface CopyParams {
  session_id: string;
  epoch: number;
  indexes: number[];
  identities: string[];
  format?: "text" | "markdown" | "json";
}

/** A record as the transcript shows it. One with an `error` has its `raw` text and no other content. One with `answers` is the result of that call, whose entry shows the text. */
export interface Entry {
  index: number;
  identity: string;
  role: "human" | "ai" | "system" | "tool" | "other";
  stored_at?: string | null;
  error?: string | null;
  name?: string | null;
  html?: string | null;
  clipped?: number | null;
  blocks?: Block[];
  tool_calls?: Call[];
  tool_calls_total?: number | null;
  answers?: CallOfResult | null;
  failure?: "status" | "text" | null;
  raw?: string | null;
  model?: string | null;
  finish_reason?: string | null;
  tokens?: Tokens | null;
  label?: Label | null;
}

/** Why a request failed. `field` names the invalid parameter, if there is one. */
export interface Error {
  type: string;
  message: string;
  field: string | null;
}

/** Export to a file. */
export interface ExportParams {
  scope?: "session" | "selected" | "all" | "hits";
  redact?: boolean;
  format: string;
}

/** A file, whose bytes are the buffer of the reply. */
export interface Exported {
  spent?: Spent | null;
  redacted?: Redacted | null;
  filename: string;
  mime: string;
  bytes: number;
  left_out?: string | null;
}

/** A file that can be downloaded. `name` is that of the request, `label` and `about` are shown. */
export interface FileFormat {
  name: string;
  label: string;
  about: string;
}

/** Search for messages that meet every criterion given; empty ones are ignored. */
export interface FindParams {
  scope?: "session" | "selected" | "all";
  session_id?: string;
  text?: string;
  regex?: boolean;
  whole_words?: boolean;
  role?: "" | "not system" | "human" | "ai" | "system" | "tool" | "other";
  tool?: string;
  model?: string;
  errors_only?: boolean;
  label?: string;
  since?: string;
  until?: string;
  limit?: number;
}

/** Start or stop notifying the view of new messages. */
export interface FollowParams {
  on: boolean;
  visible?: boolean;
  session_id?: string;
}

/** Whether the view is notified of new messages. */
export interface Followed {
  spent?: Spent | null;
  on: boolean;
}

/** The matches of a search: `count` in `sessions` sessions, of which `hits` has the first `limit`. */
export interface Found {
  spent?: Spent | null;
  hits: Hit[];
  count: number;
  sessions: number;
  complete: boolean;
  scanned: Scanned;
}

/** A part of a text. `next` is the offset of the following part. */
export interface Full {
  spent?: Spent | null;
  text: string;
  next?: number | null;
  html?: string | null;
}

/** Get the text of a message, starting at `offset`. */
export interface FullParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
  offset?: number;
}

/** The state that a view starts from. `number` identifies the connection, and changes with it. */
export interface Hello {
  spent?: Spent | null;
  connected: boolean;
  number: number;
  reachable: boolean;
  service: string | null;
  target: string;
  session: string;
  message?: number | null;
  selection: string[];
  clients: Client[];
  price_note: string;
  may: Permissions;
  undo: Undo | null;
  palette?: Tag[] | null;
  formats: FileFormat[];
}

/** A message that a search found. `at` is where the match is in the snippet, in code points. */
export interface Hit {
  session_id: string;
  index: number;
  role: "human" | "ai" | "system" | "tool" | "other";
  snippet: string;
  at: [number, number];
  identity: string;
  words?: string[];
}

/** An image. */
export interface Image {
  spent?: Spent | null;
  data_url: string;
}

/** Get the image in content block number `block` of a message. */
export interface ImageParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
  block: number;
}

/** A field of the connect form. */
export interface Input {
  name: string;
  label: string;
  hint: string;
  secret: boolean;
}

/** The label of a message or a session, with the author and time of its last change. */
export interface Label {
  star: boolean;
  tags: string[];
  note: string;
  author: string;
  at: string | null;
}

/** The label of message `index` of a session has changed, or that of the session if `index` is null. */
export interface LabelChanged {
  event: "changed";
  what: "label";
  session: string;
  index: number | null;
  identity: string;
  label: Label | null;
}

/** Change the label of a message. */
export interface LabelMessageParams {
  star?: boolean | null;
  add?: string[];
  remove?: string[];
  note?: string | null;
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
}

/** Change the label of a session. */
export interface LabelSessionParams {
  star?: boolean | null;
  add?: string[];
  remove?: string[];
  note?: string | null;
  session_id: string;
}

/** The label after a change; null if it is empty. */
export interface Labelled {
  spent?: Spent | null;
  label: Label | null;
}

/** A labelled message. `index` is null if it is no longer stored, `was` its index when labelled. */
export interface LabelledMessage {
  index: number | null;
  was: number | null;
  label: Label;
}

/** Labels have changed in their file, perhaps in another notebook. */
export interface LabelsChanged {
  event: "changed";
  what: "labels";
}

/** The label of a session, and the labelled messages in it, in order. */
export interface LabelsOfSession {
  spent?: Spent | null;
  label: Label | null;
  messages: LabelledMessage[];
}

/** An error in a line of pasted JSON. */
export interface LineError {
  line: number;
  message: string;
}

/** What listing the sessions has cost. */
export interface ListingSpent {
  requests: number;
  billed: number;
}

/** Find the first message stored at or after a date or time. */
export interface LocateParams {
  session_id: string;
  epoch: number;
  date: string;
}

/** The position of a message. */
export interface Located {
  spent?: Spent | null;
  index: number;
  identity: string;
}

/** One message, by its index and a digest of its record. */
export interface MessageParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
}

/** Python asks the page to show message `index` of the open session. */
export interface MessageRequested {
  event: "changed";
  what: "message";
  session: string;
  index: number;
}

/** A request without parameters. */
export interface NoParams {}

/** Open a session. One that does not exist is opened only with `create`. */
export interface OpenParams {
  session_id: string;
  create?: boolean;
}

/** The open session, as of `epoch`. */
export interface OpenSessionParams {
  session_id: string;
  epoch: number;
}

/** The session that was opened. `epoch` is 0 if it does not exist. */
export interface Opened {
  spent?: Spent | null;
  session_id: string;
  epoch: number;
  total: number;
  ttl_s: number | null;
  exists: boolean;
}

/** The matches since the last progress event, and how many there are so far. */
export interface Partial {
  hits: Hit[];
  count: number;
  sessions: number;
}

/** What the page may do. */
export interface Permissions {
  connect: boolean;
  write: boolean;
  variables: boolean;
  files: boolean;
}

/** The beginning of a message. */
export interface Preview {
  role: "human" | "ai" | "system" | "tool" | "other";
  text: string;
}

/** Render text that is being typed. */
export interface PreviewParams {
  text: string;
}

/** The progress of request `rid` of `view`. */
export interface Progress {
  event: "progress";
  view: string;
  rid: number;
  done: number;
  total: number | null;
  note: string;
  partial: Partial | null;
}

/** A record as it is stored. `pretty` is set if it is short, valid JSON. */
export interface Raw {
  spent?: Spent | null;
  raw: string;
  pretty?: string | null;
  chars: number;
}

/** How many values were replaced, and how many records were omitted because they cannot be parsed. */
export interface Redacted {
  values: number;
  left_out: number;
}

/** The open session after a message was removed. */
export interface Removed {
  spent?: Spent | null;
  epoch: number | null;
  total: number;
  undo: Undo | null;
}

/** Text rendered as HTML. */
export interface Rendered {
  spent?: Spent | null;
  html: string;
}

/** How much a search has read. */
export interface Scanned {
  sessions: number;
  messages: number;
}

/** Select sessions of that list, without `stop` to its end; with `matches`, those of the last search. */
export interface SelectAllParams {
  query?: string;
  label?: string;
  sort?: "found" | "id" | "length" | "last_write" | "ttl";
  descending?: boolean;
  start?: number;
  stop?: number | null;
  refresh?: boolean;
  of?: string;
  matches?: boolean;
}

/** How many sessions are selected. */
export interface Selected {
  spent?: Spent | null;
  selected: number;
}

/** Other sessions were selected. */
export interface SelectionChanged {
  event: "changed";
  what: "selection";
  selection: string[];
}

/** The open session has changed. `session` is null if none is open. */
export interface SessionChanged {
  event: "changed";
  what: "session";
  session: string | null;
  epoch: number | null;
  total: number | null;
}

/** Several sessions. */
export interface SessionIdsParams {
  session_ids: string[];
}

/** A session and its length. */
export interface SessionLength {
  session_id: string;
  length: number;
}

/** A page of the session list. `total` is null until all sessions are found. */
export interface SessionPage {
  spent?: Spent | null;
  rows: SessionRow[];
  total: number | null;
  complete: boolean;
  found: number;
  at?: number | null;
  listing_spent: ListingSpent;
  cost: string;
  tags?: Tag[] | null;
}

/** A session in the list. */
export interface SessionRow {
  session_id: string;
  length: number;
  ttl_s: number | null;
  first: Preview | null;
  last: Preview | null;
  last_write: string | null;
  label?: Label | null;
  labelled?: number;
}

/** The list of sessions has changed. */
export interface SessionsChanged {
  event: "changed";
  what: "sessions";
}

/** List sessions `start` to `stop` of those that match `query` and `label`, ordered by `sort`. */
export interface SessionsParams {
  query?: string;
  label?: string;
  sort?: "found" | "id" | "length" | "last_write" | "ttl";
  descending?: boolean;
  start?: number;
  stop?: number | null;
  refresh?: boolean;
  of?: string;
}

/** What the store has spent since it was connected. */
export interface Spent {
  requests: number;
  billed: number;
  bytes_received: number;
}

/** Figures of the open session. `facts` has them as text, by label. */
export interface Stats {
  spent?: Spent | null;
  messages: number;
  turns: number;
  tokens: Tokens | null;
  tools: ToolCount[];
  bad: number;
  failed: number[];
  first_time: string | null;
  last_time: string | null;
  partial: boolean;
  scanned: number;
  facts: Record<string, string>;
}

/** Get the figures of the session, with `all` however long it is. */
export interface StatsParams {
  session_id: string;
  epoch: number;
  all?: boolean;
}

/** A tag that can be set. `colour` is a CSS colour, or empty. */
export interface Tag {
  name: string;
  colour: string;
}

/** Token counts of one message or of many. */
export interface Tokens {
  input: number | null;
  output: number | null;
  total: number | null;
}

/** How often a tool was called. */
export interface ToolCount {
  name: string;
  calls: number;
}

/** The change that the next undo would revert. */
export interface Undo {
  available: boolean;
  label: string | null;
}

/** The change that was undone. */
export interface Undone {
  spent?: Spent | null;
  label: string;
  session_id: string;
  epoch: number | null;
  total: number | null;
  undo: Undo | null;
}

/** The name of an environment variable of a service, and whether it is set; never its value. */
export interface Variable {
  name: string;
  set: boolean;
}

/** Assign a DataFrame to a variable of the notebook. */
export interface VariableParams {
  scope?: "session" | "selected" | "all" | "hits";
  redact?: boolean;
  name: string;
  overwrite?: boolean;
}

/** The variable that a DataFrame was assigned to. */
export interface VariableSet {
  spent?: Spent | null;
  redacted?: Redacted | null;
  name: string;
  rows: number;
}

/** Messages of the open session. `stats` is set if these are all of its messages. */
export interface Window {
  spent?: Spent | null;
  start: number;
  rows: Entry[];
  total: number;
  stats?: Stats | null;
  label?: Label | null;
}

/** Get messages `start` to `stop`. */
export interface WindowParams {
  session_id: string;
  epoch: number;
  start: number;
  stop: number;
}

export type Changed = SessionChanged | MessageRequested | LabelChanged | LabelsChanged | SessionsChanged | SelectionChanged | ConnectionChanged;

export interface Methods {
  hello: { params: NoParams; result: Hello };
  cancel: { params: CancelParams; result: Cancelled };
  connect: { params: ConnectParams; result: Hello };
  disconnect: { params: NoParams; result: Hello };
  select: { params: SessionIdsParams; result: Selected };
  select_all: { params: SelectAllParams; result: AllSelected };
  sessions: { params: SessionsParams; result: SessionPage };
  open: { params: OpenParams; result: Opened };
  window: { params: WindowParams; result: Window };
  stats: { params: StatsParams; result: Stats };
  raw: { params: MessageParams; result: Raw };
  full: { params: FullParams; result: Full };
  image: { params: ImageParams; result: Image };
  calls: { params: CallsParams; result: Calls };
  copy: { params: CopyParams; result: Copied };
  locate: { params: LocateParams; result: Located };
  find: { params: FindParams; result: Found };
  label: { params: LabelMessageParams; result: Labelled };
  label_session: { params: LabelSessionParams; result: Labelled };
  session_labels: { params: OpenSessionParams; result: LabelsOfSession };
  compare: { params: CompareParams; result: Compared };
  follow: { params: FollowParams; result: Followed };
  preview: { params: PreviewParams; result: Rendered };
  append: { params: AppendParams; result: Appended };
  append_json: { params: AppendJSONParams; result: AppendedJSON };
  remove: { params: MessageParams; result: Removed };
  measure_clear: { params: SessionIdsParams; result: ClearMeasured };
  clear: { params: SessionIdsParams; result: Cleared };
  undo: { params: NoParams; result: Undone };
  code: { params: CodeParams; result: Code };
  to_variable: { params: VariableParams; result: VariableSet };
  export: { params: ExportParams; result: Exported };
}
