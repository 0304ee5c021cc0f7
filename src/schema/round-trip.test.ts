import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { address, ip, network } from "./addresses.ts";
import type { Field } from "./field.ts";
import { bool, int, oneOf, text } from "./scalars.ts";
import { Report, type Scalar } from "./tree.ts";
import { duration, percent, size } from "./units.ts";

const place = { file: "t", line: 1, column: 1, length: 1 };
const help = "h";

/** What is read of a value that was formatted and went through YAML. */
function again<T>(field: Field<T>, value: T): T | undefined {
  const typed = parse(field.format(value)) as Scalar["value"];
  const report = new Report();
  const read = field.read({ kind: "scalar", place, value: typed }, "key", report);
  assert.deepEqual(report.faults, [], field.format(value));
  return read;
}

function holds<T>(name: string, field: Field<T>, values: fc.Arbitrary<T>): void {
  it(`${name}: what is formatted reads back the same`, () => {
    fc.assert(fc.property(values, (value) => assert.deepEqual(again(field, value), value)));
  });
}

const plainRecords = { noNullPrototype: true };

describe("formatting", () => {
  holds("int", int({ help }), fc.nat());
  holds("bool", bool({ help }), fc.boolean());
  holds("text", text({ help }), fc.string({ maxLength: 50 }));
  holds("one of", oneOf(["a", "no", "502"], { help }), fc.constantFrom("a", "no", "502"));
  holds("duration", duration({ help }), fc.nat({ max: 365 * 86_400_000 }));
  holds("size", size({ help }), fc.nat());
  holds(
    "percent",
    percent({ help }),
    fc.nat({ max: 10_000 }).map((n) => n / 10_000),
  );
  holds(
    "address",
    address({ help }),
    fc.oneof(
      fc.record(
        {
          kind: fc.constant("inet" as const),
          host: fc.oneof(fc.ipV4(), fc.constantFrom("::", "::1", "fd00::1:2")),
          port: fc.nat({ max: 65_535 }),
        },
        plainRecords,
      ),
      fc.record({ kind: fc.constant("fd" as const), fd: fc.nat({ max: 999 }) }, plainRecords),
      fc.record(
        { kind: fc.constant("unix" as const), path: fc.constant("/run/a b.sock") },
        plainRecords,
      ),
    ),
  );
  holds("IP address", ip({ help }), fc.oneof(fc.ipV4(), fc.constantFrom("::", "::1", "fd00::1:2")));
  holds(
    "network",
    network({ help }),
    fc.tuple(fc.nat({ max: 255 }), fc.constantFrom(104, 128)).map(([first, prefix]) => {
      const tail = prefix === 104 ? [0, 0, 0] : [1, 2, 3];
      const bytes = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, first, ...tail]);
      return { bytes, prefix };
    }),
  );
});
