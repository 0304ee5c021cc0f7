import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "#base/ip.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { DESTINATION } from "#plan/director-layout.ts";
import { DESTINATION_FLAG, METHOD } from "#plan/director-numbers.ts";

/** Addresses of servers that a director's tables have behind nat and fullnat, each once. */
export function translatedServers(folder: string): string[] {
  const path = join(folder, "maps", "destinations");
  if (!existsSync(path)) return [];
  const map = BpfMap.open(path);
  const found = new Set<string>();
  try {
    for (const { values, count } of map.batches()) {
      for (let i = 0; i < count; i++) {
        const row = values.subarray(i * map.valueBytes, (i + 1) * map.valueBytes);
        if (isTranslated(row)) found.add(formatIp(row, DESTINATION.ADDRESS));
      }
    }
  } finally {
    map.close();
  }
  return [...found];
}

function isTranslated(row: Uint8Array): boolean {
  const method = row[DESTINATION.METHOD];
  const isPresent = (row[DESTINATION.FLAGS]! & DESTINATION_FLAG.PRESENT) !== 0;
  return isPresent && (method === METHOD.NAT || method === METHOD.FULLNAT);
}
