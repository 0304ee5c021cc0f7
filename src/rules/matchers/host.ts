// @hot
import { ByteTable } from "#base/byte-table.ts";
import { latin1, sameLower } from "#base/bytes.ts";
import { list } from "#schema/index.ts";
import { describeHost } from "../describe.ts";
import { hostNameEnd } from "../host.ts";
import { hostPattern, plainHost } from "../host-field.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const summary =
  "Host of the request, port and case ignored: a name, or *.name for every host below that name";

/** Above this many names in one condition a table is asked instead of each name in turn. */
const FEW = 8;

export const host = matcher({
  name: "host",
  summary,
  value: list(hostPattern, { help: summary, single: true, min: 1 }),
  example: ["example.com", "*.example.com"],
  subject: describeHost,
  hosts: (value) => value.map(plainHost),
  compile: createHost,
});

function createHost(value: readonly string[]): Matcher {
  const names = value.map(plainHost);
  const exact = names.filter((name) => !name.startsWith("*.")).map(latin1);
  const suffixes = names
    .filter((name) => name.startsWith("*."))
    .map((name) => latin1(name.slice(1)));
  const table = exact.length > FEW ? new ByteTable(exact) : undefined;
  return (view: RequestView): boolean => {
    const start = view.head.hostStart;
    const end = hostNameEnd(view);
    if (table !== undefined) {
      if (table.findLower(view.bytes, start, end) >= 0) return true;
    } else {
      for (let i = 0; i < exact.length; i++) {
        if (sameLower(view.bytes, start, end, exact[i]!)) return true;
      }
    }
    for (let i = 0; i < suffixes.length; i++) {
      const at = end - suffixes[i]!.length;
      if (at > start && sameLower(view.bytes, at, end, suffixes[i]!)) return true;
    }
    return false;
  };
}
