import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { parseIp } from "#base/ip.ts";
import { listensOn, readListeners, takes } from "./listeners.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100000A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0
`;

test("the kernel's table: who listens, where", () => {
  const [one, any, ...more] = readListeners(TABLE, "0A");
  assert.equal(more.length, 0);
  const at = (text: string): Uint8Array => parseIp(text)!;
  assert.ok(takes(one!, at("10.0.0.1"), 80));
  assert.ok(!takes(one!, at("10.0.0.2"), 80));
  assert.ok(!takes(one!, at("10.0.0.1"), 81));
  assert.ok(takes(any!, at("10.0.0.2"), 8080));
  assert.ok(!takes(any!, at("fd00::1"), 8080));
  const v6 = { address: new Uint8Array(16), port: 80 };
  assert.ok(takes(v6, at("fd00::1"), 80));
  assert.ok(takes(v6, at("10.0.0.1"), 80));
});

test("sockets of this process, TCP and UDP", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  assert.equal(listensOn("127.0.0.1", port), true);
  assert.equal(listensOn("127.0.0.2", port), false);
  const socket = createSocket("udp4").bind(0, "127.0.0.3");
  t.after(() => socket.close());
  await once(socket, "listening");
  assert.equal(listensOn("127.0.0.3", socket.address().port), true);
});
