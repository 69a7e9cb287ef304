/** Types that JSDoc cannot say, or that several modules share. */

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
