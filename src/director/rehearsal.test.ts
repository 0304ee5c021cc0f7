import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noDirector } from "#kit/director-bed.ts";
import { createNetns, withNetns } from "#kit/netns.ts";
import { object } from "./kernel.ts";
import { rehearse } from "./rehearsal.ts";

describe("a rehearsal of XDP", { skip: noDirector() }, () => {
  test("this kernel makes the same of packets by XDP as by tcx", (t) => {
    const netns = createNetns(t);
    assert.equal(
      withNetns(netns, () => rehearse(object())),
      undefined,
    );
  });

  /** The director's programs with another in place of that for XDP. */
  const withXdp = (...instructions: readonly number[]) => ({
    ...object(),
    programs: object().programs.map((one) => {
      if (one.name !== "weir_xdp") return one;
      const { functions: _, lines: __, ...program } = one;
      return { ...program, instructions: Uint8Array.from(instructions), references: [] };
    }),
  });

  test("a program that does something else is found out", () => {
    // r0 = XDP_REDIRECT; exit: the packet as it came.
    const other = withXdp(0xb7, 0, 0, 0, 4, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
    assert.match(rehearse(other)!, /^in a test XDP makes another packet than tcx \(dr, tcp over/);
  });

  test("a program that the kernel refuses", () => {
    // exit, with nothing in r0.
    const refused = withXdp(0x95, 0, 0, 0, 0, 0, 0, 0);
    assert.match(rehearse(refused)!, /^the kernel does not take the program: /);
  });
});
