import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import { createCgroup, inCgroup, noCgroup } from "#kit/client-cgroup.ts";
import { runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { ATTACH_TYPE } from "./abi.ts";
import { mountBpffs } from "./bpffs.ts";
import { cgroupMount, dropCgroupLink, isAtCgroup, isCgroup, setCgroupLink } from "./cgroup.ts";
import { loadBpfObject } from "./loader.ts";
import { parseBpfObject } from "./object.ts";

/** Every peer of IPv4 has the same port. */
const SOURCE = `
const volatile __u32 port = 0;
SEC("cgroup/getpeername4") int peer4(struct bpf_sock_addr *ctx) {
  ctx->user_port = __builtin_bswap16(port);
  return 1;
}
`;

/** Connects to itself, and prints the port of who came. */
const SELF = `
const net = require("node:net");
const server = net.createServer((socket) => {
  console.log(socket.remotePort);
  process.exit();
}).listen(0, "127.0.0.1", () => net.connect(server.address().port, "127.0.0.1"));
`;

const { INET4_GETPEERNAME } = ATTACH_TYPE;
const portIn = (path: string): number => {
  const [program, ...words] = [...inCgroup(path), process.execPath, "-e", SELF];
  return Number(runProgram(program!, ...words));
};

function pinsFor(owner: Owner): string {
  mountBpffs("/sys/fs/bpf");
  const folder = mkdtempSync("/sys/fs/bpf/weir-test-");
  owner.after(() => rmdirSync(folder));
  return join(folder, "link");
}

test("where cgroups of version 2 are mounted", () => {
  const other = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n";
  assert.equal(cgroupMount(`${other}none /cg cgroup2 rw 0 0\n`), "/cg");
  assert.equal(cgroupMount(other), undefined);
  assert.equal(isCgroup("/proc"), false);
  assert.equal(isCgroup("/nowhere"), false);
});

describe("a program at a cgroup", { skip: noBpf() || noCgroup() }, () => {
  test("is put there, replaced, and taken away", (t) => {
    const object = parseBpfObject(compileBpf(SOURCE));
    const path = createCgroup(t);
    const pin = pinsFor(t);
    assert.equal(isAtCgroup(pin, path), false);
    for (const port of [7, 9]) {
      const loaded = loadBpfObject(object, { rodata: { port } });
      setCgroupLink(loaded.programs["peer4"]!, path, INET4_GETPEERNAME, pin);
      loaded.close();
      assert.equal(portIn(path), port);
    }
    assert.equal(isAtCgroup(pin, path), true);
    assert.equal(isAtCgroup(pin, cgroupMount()!), false);
    assert.equal(dropCgroupLink(pin), true);
    assert.equal(dropCgroupLink(pin), false);
    assert.ok(portIn(path) > 1000);
  });

  test("is at nothing when the cgroup has gone, and can be put elsewhere", async (t) => {
    const object = parseBpfObject(compileBpf(SOURCE));
    const ends: (() => unknown)[] = [];
    const first = createCgroup({ after: (end) => ends.push(end) });
    const second = createCgroup(t);
    const pin = pinsFor(t);
    const loaded = loadBpfObject(object, { rodata: { port: 11 } });
    t.after(() => loaded.close());
    setCgroupLink(loaded.programs["peer4"]!, first, INET4_GETPEERNAME, pin);
    for (const end of ends) await end();
    assert.equal(isAtCgroup(pin, first), false);
    setCgroupLink(loaded.programs["peer4"]!, second, INET4_GETPEERNAME, pin);
    assert.equal(portIn(second), 11);
    dropCgroupLink(pin);
    assert.equal(existsSync(pin), false);
  });
});
