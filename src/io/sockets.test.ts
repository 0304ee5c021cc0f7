import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Address } from "#base/address.ts";
import { boundAddress, checkFree, closeFd, duplicateFd, listenOn } from "./sockets.ts";

function scratchDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "weir-sockets-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Resolves when a client's connection was established (the kernel does it before any accept). */
function reached(address: Address): Promise<void> {
  const target =
    address.kind === "unix" ? { path: address.path } : { host: "127.0.0.1", port: portOf(address) };
  return new Promise((resolve, reject) => {
    const client = connect(target, () => {
      client.destroy();
      resolve();
    });
    client.on("error", reject);
  });
}

const portOf = (address: Address): number => (address.kind === "inet" ? address.port : -1);

function listening(t: TestContext, ...args: Parameters<typeof listenOn>): number {
  const fd = listenOn(...args);
  t.after(() => closeFd(fd));
  return fd;
}

test("port 0 is a free port, told by boundAddress, and takes connections", async (t) => {
  const fd = listening(t, { kind: "inet", host: "127.0.0.1", port: 0 });
  const address = boundAddress(fd);
  assert.ok(portOf(address) > 0);
  assert.deepEqual(address, { kind: "inet", host: "127.0.0.1", port: portOf(address) });
  await reached(address);
});

test("an IPv6 wildcard takes IPv4 too, unless v6Only", async (t) => {
  const both = listening(t, { kind: "inet", host: "::", port: 0 });
  await reached(boundAddress(both));
  const only = listening(t, { kind: "inet", host: "::", port: 0 }, { v6Only: true });
  await assert.rejects(reached(boundAddress(only)), { code: "ECONNREFUSED" });
});

test("a port in use is refused by name, unless both say reusePort", (t) => {
  const local: Address = { kind: "inet", host: "127.0.0.1", port: 0 };
  const taken = boundAddress(listening(t, local));
  assert.throws(() => listenOn(taken), { code: "EADDRINUSE", message: /listen on 127\.0\.0\.1:/ });
  const shared = boundAddress(listening(t, local, { reusePort: true }));
  listening(t, shared, { reusePort: true });
});

test("a port that others would share with us counts as taken", (t) => {
  const local: Address = { kind: "inet", host: "127.0.0.1", port: 0 };
  checkFree(local);
  const shared = boundAddress(listening(t, local, { reusePort: true }));
  assert.throws(() => checkFree(shared), { code: "EADDRINUSE" });
});

test("a copy of a descriptor outlives it", async (t) => {
  const fd = listenOn({ kind: "inet", host: "127.0.0.1", port: 0 });
  const copy = duplicateFd(fd);
  t.after(() => closeFd(copy));
  closeFd(fd);
  await reached(boundAddress(copy));
});

test("a Unix socket has its mode, and is replaced only when nobody listens", async (t) => {
  const address: Address = { kind: "unix", path: join(scratchDirectory(t), "a.sock") };
  const fd = listenOn(address, { mode: 0o600 });
  assert.equal(statSync(address.path).mode & 0o777, 0o600);
  assert.deepEqual(boundAddress(fd), address);
  await reached(address);
  assert.throws(() => listenOn(address), { code: "EADDRINUSE" });
  closeFd(fd);
  assert.ok(existsSync(address.path));
  listening(t, address);
  await reached(address);
});

test("a plain file in the place of a Unix socket is left alone", (t) => {
  const path = join(scratchDirectory(t), "plain");
  writeFileSync(path, "precious");
  assert.throws(() => listenOn({ kind: "unix", path }), { code: "EADDRINUSE" });
  assert.ok(existsSync(path));
});

test("fd@N is taken when it listens and refused when it does not", (t) => {
  const fd = listening(t, { kind: "inet", host: "127.0.0.1", port: 0 });
  assert.equal(listenOn({ kind: "fd", fd }), fd);
  assert.throws(() => listenOn({ kind: "fd", fd: 99999 }), { code: "EBADF" });
  assert.throws(() => listenOn({ kind: "fd", fd: 0 }), /fd@0/);
});

test("an address that is not ours, or a name, is refused", () => {
  assert.throws(() => listenOn({ kind: "inet", host: "192.0.2.1", port: 0 }), {
    code: "EADDRNOTAVAIL",
  });
  assert.throws(() => listenOn({ kind: "name", host: "localhost", port: 0 }), /not the address/);
});
