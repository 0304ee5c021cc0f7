import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "#base/ip.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { DESTINATION } from "#plan/director-layout.ts";
import { DESTINATION_FLAG } from "#plan/director-numbers.ts";
import { methodNamed, translates } from "#plan/forwarding.ts";
import type { ForwardingMethod } from "#plan/plan.ts";

/** What a director's tables say of its servers. */
export interface PinnedServers {
  /** Addresses of those behind nat and fullnat, each once. */
  readonly translated: ReadonlySet<string>;
  /** How packets get to the servers of a service, by its slot. */
  readonly methods: ReadonlyMap<number, ReadonlySet<ForwardingMethod>>;
}

export function pinnedServers(folder: string): PinnedServers {
  const path = join(folder, "maps", "destinations");
  const translated = new Set<string>();
  const methods = new Map<number, Set<ForwardingMethod>>();
  if (!existsSync(path)) return { translated, methods };
  const map = BpfMap.open(path);
  try {
    for (const { values, count } of map.batches()) {
      for (let i = 0; i < count; i++) {
        const row = values.subarray(i * map.valueBytes, (i + 1) * map.valueBytes);
        const method = methodNamed(row[DESTINATION.METHOD]!);
        if (!method || (row[DESTINATION.FLAGS]! & DESTINATION_FLAG.PRESENT) === 0) continue;
        if (translates(method)) translated.add(formatIp(row, DESTINATION.ADDRESS));
        const slot = new DataView(row.buffer, row.byteOffset).getUint32(DESTINATION.SERVICE, true);
        methods.set(slot, (methods.get(slot) ?? new Set()).add(method));
      }
    }
  } finally {
    map.close();
  }
  return { translated, methods };
}
