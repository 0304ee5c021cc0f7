import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseIp } from "#base/ip.ts";
import type { Director } from "#director/director.ts";
import { loopOptions, loops } from "#director/loops.ts";
import { hopRow, portRow, rowKey } from "#director/rows.ts";
import { kernelTicks } from "#director/ticks.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { ERRNO, type SystemError } from "#io/errno-names.ts";
import { runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { ROUTE } from "#plan/director-layout.ts";

const SOURCE = fileURLToPath(new URL("./program.bpf.c", import.meta.url));
const HEADERS = fileURLToPath(new URL("../../src/director/bpf", import.meta.url));
const MACHINES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Ethernet, IPv4, TCP and ten bytes. */
const PACKET = new Uint8Array(64);
PACKET.set([0x08, 0x00, 0x45, 0, 0, 50], 12);
PACKET.set([64, 6], 22);
PACKET[46] = 0x50;

/** Bytes of `struct plan` in program.bpf.c. */
const PLAN_BYTES = 20;
const IPIP_BYTES = 20;

export const TCP = { SYN: 0x02, ACK: 0x10, SYN_ACK: 0x12 } as const;
/** What the program says of a packet that goes out: TC_ACT_REDIRECT. */
const REDIRECT = 7;
/** The same in XDP: XDP_REDIRECT. */
const XDP_REDIRECT = 4;
/** Where XDP's test runs take packets for coming in. */
const LOOPBACK = 1;
/** Ticks; more than a bench takes. */
const LONG = 0x3fff_ffff;

/** Packets that a test run makes. */
export interface Flows {
  readonly count: number;
  /** Flags of TCP. */
  readonly flags: number;
  /** The service's address and port, or those of the server whose replies they are. */
  readonly address: string;
  readonly port: number;
  readonly isReply?: boolean;
}

function compile(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  try {
    const object = join(folder, "program.o");
    const include = `-I/usr/include/${MACHINES[process.arch] ?? process.arch}-linux-gnu`;
    const flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", include, `-I${HEADERS}`];
    runProgram("clang", ...flags, "-c", SOURCE, "-o", object);
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let compiled: Uint8Array | undefined;

/** The bench's own programs around the director's, on the maps of a director. */
export class TestPackets {
  readonly #object: LoadedObject;

  constructor(owner: Owner, director: Director) {
    compiled ??= compile();
    const { maps } = director.kernel;
    // Variables have no size to choose.
    const tables = Object.entries(maps).filter(([name]) => !name.startsWith("."));
    const sizes = Object.fromEntries(tables.map(([name, { maxEntries }]) => [name, maxEntries]));
    const { rodata } = loopOptions(loops(), { destinations: 1, locals: 1 });
    this.#object = loadBpfObject(parseBpfObject(compiled), { maps, sizes, rodata });
    owner.after(() => this.#object.close());
  }

  choose({ count, flags, address, port, isReply = false }: Flows): void {
    const bytes = new Uint8Array(PLAN_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, count, true);
    bytes.set(parseIp(address)!.subarray(12), isReply ? 12 : 8);
    view.setUint16(16, port);
    bytes[18] = flags;
    bytes[19] = IPIP_BYTES;
    this.#object.maps["plans"]!.update(rowKey(0), bytes);
  }

  /** So many packets through the director's program; ns each. Throws when they do not go out. */
  directed(repeat: number): number {
    const { retval, durationNs } = this.#run("directed", repeat);
    if (retval !== REDIRECT) throw new Error(`the program answered ${retval | 0}, not REDIRECT`);
    return durationNs;
  }

  /** The same without the director; `isTunnelled`: with what puts back a packet that has grown. */
  bare(repeat: number, isTunnelled = false): number {
    const bare = this.#run("bare", repeat).durationNs;
    if (!isTunnelled) return bare;
    // To grow and to shrink cost the same; only the shrinking is the harness's.
    return bare + Math.max(0, this.#run("grown", repeat).durationNs - bare) / 2;
  }

  /** Opens the short way, as control does when all neighbours are known. */
  openXdp(): void {
    const { routes, hops, ports } = this.#object.maps;
    const address = new Uint8Array(6);
    const port = portRow({ address, untilTick: (kernelTicks() + LONG) >>> 0 });
    ports!.update(rowKey(LOOPBACK), port);
    for (let row = 0; row < routes!.maxEntries; row++) {
      const route = routes!.lookup(rowKey(row))!;
      const view = new DataView(route.buffer, route.byteOffset);
      const index = view.getUint32(ROUTE.INTERFACE, true);
      const nextHop = route.slice(ROUTE.NEXT_HOP, ROUTE.NEXT_HOP + 16);
      const hop = hopRow({ nextHop, address, source: address, interface: index });
      if (index !== 0) hops!.update(rowKey(row), hop);
    }
  }

  /** So many packets through the program for XDP; ns each. Throws when they do not go out. */
  hastened(repeat: number): number {
    const { retval, durationNs } = this.#run("hastened_one", repeat);
    if (retval !== XDP_REDIRECT) throw new Error(`XDP answered ${retval | 0}, not REDIRECT`);
    return durationNs;
  }

  /** As `bare`, in XDP. */
  bareFrame(repeat: number, isTunnelled = false): number {
    const bare = this.#run("bare_frame", repeat).durationNs;
    if (!isTunnelled) return bare;
    return bare + Math.max(0, this.#run("grown_frame", repeat).durationNs - bare) / 2;
  }

  #run(program: string, repeat: number) {
    try {
      return testRun(this.#object.programs[program]!, { data: PACKET, repeat });
    } catch (error) {
      // A signal came: its handler has not, for we never let it.
      if ((error as SystemError).errno === ERRNO.EINTR) process.exit(130);
      throw error;
    }
  }
}
