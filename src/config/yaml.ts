import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type ParsedNode,
  type YAMLMap,
  type Scalar as YamlScalar,
} from "yaml";
import type { Dict, Entry, Place, Report, Scalar, Tree } from "#schema/index.ts";
import { MAX_DEPTH, parseYaml } from "./yaml-document.ts";

/** Values a file may hold with its aliases followed: ends a "billion laughs". */
export const MAX_NODES = 200_000;
/** Stops a walk whose fault is already reported. */
class Refused extends Error {}

/**
 * YAML 1.2 (core schema) text as a tree with places. Several faults of syntax are reported at once.
 * Undefined means that the text is not well formed.
 */
export function treeOfYaml(file: string, text: string, report: Report): Tree | undefined {
  const top: Place = { file, line: 1, column: 1, length: 1 };
  const lines = new LineCounter();
  const walk = new Walk(file, text, lines, report);
  const document = parseYaml(text, lines);
  if (Array.isArray(document)) {
    for (const { from, to, message } of document) {
      report.error({ place: walk.place(from, to) }, "", message);
    }
    return undefined;
  }
  try {
    return walk.tree(document.contents, top, 0);
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** Turns the parser's nodes into our tree, following aliases within bounds. */
class Walk {
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #report: Report;
  /** Values with an anchor once they are whole, so that nothing can hold itself, and their sizes. */
  readonly #anchors = new Map<string, { readonly tree: Tree; readonly nodes: number }>();
  #nodes = 0;

  constructor(file: string, text: string, lines: LineCounter, report: Report) {
    this.#file = file;
    this.#text = text;
    this.#lines = lines;
    this.#report = report;
  }

  /** Place of the characters [from, to), cut at the end of the first line. */
  place(from: number, to: number): Place {
    const { line, col } = this.#lines.linePos(from);
    const newline = this.#text.indexOf("\n", from);
    const end = newline < 0 ? to : Math.min(to, newline);
    const length = Math.max(1, this.#text.slice(from, end).trimEnd().length);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col), length };
  }

  #placeOf(node: ParsedNode): Place {
    return this.place(node.range[0], node.range[1]);
  }

  /** `key` is the place of the key that the node belongs to: block maps and lists are shown there. */
  tree(node: ParsedNode | null, key: Place, depth: number): Tree {
    const before = this.#nodes;
    this.#count(1, key);
    if (depth > MAX_DEPTH) {
      return this.#refuse(key, `maps and lists are nested deeper than ${MAX_DEPTH}`);
    }
    if (node === null) return { kind: "scalar", place: key, value: null };
    if (isAlias(node)) {
      const anchor = this.#anchors.get(node.source);
      if (!anchor) return this.#refuse(this.#placeOf(node), `no anchor &${node.source} above`);
      this.#count(anchor.nodes, key);
      return anchor.tree;
    }
    const tree = this.#value(node, key, depth);
    if (node.anchor) this.#anchors.set(node.anchor, { tree, nodes: this.#nodes - before });
    return tree;
  }

  #count(nodes: number, place: Place): void {
    this.#nodes += nodes;
    if (this.#nodes > MAX_NODES) {
      this.#refuse(place, `more than ${MAX_NODES} values, those of aliases counted`);
    }
  }

  #value(node: Exclude<ParsedNode, Alias.Parsed>, key: Place, depth: number): Tree {
    const place = isCollection(node) && !node.flow ? key : this.#placeOf(node);
    if (isMap(node)) return this.#dict(node as YAMLMap.Parsed, place, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.#item(item as ParsedNode | null, place, depth));
      return { kind: "list", place, items };
    }
    return this.#scalar(node as YamlScalar.Parsed, key);
  }

  #item(node: ParsedNode | null, list: Place, depth: number): Tree {
    return this.tree(node, node ? this.#placeOf(node) : list, depth + 1);
  }

  #scalar(node: YamlScalar.Parsed, key: Place): Scalar {
    const { value, source } = node;
    const place = node.range[1] > node.range[0] ? this.#placeOf(node) : key;
    if (typeof value === "number" || typeof value === "boolean") {
      const same = String(value) === source;
      return { kind: "scalar", place, value, ...(same ? {} : { text: source }) };
    }
    if (typeof value === "string" || value === null) return { kind: "scalar", place, value };
    return this.#refuse(place, "this kind of value has no meaning here");
  }

  #dict(node: YAMLMap.Parsed, place: Place, depth: number): Dict {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const pair of node.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const keyPlace = this.#placeOf(pair.key);
      if (!isScalar(pair.key)) this.#refuse(keyPlace, "a key must be a plain word");
      const key = (pair.key as YamlScalar.Parsed).source;
      const value = this.tree(pair.value, keyPlace, depth + 1);
      if (key === "<<" && (pair.key as YamlScalar.Parsed).type === "PLAIN") {
        merged.push(...this.#mergeOf(value));
        continue;
      }
      const first = entries.get(key);
      if (first) {
        const { line } = first.keyPlace;
        this.#report.error({ place: keyPlace }, key, `"${key}" is here twice`, {
          expected: `it once; the first is on line ${line}`,
        });
      } else entries.set(key, { key, keyPlace, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: "dict", place, entries: [...entries.values()] };
  }

  /** Entries that `<<: *name` (or a list of such) brings in; keys written beside it win. */
  #mergeOf(value: Tree): readonly Entry[] {
    const maps = value.kind === "list" ? value.items : [value];
    return maps.flatMap((map) =>
      map.kind === "dict" ? map.entries : this.#refuse(map.place, '"<<" takes a map or maps'),
    );
  }

  #refuse(place: Place, message: string): never {
    this.#report.error({ place }, "", message);
    throw new Refused(message);
  }
}
