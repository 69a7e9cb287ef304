/** The messages between page and kernel. */

export type Role = "human" | "ai" | "system" | "tool" | "other";
export type Scope = "session" | "selected" | "all" | "hits";

export interface Variable {
  name: string;
  set: boolean;
}

export interface Input {
  name: string;
  label: string;
  hint: string;
  secret: boolean;
}

export interface Client {
  service: string;
  label: string;
  env: Variable[];
  inputs: Input[];
}

export interface Permissions {
  connect: boolean;
  write: boolean;
  variables: boolean;
  files: boolean;
}

export interface Undo {
  available: boolean;
  label: string | null;
}

export interface Hello {
  connected: boolean;
  number: number;
  reachable: boolean;
  service: string | null;
  target: string;
  session: string;
  selection: string[];
  clients: Client[];
  price_note: string;
  may: Permissions;
  undo: Undo | null;
}

export interface Preview {
  role: Role;
  text: string;
}

export interface SessionRow {
  session_id: string;
  length: number;
  ttl_s: number | null;
  first: Preview | null;
  last: Preview | null;
  last_write: string | null;
}

export interface SessionPage {
  rows: SessionRow[];
  total: number | null;
  complete: boolean;
  found: number;
  cost: string;
}

export interface Opened {
  session_id: string;
  epoch: number;
  total: number;
  ttl_s: number | null;
  exists: boolean;
}

export interface Block {
  kind: string;
  label: string;
  bytes: number | null;
  html: string | null;
  showable?: boolean;
}

export interface ToolResult {
  index: number;
  status: string;
  text: string;
}

export interface ToolCall {
  id?: string | null;
  name: string;
  args: string;
  error?: string | null;
  result: ToolResult | null;
}

export interface Tokens {
  input: number | null;
  output: number | null;
  total: number | null;
}

export interface Entry {
  index: number;
  identity: string;
  role: Role;
  type: string;
  stored_at?: string | null;
  chars: number;
  error?: string | null;
  name?: string | null;
  id?: string | null;
  html: string;
  clipped?: number | null;
  blocks?: Block[];
  tool_calls?: ToolCall[];
  tool_calls_total?: number;
  tool_call_id?: string | null;
  answers?: { name: string; index: number } | null;
  status?: string | null;
  raw?: string | null;
  model?: string | null;
  finish_reason?: string | null;
  tokens?: Tokens | null;
}

export interface Hit {
  session_id: string;
  index: number;
  role: Role;
  snippet: string;
  at: [number, number];
  identity: string;
}

export interface Found {
  hits: Hit[];
  count: number;
  complete: boolean;
  scanned: { sessions: number; messages: number };
}

export interface SessionLength {
  session_id: string;
  length: number;
}

export interface Progress {
  event: "progress";
  view: string;
  rid: number;
  done: number;
  total: number | null;
  note: string;
  partial: { hits?: Hit[]; count?: number } | null;
}

export interface SessionChanged {
  event: "changed";
  what: "session";
  session: string | null;
  epoch: number | null;
  total: number | null;
}

export interface SessionsChanged {
  event: "changed";
  what: "sessions";
}

export interface SelectionChanged {
  event: "changed";
  what: "selection";
  selection: string[];
}

export interface ConnectionChanged {
  event: "changed";
  what: "connection";
  connected: boolean;
  number: number;
  reachable: boolean;
}

export type Changed = SessionChanged | SessionsChanged | SelectionChanged | ConnectionChanged;

type At = { session_id: string; epoch: number };
type Meant = At & { index: number; identity: string };

export interface Methods {
  hello: { params: {}; result: Hello };
  connect: {
    params: { service: string; use_env: boolean; [field: string]: string | boolean | undefined };
    result: Hello;
  };
  disconnect: { params: {}; result: Hello };
  select: { params: { session_ids: string[] }; result: { selected: number } };
  sessions: {
    params: {
      query: string;
      sort: string;
      descending: boolean;
      start: number;
      stop: number;
      refresh: boolean;
    };
    result: SessionPage;
  };
  open: { params: { session_id: string; create: boolean }; result: Opened };
  window: {
    params: At & { start: number; stop: number };
    result: { start: number; rows: Entry[]; total: number };
  };
  stats: {
    params: At & { all: boolean };
    result: { messages: number; facts: Record<string, string> };
  };
  raw: { params: Meant; result: { raw: string; pretty?: string | null; chars: number } };
  full: {
    params: Meant & { offset: number };
    result: { text: string; next: number | null; html?: string | null };
  };
  image: { params: Meant & { block: number }; result: { data_url: string } };
  calls: {
    params: Meant & { start: number; stop: number };
    result: { tool_calls: ToolCall[]; total: number };
  };
  copy: {
    params: At & { indexes: number[]; identities: string[]; format: string };
    result: { text: string };
  };
  locate: { params: At & { date: string }; result: { index: number; identity: string } };
  find: {
    params: {
      scope: string;
      session_id: string;
      text: string;
      role: string;
      tool: string;
      model: string;
      errors_only: boolean;
      limit: number;
    };
    result: Found;
  };
  follow: {
    params: { session_id: string; on: boolean; visible: boolean };
    result: { on: boolean };
  };
  preview: { params: { text: string }; result: { html: string } };
  append: {
    params: {
      session_id: string;
      role: string;
      content: string;
      tool_call_id: string;
      name: string;
    };
    result: { index: number; total: number };
  };
  append_json: {
    params: { session_id: string; text: string; dry_run: boolean };
    result: {
      count: number;
      errors: { line: number; message: string }[];
      index: number | null;
      total: number | null;
    };
  };
  remove: {
    params: Meant;
    result: { epoch: number | null; total: number; undo: Undo | null };
  };
  measure_clear: {
    params: { session_ids: string[] };
    result: {
      sessions: SessionLength[];
      messages: number;
      bytes: number | null;
      undoable: boolean;
      note: string;
    };
  };
  clear: {
    params: { session_ids: string[] };
    result: { cleared: string[]; missing: string[]; later: SessionLength[]; undo: Undo | null };
  };
  undo: {
    params: {};
    result: {
      label: string;
      session_id: string;
      epoch: number | null;
      total: number | null;
      undo: Undo | null;
    };
  };
  code: { params: { scope: Scope }; result: { code: string } };
  to_variable: {
    params: { name: string; scope: Scope; overwrite: boolean };
    result: { name: string; rows: number };
  };
  export: {
    params: { scope: Scope; format: string };
    result: { filename: string; mime: string; bytes: number };
  };
}
