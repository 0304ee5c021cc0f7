import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "#base/address.ts";
import { formatIp } from "#base/ip.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./driver.ts";
import { peerIp } from "./peer-ip.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";

test("the bytes are the kernel's", () => {
  const bytes = new Uint8Array(32).fill(0xaa);
  assert.equal(encodeSockaddr({ kind: "inet", host: "1.2.3.4", port: 0x1234 }, bytes, 2), 16);
  assert.deepEqual(Array.from(bytes.subarray(0, 19)), [
    0xaa,
    0xaa,
    AF_INET,
    0,
    0x12,
    0x34,
    1,
    2,
    3,
    4,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0xaa,
  ]);
  assert.equal(encodeSockaddr({ kind: "unix", path: "/a" }, bytes, 0), 5);
  assert.deepEqual(Array.from(bytes.subarray(0, 5)), [AF_UNIX, 0, 47, 97, 0]);
});

test("what is encoded is decoded", () => {
  const hosts = fc.oneof(
    fc.ipV4().map((host) => ({ host, family: AF_INET })),
    fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      // ::ffff:0:0/96 prints as IPv4 and would be encoded as such.
      .filter((ip) => ip[0] !== 0)
      .map((ip) => ({ host: formatIp(ip), family: AF_INET6 })),
  );
  fc.assert(
    fc.property(hosts, fc.nat(65535), fc.nat(40), ({ host, family }, port, at) => {
      const bytes = new Uint8Array(80);
      encodeSockaddr({ kind: "inet", host, port }, bytes, at);
      assert.deepEqual(decodeSockaddr(bytes, at), { family, host, port });
      const ip = new Uint8Array(20);
      assert.equal(peerIp(bytes, at, ip, 3), port);
      assert.equal(formatIp(ip, 3), host);
    }),
  );
});

test("a Unix peer has no IP address", () => {
  const bytes = new Uint8Array(110);
  encodeSockaddr({ kind: "unix", path: "/run/weir.sock" }, bytes, 0);
  assert.deepEqual(decodeSockaddr(bytes, 0), { family: AF_UNIX, host: "/run/weir.sock", port: 0 });
  const ip = new Uint8Array(16).fill(1);
  assert.equal(peerIp(bytes, 0, ip, 0), 0);
  assert.deepEqual(ip, new Uint8Array(16));
});

test("a name, a path too long and a lack of room are refused", () => {
  const refused: Address[] = [
    { kind: "name", host: "x", port: 1 },
    { kind: "fd", fd: 3 },
    { kind: "unix", path: "x".repeat(108) },
  ];
  for (const address of refused) {
    assert.throws(() => encodeSockaddr(address, new Uint8Array(200), 0));
  }
  assert.throws(() =>
    encodeSockaddr({ kind: "inet", host: "::1", port: 1 }, new Uint8Array(27), 0),
  );
});
