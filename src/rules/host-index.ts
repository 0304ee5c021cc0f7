// @hot
import { ByteTable } from "#base/byte-table.ts";
import { latin1 } from "#base/bytes.ts";
import { DOT } from "#http/tokens.ts";
import { hostNameEnd } from "./host.ts";
import type { RequestView } from "./types.ts";

/**
 * Which rules a host can meet, so that a request is not held against thousands of rules for other
 * hosts. Rules with a host condition are listed under each name they want; those without one are in
 * `always`. What runs is both lists merged, in the order of the rules:
 *
 *     host a.b.example ─► exact   "a.b.example"  ─► rules 3, 17     (those of *.b.example included)
 *             otherwise ─► suffixes  ".b.example" ─► rules 17       (those of *.example included)
 *                           always                ─► rules 0, 4, 90
 */
export class HostIndex {
  readonly #exact: ByteTable;
  readonly #suffixes: ByteTable;
  readonly #exactCount: number;
  /** Rules of list n are rules[starts[n] … starts[n + 1]), ascending; the last list is empty. */
  readonly starts: Int32Array;
  readonly rules: Int32Array;
  readonly always: Int32Array;

  /** Made by createHostIndex. */
  constructor(
    exact: readonly string[],
    suffixes: readonly string[],
    lists: readonly (readonly number[])[],
    always: readonly number[],
  ) {
    this.#exact = new ByteTable(exact.map(latin1));
    this.#suffixes = new ByteTable(suffixes.map(latin1));
    this.#exactCount = exact.length;
    this.starts = new Int32Array(lists.length + 2);
    lists.forEach((list, n) => {
      this.starts[n + 1] = this.starts[n]! + list.length;
    });
    this.starts[lists.length + 1] = this.starts[lists.length]!;
    this.rules = Int32Array.from(lists.flat());
    this.always = Int32Array.from(always);
  }

  /** Number of the list of rules that the request's host may meet. */
  find(view: RequestView): number {
    const bytes = view.bytes;
    const start = view.head.hostStart;
    const end = hostNameEnd(view);
    const exact = this.#exact.findLower(bytes, start, end);
    if (exact >= 0) return exact;
    for (let i = start + 1; i < end; i++) {
      if (bytes[i] !== DOT) continue;
      const suffix = this.#suffixes.findLower(bytes, i, end);
      if (suffix >= 0) return this.#exactCount + suffix;
    }
    return this.starts.length - 2;
  }
}

/**
 * `hosts[rule]`: the names that the rule wants (`a.example`, `*.b.example`, in lower case),
 * undefined where its host does not matter.
 */
export function createHostIndex(hosts: readonly (readonly string[] | undefined)[]): HostIndex {
  const exact = new Map<string, Set<number>>();
  const suffixes = new Map<string, Set<number>>();
  const always: number[] = [];
  hosts.forEach((names, rule) => {
    if (names === undefined) always.push(rule);
    names?.forEach((name) => {
      const map = name.startsWith("*.") ? suffixes : exact;
      const key = name.startsWith("*.") ? name.slice(1) : name;
      map.set(key, (map.get(key) ?? new Set()).add(rule));
    });
  });
  const lists = [
    ...Array.from(exact, ([name, own]) => merge(own, name, name.indexOf(".", 1), suffixes)),
    ...Array.from(suffixes, ([name, own]) => merge(own, name, name.indexOf(".", 1), suffixes)),
  ];
  return new HostIndex([...exact.keys()], [...suffixes.keys()], lists, always);
}

/** The rules of a name and of every suffix of it from `dot` on, in ascending order. */
function merge(
  own: ReadonlySet<number>,
  name: string,
  dot: number,
  suffixes: ReadonlyMap<string, ReadonlySet<number>>,
): number[] {
  const all = new Set(own);
  for (let at = dot; at > 0; at = name.indexOf(".", at + 1)) {
    suffixes.get(name.slice(at))?.forEach((rule) => {
      all.add(rule);
    });
  }
  return [...all].sort((a, b) => a - b);
}
