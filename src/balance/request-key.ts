// @hot
import { sameLower } from "#base/bytes.ts";
import { FIELD_WORDS, type Head } from "#http/head.ts";
import type { KeySpec } from "./key.ts";
import { NO_KEY, queryKey, sourceKey, uriKey, valueKey } from "./key-hash.ts";

/**
 * The key of a request, whose head lies in `bytes`, as a scheduler hashes it, or NO_KEY. The
 * client's address: 16 bytes at `peerAt` of `peer`.
 */
export function requestKey(
  spec: KeySpec,
  bytes: Uint8Array,
  head: Head,
  peer: Uint8Array,
  peerAt: number,
): number {
  switch (spec.kind) {
    case "source":
      return sourceKey(peer, peerAt);
    case "uri": {
      const whole = spec.whole && head.queryEnd > head.queryStart;
      const end = whole ? head.queryEnd : head.pathEnd;
      return uriKey(bytes, head.pathStart, end, spec.depth, spec.length);
    }
    case "query":
      return queryKey(bytes, head.queryStart, head.queryEnd, spec.name);
    default:
      return headerKey(bytes, head, spec.name);
  }
}

/** Of the first field of that name. */
function headerKey(bytes: Uint8Array, head: Head, name: Uint8Array): number {
  const fields = head.fields;
  for (let i = 0; i < head.count; i++) {
    const cell = i * FIELD_WORDS;
    if (!sameLower(bytes, fields[cell]!, fields[cell + 1]!, name)) continue;
    return valueKey(bytes, fields[cell + 2]!, fields[cell + 3]!);
  }
  return NO_KEY;
}
