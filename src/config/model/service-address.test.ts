import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import type { ServiceBind } from "#plan/plan.ts";
import { Report } from "#schema/index.ts";
import { serviceAddress } from "./service-address.ts";

const field = serviceAddress({ help: "h" });
const place = { file: "f", line: 1, column: 1, length: 1 };

function read(value: string): ServiceBind | undefined {
  const report = new Report();
  return field.read({ kind: "scalar", place, value }, "bind", report);
}

const port = fc.integer({ min: 1, max: 65_535 });
const hosts = fc.constantFrom("10.0.0.1", "192.0.2.255", "fd00::1", "2001:db8::", "::1");

it("what is formatted reads back the same, through YAML", () => {
  fc.assert(
    fc.property(hosts, port, port, (host, a, b) => {
      const bind = { host, firstPort: Math.min(a, b), lastPort: Math.max(a, b) };
      assert.deepEqual(read(parse(field.format(bind)) as string), bind);
    }),
  );
});

it("every port has a word, and no port has none", () => {
  const all = { host: "10.0.0.1", firstPort: 1, lastPort: 65_535 };
  assert.deepEqual(read("10.0.0.1:*"), all);
  assert.equal(parse(field.format(all)), "10.0.0.1:*");
  assert.equal(read("10.0.0.1:0-80"), undefined);
  assert.equal(read("10.0.0.1:"), undefined);
  assert.equal(read("10.0.0.1:80-"), undefined);
  assert.equal(read("10.0.0.1:80-90-100"), undefined);
});

it("takes addresses that one machine can have, in their shortest form", () => {
  assert.equal(read("[FD00:0:0::1]:80")?.host, "fd00::1");
  assert.equal(read("[::ffff:10.0.0.1]:80")?.host, "10.0.0.1");
  for (const host of ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255"]) {
    assert.equal(read(`${host}:80`), undefined, host);
  }
  for (const host of ["::", "ff02::1", "::ffff:224.0.0.1"]) {
    assert.equal(read(`[${host}]:80`), undefined, host);
  }
});

it("never throws on any text", () => {
  const pieces = fc.constantFrom(
    "10.0.0.1",
    "[",
    "]",
    "fd00::1",
    ":",
    "-",
    "*",
    "80",
    " ",
    "99999",
  );
  fc.assert(fc.property(fc.array(pieces), (parts) => void read(parts.join(""))));
  fc.assert(fc.property(fc.string(), (text) => void read(text)));
});
