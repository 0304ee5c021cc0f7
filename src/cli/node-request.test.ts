import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type JoinWords, joinRequest } from "./node-request.ts";

const words: JoinWords = {
  ...{ vip: [], device: [], type: "all", port: [], from: [], mss: undefined, cgroup: undefined },
};

describe("what weir node join asks for", () => {
  test("by its method", () => {
    const vip = ["10.0.0.1", "FD00::1"];
    const dr = joinRequest("dr", { ...words, vip, device: ["dummy0"] });
    assert.deepEqual(dr, {
      ...{ method: "dr", vips: ["10.0.0.1", "fd00::1"], vipDevice: "dummy0", devices: [] },
      ...{ forms: ["ipip", "gue", "gre"], port: 6080, from: [], mss: undefined },
    });
    const tun = joinRequest("tun", { ...words, vip, type: "gue", port: [7000], device: ["eth1"] });
    assert.deepEqual(tun, {
      ...{ method: "tun", vips: ["10.0.0.1", "fd00::1"], vipDevice: "lo", devices: ["eth1"] },
      ...{ forms: ["gue"], port: 7000, from: [], mss: undefined },
    });
    const fullnat = joinRequest("fullnat", { ...words, from: ["10.2.0.0/24"], port: [80, 80] });
    assert.deepEqual(fullnat, {
      ...{ method: "fullnat", from: ["10.2.0.0/24"], ports: [80], devices: [], cgroup: undefined },
    });
  });

  test("what does not go together is refused", () => {
    const fails = (method: string, change: Partial<JoinWords>, why: RegExp) =>
      assert.throws(() => joinRequest(method, { ...words, ...change }), why);
    fails("nat", {}, /METHOD is dr, tun or fullnat, not "nat"/);
    fails("dr", {}, /--vip is missing/);
    fails("dr", { vip: ["10.0.0.1"], device: ["a", "b"] }, /one --device holds/);
    fails("tun", { vip: ["10.0.0.1"], port: [1, 2] }, /one --port/);
    fails("tun", { vip: ["10.0.0.1"], cgroup: "/" }, /--cgroup is of fullnat, not of tun/);
    fails("fullnat", {}, /--from is missing/);
    fails("fullnat", { from: ["10.0.0.1"], vip: ["10.0.0.1"] }, /fullnat has no --vip/);
    fails("fullnat", { from: ["everybody"] }, /"everybody" is not/);
  });
});
