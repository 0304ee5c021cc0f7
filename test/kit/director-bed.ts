import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, describe } from "node:test";
import { viewOf } from "#base/bytes.ts";
import { PROTOCOL, type ProtocolName } from "#base/protocol.ts";
import type { Kernel } from "#director/kernel.ts";
import { ALL_PORTS } from "#director/local-ports.ts";
import { type Loops, loopOptions, loops } from "#director/loops.ts";
import {
  configRow,
  destinationRow,
  hopRow,
  type LocalPorts,
  markKey,
  poolBytes,
  poolRows,
  portRow,
  rangeKeys,
  replyPorts,
  routeRow,
  rowKey,
  serverKey,
  serverValue,
  serviceKey,
  serviceRow,
} from "#director/rows.ts";
import { kernelTicks } from "#director/ticks.ts";
import { HELPER, MAP_TYPE } from "#io/bpf/abi.ts";
import { possibleCpus } from "#io/bpf/cpus.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { POOL_HEADER } from "#plan/director-layout.ts";
import {
  CONFIG_FLAG,
  CONN_STATE,
  DESTINATION_FLAG,
  HASH_KIND,
  METHOD,
  PROGRAM,
  SERVER_FLAG,
  SERVICE_FLAG,
  SYN_PROXY,
  TUNNEL,
} from "#plan/director-numbers.ts";
import { withoutHelper } from "./bpf.ts";
import { DirectorTables, type Placed } from "./director-tables.ts";
import { createNetns, noNetns, runProgram, withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { frame, ip16, OUR_MAC, SERVER_MAC } from "./packet.ts";
import { frameFaults } from "./packet-check.ts";
import { Tap } from "./tap.ts";

/*
 * The director's programs with maps of their own, given packets one by one (BPF_PROG_TEST_RUN) in a
 * network namespace in which nothing else is.
 */

/** Why they cannot be run here, for node:test's `skip`; false when they can. */
export const noDirector = (): string | false => noNetns() || (bpfRefusal() ?? false);

/** What the program says to do with a packet: TC_ACT_UNSPEC, TC_ACT_SHOT, TC_ACT_REDIRECT. */
export const VERDICT = { pass: 0xffff_ffff, drop: 2, send: 7 } as const;

const OBJECT = new URL("../../src/director/bpf/director.bpf.o", import.meta.url);
const SERVICES = 8;
/** Rows of `locals`. */
const LOCALS = 64;
/** Maps in `pools` may differ in their length. */
const INNER_MAP = 1 << 12;
const POOL_ROW_BYTES = POOL_HEADER.BYTES;
/** Of what the routes here lead to: redirects are not followed in test runs. */
const OUT_INTERFACE = 99;
/** Longer than a loaded machine takes for a test. */
export const DEFAULT_TICKS = 60_000;
/** Whoever is silent for so long has expired. */
export const EXPIRED_TICKS = 2 * DEFAULT_TICKS;
/** The same in XDP. */
export const XDP_VERDICT = { pass: 2, send: 4 } as const;
/** Where XDP's test runs take frames for coming in: the loopback. */
const XDP_INGRESS = 1;
/** A while, in ticks. */
const SOON_TICKS = DEFAULT_TICKS;

export interface ServerSpec {
  readonly address: string;
  /** 0, or without: as the packet has it. */
  readonly port?: number;
  readonly method?: number;
  readonly weight?: number;
  readonly upper?: number;
  readonly lower?: number;
  readonly generation?: number;
  readonly flags?: number;
  readonly tunnel?: (typeof TUNNEL)[keyof typeof TUNNEL];
  readonly tunnelPort?: number;
  /** Ours, towards it. */
  readonly source?: string;
  readonly mtu?: number;
  /** 0: there is no way to it. */
  readonly interface?: number;
  /** It is the director's machine. */
  readonly local?: boolean;
}

export interface ServiceSpec {
  readonly address: string;
  readonly port?: number;
  /** Instead of `port`. */
  readonly ports?: readonly [first: number, last: number];
  /** Instead of address and port; where no protocol is said, of all of them. */
  readonly mark?: number;
  readonly protocol?: ProtocolName;
  readonly servers: readonly ServerSpec[];
  readonly program?: number;
  readonly hash?: number;
  readonly flags?: number;
  readonly persistTicks?: number;
  readonly prefix4?: number;
  readonly prefix6?: number;
  readonly limit?: number;
  /** The same of one client. */
  readonly sourceLimit?: number;
  /** A SYN_PROXY; without: none. */
  readonly synProxy?: number;
  /** Slots of the pool; without, each server once. */
  readonly pool?: readonly number[];
}

export interface ConfigSpec {
  readonly flags?: number;
  readonly newFlows?: number;
  readonly dropRate?: number;
  /** Addresses of ours for FULLNAT. */
  readonly locals?: readonly string[];
  /** Ports of theirs; absent: all. */
  readonly localPorts?: LocalPorts;
  /** Ticks by state. */
  readonly timeouts?: Readonly<Record<number, number>>;
}

export interface RunOptions {
  readonly mark?: number;
  readonly ingress?: number;
  readonly gsoSize?: number;
  readonly gsoSegments?: number;
}

export interface Outcome {
  readonly verdict: number;
  readonly frame: Uint8Array;
}

const isTranslated = ({ method = METHOD.NAT }: ServerSpec): boolean =>
  method === METHOD.NAT || method === METHOD.FULLNAT;

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/(.{32})/g, "$1\n");

export interface BedOptions {
  /** Rows for servers, of all services. */
  readonly destinations?: number;
  /** Slots of a pool at most. */
  readonly poolLength?: number;
  /** Entries of the connection table. */
  readonly connections?: number;
  /** `twos` draws from the service's counter. */
  readonly drawsCounted?: boolean;
  /** `rows`: loops as where there is no bpf_loop(); by default as the kernel can. */
  readonly loops?: Loops;
}

/**
 * A suite of what has loops, and the same as on kernels that have no bpf_loop(). Each test is as
 * with `directorBed`.
 */
export function describeLoops(
  name: string,
  options: BedOptions,
  suite: (bed: DirectorBed) => void,
): void {
  const skip = noDirector();
  describe(name, { skip }, () => suite(directorBed(options)));
  describe(`${name}, loops over rows`, { skip }, () => {
    suite(directorBed({ ...options, loops: "rows" }));
  });
}

/** A bed for the suite that calls this, as new before every test. */
export function directorBed(options: BedOptions = {}): DirectorBed {
  const bed = new DirectorBed(options);
  const ends: (() => unknown)[] = [];
  before(() => bed.open({ after: (end) => ends.push(end) }));
  beforeEach(() => bed.reset());
  after(() => {
    for (const end of ends.reverse()) end();
  });
  return bed;
}

export class DirectorBed extends DirectorTables {
  #object!: LoadedObject;
  #netns = "";
  /** Where packets come in. */
  front = 0;
  back = 0;
  #services = 0;
  #destinations = 0;
  /** Rows of each service. */
  readonly #capacities: number[] = [];
  /** Of each service: some of its servers answer clients directly. */
  readonly #isDirect: boolean[] = [];
  readonly #pools: BpfMap[] = [];
  #config: ConfigSpec = {};
  readonly #options: Required<BedOptions>;

  constructor(options: BedOptions = {}) {
    const usual = { destinations: 32, poolLength: 300, connections: 1024, drawsCounted: false };
    const all = { ...usual, loops: loops(), ...options };
    super(all.destinations);
    this.#options = all;
  }

  open(owner: Owner): void {
    this.#netns = createNetns(owner);
    const link = ["link", "add", "front", "type", "veth", "peer", "name", "back"];
    runProgram("ip", "-n", this.#netns, ...link);
    // Frames that are not addressed to the interface are not ours.
    const address = [...OUR_MAC].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
    for (const device of ["front", "back"]) {
      runProgram("ip", "-n", this.#netns, "link", "set", device, "address", address);
    }
    this.front = this.#index("front");
    this.back = this.#index("back");
    const statistics = this.rows * possibleCpus();
    const way = this.#options.loops;
    const looped = loopOptions(way, { destinations: this.rows, locals: LOCALS });
    const object = parseBpfObject(readFileSync(OBJECT));
    this.#object = loadBpfObject(way === "rows" ? withoutHelper(object, HELPER.LOOP) : object, {
      sizes: {
        ...looped.sizes,
        services: SERVICES,
        service_states: SERVICES,
        destinations: this.rows,
        routes: this.rows,
        hops: this.rows,
        loads: this.rows,
        statistics,
        connections: this.#options.connections,
        replies: 131_072,
      },
      rodata: { ...looped.rodata, draws_counted: Number(this.#options.drawsCounted) },
    });
    owner.after(() => {
      for (const pool of this.#pools) pool.close();
      this.#object.close();
    });
    this.#makePools();
  }

  /** Hears what programs send out on `front` besides the packet itself; there, what comes in. */
  tap(owner: Owner, at: "front" | "back" = "back"): Tap {
    for (const device of ["front", "back"] as const) this.setLink(device, "up");
    return new Tap(owner, this.#netns, at);
  }

  /** Where packets come in: sockets there are this machine's. */
  get netns(): string {
    return this.#netns;
  }

  setLink(device: "front" | "back", to: "up" | "down"): void {
    runProgram("ip", "-n", this.#netns, "link", "set", device, to);
  }

  #index(device: string): number {
    const text = runProgram("ip", "-n", this.#netns, "-o", "link", "show", device);
    return Number.parseInt(text, 10);
  }

  map(name: string): BpfMap {
    return this.#object.maps[name]!;
  }

  /** As what looks after the kernel's tables takes it. */
  get kernel(): Pick<Kernel, "maps" | "configuration"> {
    const maps = this.#object.maps as Kernel["maps"];
    return { maps, configuration: this.map(".bss") };
  }

  /** As if it had just been loaded. */
  reset(): void {
    for (const name of ["lookups", "ranges", "servers", "connections", "replies", "templates"]) {
      this.empty(name);
    }
    for (const name of ["fragments", "sources", "localities", "proxied"]) this.empty(name);
    this.empty("ports");
    for (const name of ["services", "service_states", "destinations", "routes", "hops", "loads"]) {
      this.#zero(name);
    }
    for (const name of ["statistics", "counters", "allowances", "locals", "hastened"]) {
      this.#zero(name);
    }
    for (const name of [".bss", ".bss.ports"]) {
      this.#zero(name);
    }
    // The kernel waits for all programs when a pool is put in place: these stay, empty.
    for (const pool of this.#pools) pool.update(rowKey(0), new Uint8Array(POOL_ROW_BYTES));
    this.#services = 0;
    this.#destinations = 0;
    this.configure({});
  }

  empty(name: string): void {
    for (const key of [...this.map(name).keys()]) this.map(name).delete(key);
  }

  #zero(name: string): void {
    const map = this.map(name);
    for (let i = 0; i < map.maxEntries; i++) map.update(rowKey(i), new Uint8Array(map.slotBytes));
  }

  configure(spec: ConfigSpec): void {
    this.#config = spec;
    this.locals = spec.locals ?? [];
    for (const [i, local] of this.locals.entries()) {
      this.map("locals").update(rowKey(i), ip16(local));
    }
    const timeouts = Array.from(
      { length: CONN_STATE.ROWS },
      (_, state) => spec.timeouts?.[state] ?? DEFAULT_TICKS,
    );
    const row = configRow({
      flags: spec.flags ?? CONFIG_FLAG.REPLIES,
      newFlows: spec.newFlows ?? 0,
      dropRate: spec.dropRate ?? 0,
      destinations: this.rows,
      locals: this.locals.length,
      localPorts: spec.localPorts ?? ALL_PORTS,
      timeouts,
    });
    this.map(".bss").update(rowKey(0), row);
  }

  /** More flags, the rest as it is. */
  enable(...flags: readonly number[]): void {
    const all = [this.#config.flags ?? CONFIG_FLAG.REPLIES, ...flags];
    this.configure({ ...this.#config, flags: all.reduce((a, b) => a | b) });
  }

  service(spec: ServiceSpec): Placed {
    const placed = { number: this.#services++, base: this.#destinations };
    this.#capacities[placed.number] = spec.servers.length;
    this.#isDirect[placed.number] = spec.servers.some((server) => !isTranslated(server));
    this.#destinations += spec.servers.length;
    const protocol = PROTOCOL[spec.protocol ?? "tcp"];
    const address = ip16(spec.address);
    const value = rowKey(placed.number);
    if (spec.mark !== undefined) {
      const family = spec.address.includes(":") ? 6 : 4;
      const all = spec.protocol === undefined ? Object.values(PROTOCOL) : [protocol];
      for (const one of all) this.map("lookups").update(markKey(spec.mark, family, one), value);
    } else if (spec.ports) {
      for (const key of rangeKeys(address, ...spec.ports, protocol)) {
        this.map("ranges").update(key, value);
      }
    } else {
      this.map("lookups").update(serviceKey(address, spec.port ?? 80, protocol), value);
    }
    this.changeService(placed, spec);
    this.pool(placed, spec.pool ?? spec.servers.map((_, i) => i));
    for (const [i, server] of spec.servers.entries()) {
      this.changeServer(placed, i, server);
      if (isTranslated(server)) this.#answers(server, protocol, address, spec);
    }
    return placed;
  }

  /** Whose replies those of a server are: several services' when it is there already. */
  #answers(server: ServerSpec, protocol: number, address: Uint8Array, spec: ServiceSpec): void {
    const key = serverKey(ip16(server.address), server.port ?? 0, protocol);
    const map = this.map("servers");
    const before = map.lookup(key);
    const isShared = before !== undefined || spec.mark !== undefined;
    const isAmbiguous = isShared || server.method === METHOD.FULLNAT;
    const flags = isAmbiguous ? SERVER_FLAG.AMBIGUOUS : 0;
    const value = serverValue(address, server.port ? (spec.port ?? 80) : 0, flags);
    if (before) value.set(before.subarray(0, 18));
    map.update(key, value);
    this.map(".bss.ports").update(rowKey(0), replyPorts(map.keys()));
  }

  changeService({ number, base }: Placed, spec: Omit<ServiceSpec, "servers" | "address">): void {
    const row = serviceRow({
      pool: number,
      base,
      identity: number + 1,
      capacity: this.#capacities[number]!,
      persistTicks: spec.persistTicks ?? 0,
      limit: spec.limit ?? 0,
      sourceLimit: spec.sourceLimit ?? 0,
      isDirect: this.#isDirect[number]!,
      program: spec.program ?? PROGRAM.TURNS,
      hash: spec.hash ?? HASH_KIND.FLOW,
      flags: (spec.flags ?? 0) | (spec.persistTicks ? SERVICE_FLAG.PERSISTENT : 0),
      prefix4: spec.prefix4 ?? 32,
      prefix6: spec.prefix6 ?? 128,
      synProxy: spec.synProxy ?? SYN_PROXY.OFF,
    });
    this.map("services").update(rowKey(number), row);
  }

  /** Fills the service's pool with slots of its servers. */
  pool(
    { number }: Placed,
    slots: readonly number[] | Uint16Array,
    servers: Uint16Array = new Uint16Array(0),
  ): void {
    const bytes = poolBytes(Uint16Array.from(slots), servers);
    const rows = Uint32Array.from({ length: bytes.length / POOL_ROW_BYTES }, (_, row) => row);
    this.#pools[number]!.updateBatch(new Uint8Array(rows.buffer), bytes, rows.length);
  }

  #makePools(): void {
    for (let i = 0; i < SERVICES; i++) {
      const pool = BpfMap.create({
        name: "pool",
        type: MAP_TYPE.ARRAY,
        keyBytes: 4,
        valueBytes: POOL_ROW_BYTES,
        maxEntries: poolRows(this.#options.poolLength),
        flags: INNER_MAP,
      });
      this.#pools.push(pool);
      this.map("pools").update(rowKey(i), rowKey(pool.fd));
    }
  }

  changeServer({ number, base }: Placed, slot: number, spec: ServerSpec): void {
    const address = ip16(spec.address);
    const isVersion6 = spec.address.includes(":");
    const row = destinationRow({
      address,
      port: spec.port ?? 0,
      service: number,
      generation: spec.generation ?? 1,
      identity: slot + 1,
      weight: spec.weight ?? 1,
      upper: spec.upper ?? 0,
      lower: spec.lower ?? 0,
      method: spec.method ?? METHOD.NAT,
      flags: spec.flags ?? DESTINATION_FLAG.PRESENT,
      tunnel: spec.tunnel ?? TUNNEL.IPIP,
      tunnelPort: spec.tunnelPort ?? 0,
    });
    this.map("destinations").update(rowKey(base + slot), row);
    const route = routeRow({
      nextHop: address,
      source: ip16(spec.source ?? (isVersion6 ? "fd00::1" : "10.0.0.1")),
      interface: spec.interface ?? OUT_INTERFACE,
      mtu: spec.mtu ?? 1500,
      family: isVersion6 ? 6 : 4,
      local: spec.local ?? false,
    });
    this.map("routes").update(rowKey(base + slot), route);
    const hop = hopRow({
      nextHop: address,
      address: SERVER_MAC,
      source: OUR_MAC,
      interface: spec.interface ?? OUT_INTERFACE,
    });
    this.map("hops").update(rowKey(base + slot), hop);
  }

  /** What becomes of a frame. */
  run(bytes: Uint8Array, options: RunOptions = {}): Outcome {
    return this.#run("weir_director", bytes, options.ingress ?? this.front, options);
  }

  /** The same where it leaves; with `ingress` it came in there before. */
  runExit(bytes: Uint8Array, options: RunOptions = {}): Outcome {
    return this.#run("weir_exit", bytes, options.ingress ?? 0, options);
  }

  #run(program: string, bytes: Uint8Array, ingress: number, options: RunOptions): Outcome {
    const ctx = new Uint8Array(192);
    const fields = viewOf(ctx);
    fields.setUint32(8, options.mark ?? 0, true);
    fields.setUint32(36, ingress, true);
    fields.setUint32(40, ingress || this.front, true);
    fields.setUint32(164, options.gsoSegments ?? 0, true);
    fields.setUint32(176, options.gsoSize ?? 0, true);
    const fd = this.#object.programs[program]!;
    const { retval, data } = withNetns(this.#netns, () => testRun(fd, { data: bytes, ctx }));
    return { verdict: retval, frame: data };
  }

  /** Has XDP take frames to that address, until a tick. */
  takeByXdp(untilTick = kernelTicks() + SOON_TICKS, address: Uint8Array = OUR_MAC): void {
    this.map("ports").update(rowKey(XDP_INGRESS), portRow({ address, untilTick }));
  }

  /** What becomes of a frame in XDP. */
  runXdp(bytes: Uint8Array): Outcome {
    const fd = this.#object.programs["weir_xdp"]!;
    const { retval, data } = withNetns(this.#netns, () => testRun(fd, { data: bytes }));
    return { verdict: retval, frame: data };
  }

  /** Packets that XDP has sent on. */
  hastened(): number {
    const value = this.map("hastened").lookup(rowKey(0))!.slice();
    return new BigUint64Array(value.buffer).reduce((sum, one) => sum + Number(one), 0);
  }

  /** The packet is sent on as this other one. */
  sends(packet: Uint8Array, expected: Uint8Array, options?: RunOptions): void {
    this.#expect(VERDICT.send, frame(packet), frame(expected), options);
  }

  /** Its sender is told this. */
  answers(packet: Uint8Array, expected: Uint8Array, options?: RunOptions): void {
    this.#expect(VERDICT.send, frame(packet), frame(expected, true), options);
  }

  /** It goes on to the kernel as it came. */
  passes(packet: Uint8Array, options?: RunOptions): void {
    this.#expect(VERDICT.pass, frame(packet), frame(packet), options);
  }

  drops(packet: Uint8Array, options?: RunOptions): void {
    assert.equal(this.run(frame(packet), options).verdict, VERDICT.drop, "dropped");
  }

  #expect(verdict: number, sent: Uint8Array, expected: Uint8Array, options?: RunOptions): void {
    const outcome = this.run(sent, options);
    assert.deepEqual(
      { verdict: outcome.verdict, frame: hex(outcome.frame) },
      { verdict, frame: hex(expected) },
    );
    assert.deepEqual(frameFaults(outcome.frame), []);
  }
}
