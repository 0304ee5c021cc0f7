import { PROTOCOL } from "#base/protocol.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import type { BpfObject } from "#io/bpf/object.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { CONNECTION, FLOW } from "#plan/director-layout.ts";
import { CONN_STATE, DESTINATION_FLAG, METHOD, TUNNEL } from "#plan/director-numbers.ts";
import { ALL_PORTS } from "./local-ports.ts";
import { loopOptions, loops } from "./loops.ts";
import { configRow, destinationRow, hopRow, portRow, routeRow, rowKey } from "./rows.ts";
import { kernelTicks } from "./ticks.ts";

/*
 * Whether this kernel makes the same of a packet by XDP as by tcx: both programs, with tables of
 * their own, are given packets of flows that they know (BPF_PROG_TEST_RUN). No network is touched.
 */

/** Verdicts of packets that go out: XDP_REDIRECT, TC_ACT_REDIRECT. */
const XDP_REDIRECT = 4;
const TC_REDIRECT = 7;
/** Test runs take packets for coming in there; its hardware address is all zero. */
const LOOPBACK = 1;
/** Where routes lead to: test runs follow none. */
const ELSEWHERE = 99;
const ETHERNET_BYTES = 14;
const HARDWARE = Uint8Array.of(2, 0, 0, 0, 0, 1);
/** Ticks; more than the rehearsal takes. */
const LONG = 60_000;

const WAYS = [
  { name: "dr", method: METHOD.DR, tunnel: TUNNEL.IPIP },
  { name: "nat", method: METHOD.NAT, tunnel: TUNNEL.IPIP },
  { name: "tun, ipip", method: METHOD.TUN, tunnel: TUNNEL.IPIP },
  { name: "tun, gue", method: METHOD.TUN, tunnel: TUNNEL.GUE },
  { name: "tun, gre", method: METHOD.TUN, tunnel: TUNNEL.GRE },
] as const;

interface Act {
  readonly name: string;
  readonly way: (typeof WAYS)[number];
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp";
}

const ACTS: readonly Act[] = WAYS.flatMap((way) =>
  ([4, 6] as const).flatMap((family) =>
    (["tcp", "udp"] as const).map((protocol) => ({
      name: `${way.name}, ${protocol} over IPv${family}`,
      ...{ way, family, protocol },
    })),
  ),
);

/** Addresses for documentation (RFC 5737, 3849), 16 bytes. */
const address = (family: 4 | 6, last: number): Uint8Array =>
  family === 4
    ? Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, last)
    : Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);
const CLIENT = 1;
const SERVICE = 2;
const SERVER = 3;
const OURS = 4;
const CLIENT_PORT = 40_000;
const SERVICE_PORT = 80;

/** What is wrong with XDP on this kernel, as a sentence; undefined when it does what tcx does. */
export function rehearse(object: BpfObject): string | undefined {
  let loaded: LoadedObject;
  try {
    loaded = loadBpfObject(object, {
      programs: ["weir_director", "weir_xdp"],
      ...loopOptions(loops(), { destinations: 1, locals: 1 }),
    });
  } catch (error) {
    // Below its first line is what the verifier says.
    const [message] = (error as Error).message.split("\n");
    return `the kernel does not take the program: ${message}`;
  }
  try {
    const wrong = ACTS.find((act, row) => !play(loaded, act, row));
    return wrong && `in a test XDP makes another packet than tcx (${wrong.name})`;
  } catch (error) {
    return `it cannot be tested: ${(error as Error).message}`;
  } finally {
    loaded.close();
  }
}

/** Makes one flow known, and has both programs forward a packet of it; true when they agree. */
function play({ maps, programs }: LoadedObject, act: Act, row: number): boolean {
  const { way, family } = act;
  const server = address(family, SERVER);
  const rows: Readonly<Record<string, Uint8Array>> = {
    destinations: destinationRow({
      ...{ address: server, port: way.method === METHOD.NAT ? 8080 : 0, service: 0, generation: 1 },
      ...{ weight: 1, upper: 0, lower: 0, method: way.method, flags: DESTINATION_FLAG.PRESENT },
      ...{ tunnel: way.tunnel, tunnelPort: 6080, identity: 1 },
    }),
    routes: routeRow({
      ...{ nextHop: server, source: address(family, OURS), interface: ELSEWHERE },
      ...{ mtu: 1500, family, local: false },
    }),
    hops: hopRow({
      ...{ nextHop: server, address: HARDWARE, source: HARDWARE, interface: ELSEWHERE },
    }),
  };
  for (const [name, value] of Object.entries(rows)) maps[name]!.update(rowKey(row), value);
  const port = portRow({ address: new Uint8Array(6), untilTick: kernelTicks() + LONG });
  maps["ports"]!.update(rowKey(LOOPBACK), port);
  maps[".bss"]!.update(
    rowKey(0),
    configRow({
      ...{ flags: 0, newFlows: 0, destinations: ACTS.length, locals: 0, dropRate: 0 },
      localPorts: ALL_PORTS,
      timeouts: Array.from({ length: CONN_STATE.ROWS }, () => LONG),
    }),
  );
  maps["connections"]!.update(flowKey(act), connectionValue(act, row));
  const data = packetOf(act);
  const short = testRun(programs["weir_xdp"]!, { data });
  const long = testRun(programs["weir_director"]!, { data });
  const isSent = short.retval === XDP_REDIRECT && long.retval === TC_REDIRECT;
  // The hardware addresses in front are left to the kernel by tcx.
  return isSent && Buffer.compare(short.data.subarray(12), long.data.subarray(12)) === 0;
}

function flowKey({ family, protocol }: Act): Uint8Array {
  const key = new Uint8Array(FLOW.BYTES);
  const view = new DataView(key.buffer);
  key.set(address(family, CLIENT), FLOW.SOURCE);
  key.set(address(family, SERVICE), FLOW.DESTINATION);
  view.setUint16(FLOW.SOURCE_PORT, CLIENT_PORT);
  view.setUint16(FLOW.DESTINATION_PORT, SERVICE_PORT);
  key[FLOW.PROTOCOL] = PROTOCOL[protocol];
  return key;
}

function connectionValue({ protocol }: Act, row: number): Uint8Array {
  const value = new Uint8Array(CONNECTION.BYTES);
  const view = new DataView(value.buffer);
  const state = protocol === "tcp" ? CONN_STATE.ESTABLISHED : CONN_STATE.UDP;
  view.setUint32(CONNECTION.DESTINATION, row, true);
  view.setUint32(CONNECTION.GENERATION, 1, true);
  view.setUint32(CONNECTION.SEEN, kernelTicks(), true);
  view.setUint16(CONNECTION.STATE, state, true);
  return value;
}

/** A frame to the loopback's hardware address. Sums are any: they are changed, not made. */
function packetOf({ family, protocol }: Act): Uint8Array {
  const header = family === 4 ? 20 : 40;
  const transport = ETHERNET_BYTES + header;
  const bytes = new Uint8Array(transport + 64).fill(0x5a, transport);
  const view = new DataView(bytes.buffer);
  const length = bytes.length - ETHERNET_BYTES;
  view.setUint16(12, family === 4 ? 0x0800 : 0x86dd);
  if (family === 4) {
    view.setUint32(14, 0x4500_0000 + length);
    view.setUint32(22, (64 << 24) + (PROTOCOL[protocol] << 16) + 0x1234);
    bytes.set(address(4, CLIENT).subarray(12), 26);
    bytes.set(address(4, SERVICE).subarray(12), 30);
  } else {
    view.setUint32(14, 0x6000_0000);
    view.setUint32(18, ((length - header) << 16) + (PROTOCOL[protocol] << 8) + 64);
    bytes.set(address(6, CLIENT), 22);
    bytes.set(address(6, SERVICE), 38);
  }
  view.setUint16(transport, CLIENT_PORT);
  view.setUint16(transport + 2, SERVICE_PORT);
  // Of TCP: a header of 20 bytes, and ACK.
  if (protocol === "tcp") view.setUint16(transport + 12, 0x5010);
  return bytes;
}
