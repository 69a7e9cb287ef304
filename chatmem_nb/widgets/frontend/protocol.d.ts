/**
 * The messages between page and kernel. Made of widgets/protocol.py by
 * `python tests/browser/protocol_types.py`; do not edit.
 */

/** All that are ticked now. */
export interface AllSelected {
  spent?: Spent | null;
  selected: number;
  session_ids: string[];
}

/** Messages as JSON to append, or with `dry_run` to check. */
export interface AppendJSONParams {
  session_id: string;
  text: string;
  dry_run?: boolean;
}

/** One message to append. */
export interface AppendParams {
  session_id: string;
  role?: "human" | "ai" | "system" | "tool";
  content: string;
  tool_call_id?: string;
  name?: string;
}

/** Where a message was appended, and the new length. */
export interface Appended {
  spent?: Spent | null;
  index: number;
  total: number;
}

/** The messages that were appended, or what is wrong with them. */
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

/** A tool call with its result, if that is known. */
export interface Call {
  name: string;
  line?: string | null;
  args?: string | null;
  error?: string | null;
  result?: CallResult | null;
}

/** The tool call that a message is the result of. */
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

/** Some tool calls of one message. */
export interface Calls {
  spent?: Spent | null;
  tool_calls: Call[];
  total: number;
}

/** Its tool calls `start` to `stop`. */
export interface CallsParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
  start: number;
  stop: number;
}

/** Give up request `rid` of the same view. */
export interface CancelParams {
  rid: number;
}

/** Whether there was something to cancel. */
export interface Cancelled {
  spent?: Spent | null;
  cancelled: boolean;
}

/** What clearing would remove; `bytes` is null if that is too much to be undone. */
export interface ClearMeasured {
  spent?: Spent | null;
  sessions: SessionLength[];
  messages: number;
  bytes: number | null;
  undoable: boolean;
  note: string;
}

/** What was cleared; `later` are those to which others have appended meanwhile. */
export interface Cleared {
  spent?: Spent | null;
  cleared: string[];
  missing: string[];
  later: SessionLength[];
  undo: Undo | null;
}

/** A service that the form connects to. */
export interface Client {
  service: "upstash" | "momento" | "local";
  label: string;
  env: Variable[];
  inputs: Input[];
}

/** Python that can be run. */
export interface Code {
  spent?: Spent | null;
  code: string;
}

/** Python for what is shown. */
export interface CodeParams {
  scope?: "session" | "selected" | "all" | "hits";
  message?: number | null;
  redact?: boolean;
}

/** Two sessions, to be shown beside each other. */
export interface CompareParams {
  a: string;
  b: string;
}

/** Two sessions beside each other; `style` is CSS for `html`. */
export interface Compared {
  spent?: Spent | null;
  html: string;
  style: string;
}

/** What was typed into the form; with `use_env` the environment is used instead. */
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

/** Another store is connected, or the same one is reachable again or no longer. */
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

/** Some messages, as text for the clipboard. */
export interface CopyParams {
  session_id: string;
  epoch: number;
  indexes: number[];
  identities: string[];
  format?: "text" | "markdown" | "json";
}

/** A record as the transcript shows it; one with an `error` has its `raw` text instead of the rest. One with `answers` is the result of that call, which holds its text. */
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

/** Why a request failed; `field` names the parameter that is wrong. */
export interface Error {
  type: string;
  message: string;
  field: string | null;
}

/** A file of `scope`. */
export interface ExportParams {
  format: "jsonl" | "csv" | "md" | "html" | "parquet";
  scope?: "session" | "selected" | "all" | "hits";
  redact?: boolean;
}

/** A file, whose bytes come as the reply's buffer. */
export interface Exported {
  spent?: Spent | null;
  redacted?: Redacted | null;
  filename: string;
  mime: string;
  bytes: number;
}

/** What to search for; what is empty does not count. */
export interface FindParams {
  scope?: "session" | "selected" | "all";
  session_id?: string;
  text?: string;
  regex?: boolean;
  whole_words?: boolean;
  role?: "" | "human" | "ai" | "system" | "tool" | "other";
  tool?: string;
  model?: string;
  errors_only?: boolean;
  label?: string;
  since?: string;
  until?: string;
  limit?: number;
}

/** Whether the view wants to hear of new messages. */
export interface FollowParams {
  on: boolean;
  visible?: boolean;
  session_id?: string;
}

/** Whether the view is told of new messages. */
export interface Followed {
  spent?: Spent | null;
  on: boolean;
}

/** What a search found; `hits` are the first `limit` of `count`, and stand in so many `sessions`. */
export interface Found {
  spent?: Spent | null;
  hits: Hit[];
  count: number;
  sessions: number;
  complete: boolean;
  scanned: Scanned;
}

/** A part of a text; `next` is where the following one begins. */
export interface Full {
  spent?: Spent | null;
  text: string;
  next?: number | null;
  html?: string | null;
}

/** Its text from `offset` on. */
export interface FullParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
  offset?: number;
}

/** What a view needs to begin. `number` is that of the connection: another number is another store. */
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
}

/** A message that a search found; the match is at `at` in the snippet, counted in code points. */
export interface Hit {
  session_id: string;
  index: number;
  role: "human" | "ai" | "system" | "tool" | "other";
  snippet: string;
  at: [number, number];
  identity: string;
  words?: string[];
}

/** A picture. */
export interface Image {
  spent?: Spent | null;
  data_url: string;
}

/** The picture in its content block number `block`. */
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

/** What is said of a message or a session, and who said the last of it. */
export interface Label {
  star: boolean;
  tags: string[];
  note: string;
  author: string;
  at: string | null;
}

/** Message `index` of a session is labelled otherwise, or the session itself if it is null. */
export interface LabelChanged {
  event: "changed";
  what: "label";
  session: string;
  index: number | null;
  identity: string;
  label: Label | null;
}

/** Label one message. */
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

/** Label a session. */
export interface LabelSessionParams {
  star?: boolean | null;
  add?: string[];
  remove?: string[];
  note?: string | null;
  session_id: string;
}

/** What is said now; null if nothing is. */
export interface Labelled {
  spent?: Spent | null;
  label: Label | null;
}

/** A labelled message of a session; `index` is null if it is not there any more, `was` where it was. */
export interface LabelledMessage {
  index: number | null;
  was: number | null;
  label: Label;
}

/** What is said of a session, and of its messages in their order. */
export interface LabelsOfSession {
  spent?: Spent | null;
  label: Label | null;
  messages: LabelledMessage[];
}

/** What is wrong in a line of pasted JSON. */
export interface LineError {
  line: number;
  message: string;
}

/** What listing the sessions has cost. */
export interface ListingSpent {
  requests: number;
  billed: number;
}

/** The first message of a day or time. */
export interface LocateParams {
  session_id: string;
  epoch: number;
  date: string;
}

/** Where a message is. */
export interface Located {
  spent?: Spent | null;
  index: number;
  identity: string;
}

/** One message: where it was, and a digest of what it was. */
export interface MessageParams {
  session_id: string;
  epoch: number;
  index: number;
  identity: string;
}

/** Python asks for message `index` of the open session. */
export interface MessageWanted {
  event: "changed";
  what: "message";
  session: string;
  index: number;
}

/** A request without parameters. */
export interface NoParams {}

/** Open a session; one that does not exist only with `create`. */
export interface OpenParams {
  session_id: string;
  create?: boolean;
}

/** About the open session, as of `epoch`. */
export interface OpenSessionParams {
  session_id: string;
  epoch: number;
}

/** The session that was opened; `epoch` is 0 if there is none. */
export interface Opened {
  spent?: Spent | null;
  session_id: string;
  epoch: number;
  total: number;
  ttl_s: number | null;
  exists: boolean;
}

/** What a search has found since it last said so, and how many there are by now. */
export interface Partial {
  hits: Hit[];
  count: number;
  sessions: number;
}

/** What the page may offer. */
export interface Permissions {
  connect: boolean;
  write: boolean;
  variables: boolean;
  files: boolean;
}

/** The first words of a message. */
export interface Preview {
  role: "human" | "ai" | "system" | "tool" | "other";
  text: string;
}

/** Text that is being typed. */
export interface PreviewParams {
  text: string;
}

/** How far request `rid` of `view` is. */
export interface Progress {
  event: "progress";
  view: string;
  rid: number;
  done: number;
  total: number | null;
  note: string;
  partial: Partial | null;
}

/** A record as it is stored; `pretty` if it is JSON and short. */
export interface Raw {
  spent?: Spent | null;
  raw: string;
  pretty?: string | null;
  chars: number;
}

/** How many values were replaced, and how many records left out because they could not be understood. */
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

/** Text as it will look. */
export interface Rendered {
  spent?: Spent | null;
  html: string;
}

/** What a search has read. */
export interface Scanned {
  sessions: number;
  messages: number;
}

/** Sessions `start` to `stop` of that list, without `stop` to its end; or what the last search matched. */
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

/** How many sessions are ticked. */
export interface Selected {
  spent?: Spent | null;
  selected: number;
}

/** Other sessions are ticked. */
export interface SelectionChanged {
  event: "changed";
  what: "selection";
  selection: string[];
}

/** The open session has changed; `session` is null if none is open. */
export interface SessionChanged {
  event: "changed";
  what: "session";
  session: string | null;
  epoch: number | null;
  total: number | null;
}

/** Some sessions. */
export interface SessionIdsParams {
  session_ids: string[];
}

/** A session and its length. */
export interface SessionLength {
  session_id: string;
  length: number;
}

/** Some sessions; `total` is null until all are found. */
export interface SessionPage {
  spent?: Spent | null;
  rows: SessionRow[];
  total: number | null;
  complete: boolean;
  found: number;
  at?: number | null;
  listing_spent: ListingSpent;
  cost: string;
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

/** Sessions `start` to `stop` of those that match `query`, in the order of `sort`. */
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

/** What the store was asked for since this browser got it. */
export interface Spent {
  requests: number;
  billed: number;
  bytes_received: number;
}

/** Figures of the open session; `facts` says them in words, label to text. */
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

/** With `all`, of all messages, however many. */
export interface StatsParams {
  session_id: string;
  epoch: number;
  all?: boolean;
}

/** A tag that can be set; `colour` is one of CSS, or empty. */
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

/** What the next undo would bring back. */
export interface Undo {
  available: boolean;
  label: string | null;
}

/** What was brought back. */
export interface Undone {
  spent?: Spent | null;
  label: string;
  session_id: string;
  epoch: number | null;
  total: number | null;
  undo: Undo | null;
}

/** An environment variable of a service, never its value. */
export interface Variable {
  name: string;
  set: boolean;
}

/** A DataFrame of `scope`, into a variable of the notebook. */
export interface VariableParams {
  name: string;
  scope?: "session" | "selected" | "all" | "hits";
  overwrite?: boolean;
  redact?: boolean;
}

/** The variable that holds a DataFrame. */
export interface VariableSet {
  spent?: Spent | null;
  redacted?: Redacted | null;
  name: string;
  rows: number;
}

/** Some messages of the open session; with its figures, if they are all. */
export interface Window {
  spent?: Spent | null;
  start: number;
  rows: Entry[];
  total: number;
  stats?: Stats | null;
}

/** Messages `start` to `stop`. */
export interface WindowParams {
  session_id: string;
  epoch: number;
  start: number;
  stop: number;
}

export type Changed = SessionChanged | MessageWanted | LabelChanged | SessionsChanged | SelectionChanged | ConnectionChanged;

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
