import { setImmediate } from "node:timers/promises";
import { bpfRefusal } from "#io/bpf/features.ts";
import { noClang } from "#kit/bpf.ts";
import { noNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { atMost, type BenchOptions, type Check } from "../kit/bench.ts";
import { owning } from "../kit/owning.ts";
import { median } from "../kit/statistics.ts";
import { createGround, fillDirector, pinsOf } from "./filled.ts";
import { TCP, TestPackets } from "./test-packets.ts";
import { right, type Work } from "./work.ts";

/** Repeats of each case, bare and directed in turn. */
const REPEATS = 15;
const PACKETS = 200_000;
const FLOWS = [1, 1000, 100_000];

const VIP = "10.3.0.1";
const PORT = 80;
const SERVER_PORT = 8080;
const firstServer = "10.2.0.1";

interface Case {
  readonly name: string;
  readonly method: "dr" | "nat" | "tun" | "fullnat";
  readonly servers: number;
  /** Packets of servers instead of clients'. */
  readonly isReply?: boolean;
  /** Another service beside it, which translates: then every packet might be a reply. */
  readonly isBesideNat?: boolean;
  /** By the program for XDP. */
  readonly isXdp?: boolean;
  /** Nanoseconds that a packet may take, by number of flows. */
  readonly most?: Readonly<Record<number, number>>;
}

const CASES: readonly Case[] = [
  { name: "DR", method: "dr", servers: 100, most: { 1000: 80, 100000: 250 } },
  { name: "DR beside NAT", method: "dr", servers: 100, isBesideNat: true },
  { name: "NAT", method: "nat", servers: 100, most: { 1000: 100, 100000: 250 } },
  { name: "NAT, replies", method: "nat", servers: 1, isReply: true },
  { name: "TUN", method: "tun", servers: 100, most: { 1000: 100, 100000: 250 } },
  { name: "FULLNAT", method: "fullnat", servers: 100 },
  { name: "DR, XDP", method: "dr", servers: 100, isXdp: true },
  { name: "NAT, XDP", method: "nat", servers: 100, isXdp: true },
  { name: "TUN, XDP", method: "tun", servers: 100, isXdp: true },
];

/** Servers that keep the port which packets came for are named without one. */
function configuration(pins: string, { method, servers, isBesideNat }: Case): string {
  const port = method === "nat" || method === "fullnat" ? SERVER_PORT : PORT;
  const list = Array.from({ length: servers }, (_, i) => `s${i}: "10.2.0.${i + 1}:${port}"`);
  const other = isBesideNat
    ? `  other: { bind: "10.3.0.2:80", method: nat, backend: other }\n`
    : "";
  return `
director: { interfaces: d0, pins: ${pins}, localAddresses: [10.2.255.254] }
services:
  web: { bind: "${VIP}:${PORT}", method: ${method}, backend: app }
${other}backends:
  app: { check: off, servers: { ${list.join(", ")} } }
${isBesideNat ? `  other: { check: off, servers: { a: "10.2.1.1:80" } }` : ""}
`;
}

interface Figure {
  /** Nanoseconds above the bare harness: the middle of the repeats, and the least. */
  readonly median: number;
  readonly least: number;
}

/** Begins the flows, and lets them answer once where their replies come this way. */
function establish(packets: TestPackets, { method, servers }: Case, count: number): void {
  const client = { count, address: VIP, port: PORT };
  packets.choose({ ...client, flags: TCP.SYN });
  packets.directed(count);
  if (method === "nat" && servers === 1) {
    const reply = { count, address: firstServer, port: SERVER_PORT, isReply: true };
    packets.choose({ ...reply, flags: TCP.SYN_ACK });
    packets.directed(count);
  }
  packets.choose({ ...client, flags: TCP.ACK });
  packets.directed(count);
}

function measure(packets: TestPackets, one: Case, count: number, repeats: number): Figure {
  establish(packets, one, count);
  if (one.isReply) {
    const reply = { count, address: firstServer, port: SERVER_PORT, isReply: true };
    packets.choose({ ...reply, flags: TCP.ACK });
  }
  const repeat = Math.max(PACKETS, 2 * count);
  const isTunnelled = one.method === "tun";
  if (one.isXdp) packets.openXdp();
  const run = (): number => (one.isXdp ? packets.hastened(repeat) : packets.directed(repeat));
  run();
  const directed: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < repeats; i++) {
    directed.push(run());
    bare.push(
      one.isXdp ? packets.bareFrame(repeat, isTunnelled) : packets.bare(repeat, isTunnelled),
    );
  }
  return {
    median: median(directed.map((ns, i) => ns - bare[i]!)),
    least: Math.min(...directed) - Math.min(...bare),
  };
}

/** Takes one case through all numbers of flows, on maps of its own. */
async function measureCase(one: Case, number: number, options: BenchOptions): Promise<Figure[]> {
  return owning(async (owner) => {
    const pins = pinsOf(owner, `program-${number}`);
    // Nothing is forwarded by hash alone while the flows are begun.
    const text = configuration(pins, one).replace("pins:", "newFlows: 0, pins:");
    const director = fillDirector(owner, createGround(owner), text);
    const packets = new TestPackets(owner, director);
    const figures: Figure[] = [];
    for (const count of FLOWS) {
      const figure = measure(packets, one, count, options.quick ? 3 : REPEATS);
      options.say(`program ${one.name}, ${count} flows: ${figure.median.toFixed(0)} ns`);
      figures.push(figure);
      // Signals are heard in between.
      await setImmediate();
    }
    return figures;
  });
}

function checksOf(one: Case, figures: readonly Figure[]): Check[] {
  return FLOWS.flatMap((count, i) => {
    const most = one.most?.[count];
    if (most === undefined) return [];
    return [atMost(`${one.name}, ${count} flows, ns a packet`, figures[i]!.median, most)];
  });
}

const lacks = (): string | false => noNetns() || noClang() || (bpfRefusal() ?? false);

export const program: Work = {
  name: "program",
  lacks,
  async run(_owner: Owner, options) {
    const figures = new Map<Case, Figure[]>();
    for (const [i, one] of CASES.entries()) figures.set(one, await measureCase(one, i, options));
    return {
      tables: [
        {
          title: "The program, ns a packet of an established flow above the bare harness",
          columns: [
            { title: "FLOWS" },
            ...FLOWS.flatMap((count) => [right(`${count}`), right("least")]),
          ],
          rows: [...figures].map(([{ name }, all]) => [
            name,
            ...all.flatMap(({ median, least }) => [median.toFixed(0), least.toFixed(0)]),
          ]),
        },
      ],
      checks: [...figures].flatMap(([one, all]) => checksOf(one, all)),
      data: Object.fromEntries([...figures].map(([{ name }, all]) => [name, all])),
    };
  },
};

/** Entries of the table, of which there are soon enough. */
const TABLE = 65_536;
/** Some seconds of packets: those that may enter the table come at the beginning of each second. */
const FLOOD = 10_000_000;

export const fresh: Work = {
  name: "new",
  lacks,
  async run(owner, options) {
    const pins = pinsOf(owner, "new");
    const one: Case = { name: "DR", method: "dr", servers: 100 };
    const text = configuration(pins, one).replace("pins:", `connections: ${TABLE}, pins:`);
    const packets = new TestPackets(owner, fillDirector(owner, createGround(owner), text));
    const count = options.quick ? FLOOD / 4 : FLOOD;
    packets.choose({ count: FLOOD, flags: TCP.SYN, address: VIP, port: PORT });
    packets.directed(FLOOD);
    const net: number[] = [];
    for (let i = 0; i < options.rounds; i++) {
      net.push(packets.directed(count) - packets.bare(count / 10));
      options.say(`new: ${net.at(-1)!.toFixed(0)} ns`);
      await setImmediate();
    }
    const figures = [median(net), Math.min(...net), Math.max(...net)];
    return {
      tables: [
        {
          title: "A new flow each packet, the table full: ns a packet above the bare harness",
          columns: [{ title: "" }, ...["median", "least", "most"].map(right)],
          rows: [["DR, 50,000 tracked a second", ...figures.map((ns) => ns.toFixed(0))]],
        },
      ],
      checks: [atMost("new flows, full table, ns a packet", median(net), 400)],
      data: { net },
    };
  },
};
