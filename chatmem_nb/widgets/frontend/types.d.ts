/** Types that JSDoc cannot say, or that several modules share. */

import type * as Sent from "./protocol.js";

type NameOf<Tag> = Tag extends `${infer Name}.${string}` ? Name : Tag;

/** The element that `h` makes of a tag such as "button.primary"; no name is a div. */
export type ElementOf<Tag extends string> =
  NameOf<Tag> extends ""
    ? HTMLDivElement
    : NameOf<Tag> extends keyof HTMLElementTagNameMap
      ? HTMLElementTagNameMap[NameOf<Tag>]
      : HTMLElement;

/** What can be put into an element; false children are left out. */
export type Child = Node | string | number | boolean | null | undefined | readonly Child[];

/** Properties, attributes and, as functions named "on...", listeners of an element. */
export type Props = Record<string, any>;

/** What anywidget gives a front end, as far as it is used here. */
export interface Model {
  get(name: string): any;
  send(content: unknown): void;
  on(event: string, listener: (...args: any[]) => void): void;
  off(event: string, listener: (...args: any[]) => void): void;
}

/** An answer of the kernel that is awaited, and can be given up. */
export type Pending<Result> = Promise<Result> & { cancel(): void };

/** Why a request was refused, as the kernel says it. */
export interface Failure {
  type: string;
  message: string;
  field?: string | null;
}

export type Pane = "list" | "talk";

/** A text that may be cut, `clipped` being its whole length; what was read of the rest is kept here. */
export interface Cut {
  clipped?: number | null;
  open?: boolean;
  parts?: { html?: string | null; text?: string }[];
  next?: number | null;
}

/** What the kernel sends of a message, and what was opened of it here. */
export type Block = Sent.Block & { open?: boolean; data_url?: string };
export type CallResult = Sent.CallResult & Cut;
export type Call = Omit<Sent.Call, "result"> & { open?: boolean; result?: CallResult | null };
export type Entry = Omit<Sent.Entry, "blocks" | "tool_calls"> &
  Cut & { blocks?: Block[]; tool_calls?: Call[] };
