import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  connectNetns,
  createNetns,
  noNetns,
  noProgram,
  runInNetns,
  withNetns,
} from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { systemTimers } from "./clock.ts";
import { internetChecksum } from "./echo-socket.ts";
import { type Pinged, ping } from "./ping.ts";

const OPTIONS = { timeoutMs: 60_000, payloadBytes: 56, ttl: undefined };
const HERE = { 4: "10.9.0.1", 6: "fd09::1" } as const;
const THERE = { 4: "10.9.0.2", 6: "fd09::2" } as const;
/** Nobody's, on the same wire. */
const NOBODY = { 4: "10.9.0.3", 6: "fd09::3" } as const;

test("the checksum of RFC 1071, of an even and an odd number of bytes", () => {
  assert.equal(
    internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)),
    0x220d,
  );
  assert.equal(internetChecksum(Uint8Array.of(0xff, 0xff, 0x01)), 0xfeff);
});

/** Two hosts on a wire, with addresses of both families. */
function twoHosts(t: Owner): { ours: string; theirs: string } {
  const [ours, theirs] = [createNetns(t), createNetns(t)];
  connectNetns(
    { netns: ours, device: "eth0", address: `${HERE[4]}/24` },
    { netns: theirs, device: "eth0", address: `${THERE[4]}/24` },
  );
  for (const [netns, host] of [
    [ours, HERE[6]],
    [theirs, THERE[6]],
  ] as const) {
    runInNetns(netns, "ip", "addr", "add", `${host}/64`, "dev", "eth0", "nodad");
  }
  return { ours, theirs };
}

const setIn = (netns: string, name: string, value: string): void =>
  withNetns(netns, () => writeFileSync(`/proc/sys/net/${name}`, value));

const pingFrom = (netns: string, host: string, options = {}): Promise<Pinged> =>
  new Promise((done) =>
    withNetns(netns, () => ping(systemTimers, host, { ...OPTIONS, ...options }, done)),
  );

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

describe("ping", { skip: noNetns() }, () => {
  for (const [kind, groups] of [
    ["raw", "1 0"],
    ["datagram", "0 0"],
  ] as const) {
    for (const family of [4, 6] as const) {
      test(`a ${kind} socket, IPv${family}: who answers, is silent, is not there`, async (t) => {
        const { ours, theirs } = twoHosts(t);
        setIn(ours, "ipv4/ping_group_range", groups);
        const before = openDescriptors();
        for (const payloadBytes of [0, 1, 56, 9000]) {
          const { failure } = await pingFrom(ours, THERE[family], { payloadBytes });
          assert.equal(failure, undefined, `${payloadBytes} bytes`);
        }
        assert.equal((await pingFrom(ours, HERE[family])).failure, undefined, "ourselves");
        const many = await Promise.all(
          Array.from({ length: 50 }, () => pingFrom(ours, THERE[family])),
        );
        assert.deepEqual(
          many,
          many.map(() => ({ failure: undefined })),
        );
        const absent = await pingFrom(ours, NOBODY[family]);
        assert.equal(absent.failure?.text, "host is unreachable");
        assert.deepEqual([absent.failure.timeout, absent.failure.local], [false, false]);
        const silence = family === 4 ? "ipv4/icmp_echo_ignore_all" : "ipv6/icmp/echo_ignore_all";
        setIn(theirs, silence, "1");
        const silent = await pingFrom(ours, THERE[family], { timeoutMs: 100 });
        const text = "no echo reply in time";
        assert.deepEqual(silent.failure, { timeout: true, local: false, text });
        assert.equal(openDescriptors(), before);
      });
    }
  }

  test("a host nobody has a way to", async (t) => {
    const { failure } = await pingFrom(createNetns(t), "192.0.2.1");
    assert.equal(failure?.text, "network is unreachable");
  });

  test("a request dies on the way when it has too few hops", async (t) => {
    const { ours, theirs } = twoHosts(t);
    const beyond = createNetns(t);
    connectNetns(
      { netns: theirs, device: "eth1", address: "10.8.0.1/24" },
      { netns: beyond, device: "eth0", address: "10.8.0.2/24" },
    );
    setIn(theirs, "ipv4/ip_forward", "1");
    runInNetns(ours, "ip", "route", "add", "default", "via", THERE[4]);
    runInNetns(beyond, "ip", "route", "add", "default", "via", "10.8.0.1");
    assert.equal((await pingFrom(ours, "10.8.0.2", { ttl: 2 })).failure, undefined);
    assert.equal((await pingFrom(ours, "10.8.0.2", { ttl: 1 })).failure?.timeout, false);
  });

  test("an answer that is another's is none", async (t) => {
    const { ours, theirs } = twoHosts(t);
    setIn(theirs, "ipv4/icmp_echo_ignore_all", "1");
    const waiting = pingFrom(ours, THERE[4], { timeoutMs: 300 });
    // Answers to requests of nobody, of every length and with numbers of their own.
    runInNetns(theirs, process.execPath, "-e", FORGER, modulePath("ffi.ts"), HERE[4]);
    assert.equal((await waiting).failure?.timeout, true);
  });

  test("neither kind of socket is permitted", { skip: noProgram("setpriv") }, (t) => {
    const netns = createNetns(t);
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const modules = [modulePath("ping.ts"), modulePath("clock.ts")];
    const said = runInNetns(
      netns,
      "setpriv",
      ...user,
      process.execPath,
      "-e",
      STRANGER,
      ...modules,
    );
    const { failure } = JSON.parse(said) as Pinged;
    assert.equal(failure?.local, true);
    assert.match(failure.text, /not permitted.*CAP_NET_RAW.*ping_group_range/);
  });
});

const modulePath = (name: string): string => pathToFileURL(`${import.meta.dirname}/${name}`).href;

const STRANGER = `
const [, ping, clock] = process.argv;
Promise.all([import(ping), import(clock)]).then(([{ ping }, { systemTimers }]) => {
  const options = { timeoutMs: 60000, payloadBytes: 8, ttl: undefined };
  ping(systemTimers, "127.0.0.1", options, (result) => console.log(JSON.stringify(result)));
});
`;

const FORGER = `
const [, ffi, host] = process.argv;
import(ffi).then(({ native, addressOf }) => {
  const socket = native("socket", "i32", "i32", "i32", "i32");
  const sendto = native("sendto", "i32", "i32", "u64", "u32", "i32", "u64", "u32");
  const fd = socket(2, 3, 1);
  if (fd < 0) throw new Error("no raw socket");
  const to = new Uint8Array(16);
  to[0] = 2;
  to.set(host.split(".").map(Number), 4);
  for (let length = 8; length < 100; length++) {
    const reply = new Uint8Array(length);
    let sum = 0xffff;
    reply[2] = sum >> 8; reply[3] = sum & 255;
    if (sendto(fd, addressOf(reply), length, 0, addressOf(to), 16) !== length) throw new Error();
  }
});
`;

test("after Cancel nothing is called and nothing is left", () => {
  const clock = new SimClock();
  const before = openDescriptors();
  const cancel = ping(clock, "127.0.0.1", OPTIONS, () => assert.fail("called after Cancel"));
  cancel();
  cancel();
  clock.advance(100_000);
  assert.deepEqual([clock.pending, openDescriptors()], [0, before]);
});
