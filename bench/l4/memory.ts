import { readFileSync } from "node:fs";
import { bpfRefusal } from "#io/bpf/features.ts";
import type { BpfMap } from "#io/bpf/map.ts";
import { noNetns } from "#kit/netns.ts";
import { atMost } from "../kit/bench.ts";
import { createGround, fillDirector, pinsOf } from "./filled.ts";
import { right, type Work } from "./work.ts";

/** Tables that grow with the number of connections. */
const TABLES = ["connections", "replies", "templates", "fragments"] as const;

/**
 * Bytes of kernel memory that are charged for a map (bpf_map_mem_usage()), the map itself included:
 * some hundred bytes that do not grow with its entries.
 */
function chargedBytes({ fd }: BpfMap): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  return Number(/^memlock:\s+(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}

const configuration = (pins: string, method: string): string => `
director: { interfaces: d0, pins: ${pins}, localAddresses: [10.2.255.254] }
services: { web: { bind: "10.3.0.1:80", method: ${method}, backend: app } }
backends: { app: { check: off, servers: { a: "10.2.0.1:80" } } }
`;

export const memory: Work = {
  name: "memory",
  lacks: () => noNetns() || (bpfRefusal() ?? false),
  async run(owner) {
    const rows: string[][] = [];
    const data: Record<string, number> = {};
    for (const method of ["dr", "fullnat"]) {
      const pins = pinsOf(owner, `memory-${method}`);
      const director = fillDirector(owner, createGround(owner), configuration(pins, method));
      for (const name of TABLES) {
        const map = director.kernel.maps[name];
        const bytes = chargedBytes(map);
        data[`${method}/${name}`] = bytes / map.maxEntries;
        const figures = [map.maxEntries, bytes / 1e6, bytes / map.maxEntries];
        rows.push([method, name, ...figures.map((f, i) => f.toFixed(i === 0 ? 0 : 1))]);
      }
    }
    return {
      tables: [
        {
          title: "Memory of tables, as the kernel accounts it",
          columns: [{ title: "" }, { title: "" }, ...["entries", "MB", "bytes each"].map(right)],
          rows,
        },
      ],
      checks: [atMost("bytes of a tracked connection", Math.floor(data["dr/connections"]!), 128)],
      data,
    };
  },
};
