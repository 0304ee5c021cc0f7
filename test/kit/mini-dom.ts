import type { Owner } from "./owner.ts";

/** As much of an element as the status page's scripts use. */
export class MiniElement {
  readonly children: MiniElement[] = [];
  readonly dataset: Record<string, string> = {};
  readonly attributes: Record<string, string> = {};
  readonly tag: string;
  parent: MiniElement | undefined;
  className = "";
  hidden = false;
  title = "";
  #text = "";

  constructor(tag: string) {
    this.tag = tag;
  }

  get textContent(): string {
    return this.#text + this.children.map((child) => child.textContent).join("");
  }

  set textContent(text: string) {
    this.#text = text;
    this.children.length = 0;
  }

  get cells(): MiniElement[] {
    return this.children;
  }

  get firstElementChild(): MiniElement | undefined {
    return this.children[0];
  }

  get nextElementSibling(): MiniElement | null {
    const siblings = this.parent!.children;
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
    if (name === "class") this.className = value;
  }

  append(...nodes: (MiniElement | string)[]): void {
    for (const node of nodes) if (node instanceof MiniElement) this.insertBefore(node, null);
  }

  insertBefore(node: MiniElement, before: MiniElement | null): void {
    node.remove();
    this.children.splice(before ? this.children.indexOf(before) : this.children.length, 0, node);
    node.parent = this;
  }

  remove(): void {
    this.parent?.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = undefined;
  }
}

/** Globals of a browser whose document has one element for every id that is asked for. */
export function miniDocument(owner: Owner): (id: string) => MiniElement {
  const byId = new Map<string, MiniElement>();
  const getElementById = (id: string): MiniElement => {
    if (!byId.has(id)) byId.set(id, new MiniElement(id));
    return byId.get(id)!;
  };
  const globals = {
    document: { getElementById, createElement: (tag: string) => new MiniElement(tag) },
    localStorage: { getItem: () => "en" },
  };
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    owner.after(() => {
      if (before) Object.defineProperty(globalThis, name, before);
      else Reflect.deleteProperty(globalThis, name);
    });
  }
  return getElementById;
}
