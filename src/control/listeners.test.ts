import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "#base/address.ts";
import { Listeners, type SocketMaker } from "./listeners.ts";
import type { ListenWish } from "./protocol.ts";

/** Sockets that exist only here: descriptors count up from 10, taken ports are given. */
function fakeSockets(taken: readonly number[] = []) {
  const open = new Map<number, Address>();
  const removed: string[] = [];
  let next = 10;
  const check = (address: Address): void => {
    if (address.kind === "inet" && taken.includes(address.port)) {
      throw Object.assign(new Error(`listen on ${address.host}:${address.port}: EADDRINUSE`), {
        code: "EADDRINUSE",
      });
    }
  };
  const make: SocketMaker = {
    listen(address) {
      check(address);
      open.set(next, address.kind === "inet" && address.port === 0 ? inet(40_000) : address);
      return next++;
    },
    checkFree: check,
    boundAddress: (fd) => open.get(fd)!,
    close: (fd) => assert.ok(open.delete(fd), `close of unknown descriptor ${fd}`),
    remove: (path) => removed.push(path),
  };
  return { make, open, removed };
}

const inet = (port: number): Address => ({ kind: "inet", host: "127.0.0.1", port });
const wish = (key: string, address: Address, count = 1): ListenWish => ({
  key,
  address,
  backlog: 128,
  v6Only: false,
  mode: undefined,
  count,
});

test("one socket a worker, the same ones for the next engine", () => {
  const { make, open } = fakeSockets();
  const listeners = new Listeners(make);
  const first = listeners.obtain([
    wish("a", inet(80), 2),
    wish("u", { kind: "unix", path: "/s" }, 2),
  ]);
  assert.deepEqual(first, { keys: ["a", "a", "u"], fds: [10, 11, 12], faults: [] });
  assert.deepEqual(listeners.obtain([wish("a", inet(80), 2)]).fds, [10, 11]);
  assert.equal(open.size, 3);
});

test("more sockets than wished are all handed on; fewer are completed", () => {
  const { make } = fakeSockets();
  const listeners = new Listeners(make);
  listeners.obtain([wish("a", inet(80), 3)]);
  assert.equal(listeners.obtain([wish("a", inet(80), 1)]).fds.length, 3);
  assert.equal(listeners.obtain([wish("a", inet(80), 4)]).fds.length, 4);
});

test("a fault leaves everything as it was", () => {
  const { make, open, removed } = fakeSockets([443]);
  const listeners = new Listeners(make);
  listeners.obtain([wish("a", inet(80), 1)]);
  const { fds, faults } = listeners.obtain([
    wish("a", inet(80), 2),
    wish("b", inet(81), 2),
    wish("u", { kind: "unix", path: "/s" }),
    wish("c", inet(443), 2),
  ]);
  assert.deepEqual(fds, []);
  assert.equal(faults.length, 1);
  assert.equal(faults[0]!.key, "c");
  assert.equal(faults[0]!.code, "EADDRINUSE");
  assert.deepEqual([...open.keys()], [10]);
  assert.deepEqual(removed, ["/s"]);
  assert.deepEqual(listeners.obtain([wish("a", inet(80), 1)]).fds, [10]);
});

test("sockets of port 0 share the port the first one got", () => {
  const { make, open } = fakeSockets();
  new Listeners(make).obtain([wish("a", inet(0), 3)]);
  assert.deepEqual([...open.values()], [inet(40_000), inet(40_000), inet(40_000)]);
});

test("dropped keys are closed and their files removed", () => {
  const { make, open, removed } = fakeSockets();
  const listeners = new Listeners(make);
  listeners.obtain([wish("a", inet(80), 2), wish("u", { kind: "unix", path: "/s" })]);
  listeners.keep(["a"]);
  assert.deepEqual([...open.keys()], [10, 11]);
  assert.deepEqual(removed, ["/s"]);
  listeners.closeAll();
  assert.equal(open.size, 0);
});
