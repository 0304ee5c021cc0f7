import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "#kit/free-port.ts";
import { until } from "#kit/until.ts";
import { GroupSocket } from "./group-socket.ts";

const place = (port: number, peers: readonly string[]) => ({
  ...{ interface: "lo", group: "224.0.0.81", port, ttl: 1, peers },
});

test("datagrams of peers come in, and of nobody else", async (t) => {
  const heard: [string, string][] = [];
  let problem: string | undefined;
  const events = {
    opened: () => {},
    received: (bytes: Uint8Array, from: string) =>
      heard.push([Buffer.from(bytes).toString(), from]),
    failed: (text: string) => {
      problem = text;
    },
    unsent: () => {},
  };
  const port = await freePort();
  const socket = new GroupSocket(place(port, ["127.0.0.1"]), events);
  t.after(() => socket.close());
  socket.send(Uint8Array.of(33));
  await until("it is open", () => socket.isOpen || problem !== undefined);
  assert.equal(problem, undefined);
  socket.send(Uint8Array.of(65, 66));
  await until("it comes", () => heard.length > 0);
  assert.deepEqual(heard, [["AB", "127.0.0.1"]]);
  const deaf = new GroupSocket(place(await freePort(), ["127.0.0.2"]), events);
  t.after(() => deaf.close());
  deaf.close();
  assert.equal(deaf.isOpen, false);
});

test("an interface without an address is an error that says so", () => {
  const events = { opened() {}, received() {}, failed() {}, unsent() {} };
  const nowhere = { ...place(1, []), interface: "nowhere0" };
  assert.throws(() => new GroupSocket(nowhere, events), /nowhere0 is down, or has no IPv4 address/);
  const v6 = { ...nowhere, group: "ff02::51" };
  assert.throws(() => new GroupSocket(v6, events), /nowhere0 is down, or has no IPv6 address/);
});
