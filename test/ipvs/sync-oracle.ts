import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { formatIp } from "#base/ip.ts";
import { readMessage } from "#director/sync/decode.ts";
import { readHello } from "#director/sync/own.ts";
import { type SyncEntry, WIRE_FLAG } from "#director/sync/wire.ts";
import { checksum, PROTO } from "#kit/packet.ts";
import {
  Comparison,
  clients,
  methodOf,
  type Rules,
  Service,
  SLACK_SECONDS,
  type Talk,
} from "./compare.ts";
import { noMachine } from "./machine.ts";
import { type ListedConnection, type Side, serverAddress, VIP } from "./side.ts";

/*
 * The sync daemon of IPVS and ours tell each other of connections: what one of them sends is
 * carried to the other, and read here besides.
 */

const ID = 7;
const SYNC_PORT = 8848;
/** Under which the one is heard by the other: both have the same address. */
const OTHER = [10, 1, 0, 3];
const ROUNDS = 100;
const ROUND_MS = 200;

const DAEMON = `--mcast-interface eth0 --syncid ${ID}`;

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) + bytes[at + 1]!;
const isSync = (frame: Uint8Array): boolean =>
  frame[14 + 9] === PROTO.udp && word(frame, 34 + 2) === SYNC_PORT;
/** Who listens to the daemon's group says so by IGMP, and again a while later. */
const IGMP = 2;
const isAside = (frame: Uint8Array): boolean => isSync(frame) || frame[14 + 9] === IGMP;
const payload = (frame: Uint8Array): Uint8Array => frame.subarray(42, 34 + word(frame, 38));

/** The same message from another address. */
function fromOther(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  const view = new DataView(copy.buffer);
  copy.set(OTHER, 26);
  view.setUint16(24, 0);
  view.setUint16(24, checksum(copy.subarray(14, 34)));
  // No sum is a sum too.
  view.setUint16(40, 0);
  return copy;
}

/** Carries messages until `met`; what was in them. */
type Met = (entries: readonly SyncEntry[]) => Promise<boolean>;

async function carry(from: Side, to: Side, met: Met): Promise<SyncEntry[]> {
  const entries: SyncEntry[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const frame of from.wire.aside().filter(isSync)) {
      const message = readMessage(payload(frame));
      assert.ok("entries" in message, "fault" in message ? message.fault : "");
      assert.equal(message.syncId, ID);
      entries.push(...message.entries.filter((entry) => !readHello(entry)));
      to.wire.send(fromOther(frame));
    }
    if (await met(entries)) return entries;
    await sleep(ROUND_MS);
  }
  const have = entries.map(describeEntry).join("\n");
  throw new Error(
    `not told in time:\n${have}\n${await from.connections()}\n${await to.connections()}`,
  );
}

/** By number, of those that are told. */
const STATES = {
  tcp: [
    "NONE",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
  ],
  udp: ["UDP"],
  sctp: { 8: "ESTABLISHED", 9: "S-SENT", 10: "S-RECEIVED", 11: "S-ACK-SENT", 13: "CLOSED" },
} as const;
type Protocol = keyof typeof STATES;

function stateOf({ protocol, state }: SyncEntry): string | undefined {
  const name = (Object.keys(STATES) as Protocol[]).find((one) => PROTO[one] === protocol);
  return name && (STATES[name] as Readonly<Record<number, string>>)[state];
}

function describeEntry(entry: SyncEntry): string {
  const { client, clientPort, service, servicePort, server, serverPort } = entry;
  const ends = [
    `${formatIp(client)}:${clientPort}`,
    `${formatIp(service)}:${servicePort}`,
    `${formatIp(server)}:${serverPort}`,
  ];
  const what = entry.flags & WIRE_FLAG.TEMPLATE ? "template" : stateOf(entry);
  return [what, ...ends, entry.flags & WIRE_FLAG.METHOD_MASK].join(" ");
}

const BITS = { "-m": WIRE_FLAG.NAT, "-g": WIRE_FLAG.DR, "-i": WIRE_FLAG.TUN } as const;
const METHODS = [
  ["-m", "tcp", {}],
  ["-g", "tcp", {}],
  ["-i", "tcp", {}],
  ["-m", "udp", {}],
  ["-m", "tcp", { b: "-g", c: "-i" }],
  ["-m", "sctp", {}],
  ["-g", "sctp", {}],
] as const;
const nameOf = (own: object): string => (Object.keys(own).length > 0 ? " and others" : "");
const PEOPLE = clients(5);

const connect = {
  tcp: ">S <SA >A >PA",
  udp: ">S >S >S",
  sctp: ">init <initAck >cookieEcho <cookieAck >data",
} as const;
/** How one connection ends at once, and another begins to. */
const end: Partial<Record<Protocol, readonly [string, string]>> = {
  tcp: ["R", "FA"],
  sctp: ["abort", "shutdown"],
};

/** A server past the director is not heard by it: which that is shows when the client has begun. */
async function begin(service: Service, client: string): Promise<Talk> {
  const talk = service.talk(client);
  const [first, ...rest] = connect[service.rules.protocol ?? "tcp"].split(" ");
  await talk.play(first!);
  const isHeard = methodOf(service.rules, talk.server) === "-m";
  await talk.play(rest.filter((one) => isHeard || one.startsWith(">")).join(" "));
  return talk;
}

describe("the sync daemon", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  const sides = () =>
    comparison.each(async (side) => {
      side.wire.isAside = isAside;
      side.wire.aside();
      return side;
    });
  const makeBoth = (rules: Rules) => comparison.each((side) => Service.make(side, rules));

  for (const [method, protocol, methods] of METHODS) {
    const what = `${method}${nameOf(methods)} ${protocol}`;
    const rulesOf = (): Rules => ({
      ...{ port: comparison.port(), service: "-s rr", weights: { a: 1, b: 1, c: 1 } },
      ...{ method, methods, protocol },
    });
    const lineOf = (one: ListedConnection): string =>
      `${one.state} ${one.client} ${one.server} ${Math.round(one.seconds / (10 * SLACK_SECONDS))}`;
    const linesOf = async (service: Service) => (await service.connections()).map(lineOf).sort();

    async function talkAll(service: Service, ends: boolean): Promise<void> {
      for (const [i, client] of PEOPLE.entries()) {
        const talk = await begin(service, client);
        const last = ends ? end[protocol]?.[i] : undefined;
        if (last !== undefined) await talk.say(last);
      }
    }

    test(`${what}: what IPVS sends is what it lists, and we go on with it`, async (t) => {
      const { ipvs, ours } = await sides();
      await ipvs.apply([`--start-daemon master ${DAEMON}`]);
      await ours.set("sync", ID);
      const both = await makeBoth(rulesOf());
      await talkAll(both.ipvs, false);
      const listed = await linesOf(both.ipvs);
      assert.equal(listed.length, PEOPLE.length);
      const met = async () => (await linesOf(both.ours)).length === listed.length;
      const told = await carry(ipvs, ours, met);
      const { rules } = both.ipvs;
      const { port } = rules;
      const bitsOf = (server: string): number => BITS[methodOf(rules, server) as keyof typeof BITS];
      const wanted = (await both.ipvs.connections()).map(({ client, server, state }) =>
        [state, client, `${VIP}:${port}`, `${serverAddress(server)}:${port}`, bitsOf(server)].join(
          " ",
        ),
      );
      const own = told.filter(({ servicePort }) => servicePort === port).map(describeEntry);
      assert.deepEqual([...new Set(own)].sort(), wanted.sort());
      assert.deepEqual(await linesOf(both.ours), await linesOf(both.ipvs));
      t.diagnostic(own.join("; "));
      await ipvs.apply(["--stop-daemon master"]);
      await ours.set("sync", 0);
    });

    test(`${what}: what we send IPVS lists`, async (t) => {
      const { ipvs, ours } = await sides();
      await ipvs.apply([`--start-daemon backup ${DAEMON}`]);
      await ours.set("sync", ID);
      const both = await makeBoth(rulesOf());
      await talkAll(both.ours, false);
      const met = async () => {
        // A flow of UDP is told when it goes on: packets came at two times.
        if (protocol === "udp") await talkAll(both.ours, false);
        return (await linesOf(both.ipvs)).length === PEOPLE.length;
      };
      await carry(ours, ipvs, met);
      assert.deepEqual(await linesOf(both.ipvs), await linesOf(both.ours));
      await talkAll(both.ours, true);
      const alike = async () =>
        (await linesOf(both.ipvs)).join() === (await linesOf(both.ours)).join();
      const told = await carry(ours, ipvs, alike);
      t.diagnostic(told.map(describeEntry).join("; "));
      t.diagnostic((await linesOf(both.ipvs)).join("; "));
      await ipvs.apply(["--stop-daemon backup"]);
      await ours.set("sync", 0);
    });
  }

  for (const [service, name] of [
    ["-s rr -p 60", "of a port"],
    ["-s rr -p 60 -M 255.255.255.0", "of a network"],
  ] as const) {
    test(`templates ${name}, both ways`, async (t) => {
      const { ipvs, ours } = await sides();
      await ours.set("sync", ID);
      const rules = (): Rules => ({ port: comparison.port(), service, weights: { a: 1, b: 1 } });
      for (const [from, to, role] of [
        ["ipvs", "ours", "master"],
        ["ours", "ipvs", "backup"],
      ] as const) {
        await ipvs.apply([`--start-daemon ${role} ${DAEMON}`]);
        const both = await makeBoth(rules());
        // Turns of the other one begin elsewhere.
        await both[to].spread(["10.1.0.77"], 4000);
        for (const client of PEOPLE) await both[from].talk(client).play(connect.tcp);
        const side = { ipvs, ours };
        const { port } = both[from].rules;
        const isTemplate = ({ flags, servicePort }: SyncEntry): boolean =>
          (flags & WIRE_FLAG.TEMPLATE) !== 0 && servicePort === port;
        const told = await carry(side[from], side[to], async (entries) => {
          const clients = new Set(entries.filter(isTemplate).map((one) => formatIp(one.client)));
          return clients.size === PEOPLE.length;
        });
        t.diagnostic(told.map(describeEntry).join("; "));
        // The other one's daemon has to wake.
        await sleep(ROUND_MS);
        const again = await both[to].spread(PEOPLE, 6000);
        assert.equal(again, await both[from].spread(PEOPLE, 6000), `${from} to ${to}`);
        await ipvs.apply([`--stop-daemon ${role}`]);
      }
      await ours.set("sync", 0);
    });
  }
});
