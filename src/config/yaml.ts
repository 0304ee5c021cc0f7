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
import {
  type Dict,
  type Entry,
  type Place,
  pathTo,
  type Report,
  type Scalar,
  type Tree,
} from "#schema/index.ts";
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
    return walk.tree(document.contents, { key: top, path: "", depth: 0 });
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** Where the walk is. `key` is the place of the key above: block maps and lists are shown there. */
interface Spot {
  readonly key: Place;
  readonly path: string;
  readonly depth: number;
}

/** Turns the parser's nodes into our tree, following aliases within bounds. */
class Walk {
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #report: Report;
  /**
   * Values with an anchor once they are whole, so that nothing can hold itself, and their sizes.
   */
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

  tree(node: ParsedNode | null, at: Spot): Tree {
    const before = this.#nodes;
    this.#count(1, at);
    if (at.depth > MAX_DEPTH) {
      return this.#refuse(at, `maps and lists are nested deeper than ${MAX_DEPTH}`);
    }
    if (node === null) return { kind: "scalar", place: at.key, value: null };
    if (isAlias(node)) {
      const anchor = this.#anchors.get(node.source);
      const spot = { ...at, key: this.#placeOf(node) };
      if (!anchor) return this.#refuse(spot, `no anchor &${node.source} above`);
      this.#count(anchor.nodes, spot);
      return anchor.tree;
    }
    const tree = this.#value(node, at);
    if (node.anchor) this.#anchors.set(node.anchor, { tree, nodes: this.#nodes - before });
    return tree;
  }

  #count(nodes: number, at: Spot): void {
    this.#nodes += nodes;
    if (this.#nodes > MAX_NODES) {
      this.#refuse(at, `more than ${MAX_NODES} values, those of aliases counted`);
    }
  }

  #value(node: Exclude<ParsedNode, Alias.Parsed>, at: Spot): Tree {
    const place = isCollection(node) && !node.flow ? at.key : this.#placeOf(node);
    if (isMap(node)) return this.#dict(node as YAMLMap.Parsed, place, at);
    if (isSeq(node)) {
      const items = (node.items as (ParsedNode | null)[]).map((item, i) =>
        this.tree(item, {
          key: item ? this.#placeOf(item) : place,
          path: `${at.path}[${i}]`,
          depth: at.depth + 1,
        }),
      );
      return { kind: "list", place, items };
    }
    return this.#scalar(node as YamlScalar.Parsed, at);
  }

  #scalar(node: YamlScalar.Parsed, at: Spot): Scalar {
    const { value, source } = node;
    const place = node.range[1] > node.range[0] ? this.#placeOf(node) : at.key;
    if (typeof value === "number" || typeof value === "boolean") {
      const same = String(value) === source;
      return { kind: "scalar", place, value, ...(same ? {} : { text: source }) };
    }
    if (typeof value === "string" || value === null) return { kind: "scalar", place, value };
    return this.#refuse({ ...at, key: place }, "this kind of value has no meaning here");
  }

  #dict(node: YAMLMap.Parsed, place: Place, at: Spot): Dict {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const pair of node.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const keyPlace = this.#placeOf(pair.key);
      if (!isScalar(pair.key)) {
        return this.#refuse({ ...at, key: keyPlace }, "a key must be a plain word");
      }
      const { source: key, type } = pair.key as YamlScalar.Parsed;
      const path = pathTo(at.path, key);
      const value = this.tree(pair.value, { key: keyPlace, path, depth: at.depth + 1 });
      if (key === "<<" && type === "PLAIN") {
        merged.push(...this.#mergeOf(value, path));
        continue;
      }
      const first = entries.get(key);
      if (first) {
        this.#report.error({ place: keyPlace }, path, `"${key}" is here twice`, {
          expected: `it once; the first is on line ${first.keyPlace.line}`,
        });
      } else entries.set(key, { key, keyPlace, value });
    }
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: "dict", place, entries: [...entries.values()] };
  }

  /** Entries that `<<: *name` (or a list of such) brings in; keys written beside it win. */
  #mergeOf(value: Tree, path: string): readonly Entry[] {
    const maps = value.kind === "list" ? value.items : [value];
    return maps.flatMap((map) =>
      map.kind === "dict"
        ? map.entries
        : this.#refuse({ key: map.place, path, depth: 0 }, '"<<" takes a map or maps'),
    );
  }

  #refuse({ key, path }: Spot, message: string): never {
    this.#report.error({ place: key }, path, message);
    throw new Refused(message);
  }
}
