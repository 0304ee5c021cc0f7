import assert from "node:assert/strict";
import { openPinnedMaps } from "#director/kernel.ts";
import type { Lan } from "./lan.ts";
import { startEcho, transfer } from "./lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "./lan-services.ts";
import { createLanFor, type Road, serviceOf, viewOf } from "./lan-ways.ts";
import { runInNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { until } from "./until.ts";
import type { Weir } from "./weir.ts";

/*
 * A Lan on which XDP can do its work, as on wires: senders make whole sums, and the director's
 * interface takes frames to send out, which a veth does for another end that merges (GRO).
 */

const BYTES = 4 << 20;
/** Packets of so many bytes, and some less. */
export const MOST_OF_THEM = BYTES / 1500 / 2;

/** With one server. */
export function createWire(owner: Owner, road: Road): Lan {
  const lan = createLanFor(owner, road, 1);
  merge(lan, "on");
  for (const netns of [lan.client, ...lan.servers]) {
    runInNetns(netns, "ethtool", "-K", lan.device, "tx", "off");
  }
  return lan;
}

/** The switch's end of the director's wire merges what it receives, or does not. */
export const merge = ({ wire }: Lan, how: "on" | "off"): string =>
  runInNetns(wire, "ethtool", "-K", "director", "gro", how);

/** The director's configuration. */
export const textFor = (lan: Lan, road: Road, xdp = true): string =>
  configurationOf(lan, road, {
    servers: ["a"],
    service: serviceOf(road),
    outer: road.outer,
    director: `  xdp: ${xdp}`,
  });

/** What keeps XDP's program at the director's interface. */
export const pinOf = (lan: Lan): string => `/sys/fs/bpf/${lan.pins}/xdp/${lan.device}`;

/** What a map of the director in the kernel holds: values that are not all zero. */
function valuesOf(lan: Lan, wanted: string): Uint8Array[] {
  return openPinnedMaps(lan.pins).flatMap(([name, map]) => {
    const keys = name === wanted ? [...map.keys()] : [];
    const values = keys.map((key) => map.lookup(key)!.slice());
    map.close();
    return values.filter((value) => value.some((byte) => byte !== 0));
  });
}

/** Packets that XDP has sent on. */
export const sentOn = (lan: Lan): number =>
  valuesOf(lan, "hastened")
    .flatMap((value) => [...new BigUint64Array(value.buffer)])
    .reduce((sum, one) => sum + Number(one), 0);

/** The server of both services is found. */
export const untilReady = (lan: Lan): Promise<void> =>
  until("neighbours are known", () => valuesOf(lan, "hops").length === 2);

/** A director at work with XDP, and a server that sends back what it gets. */
export async function startXdp(t: Owner, road: Road): Promise<{ lan: Lan; weir: Weir }> {
  const lan = createWire(t, road);
  await startEcho(t, lan.servers[0]!, SERVER_PORT);
  const weir = await startDirector(t, lan, textFor(lan, road));
  await untilReady(lan);
  return { lan, weir };
}

/** Moves data through a service; how many packets XDP had of it. */
export function move(lan: Lan, road: Road, vip: string): number {
  const before = sentOn(lan);
  const { error, bytes, equal } = transfer(lan.client, vip, road.port, BYTES);
  assert.deepEqual([error, bytes, equal], [undefined, BYTES, true], vip);
  return sentOn(lan) - before;
}

/** XDP is at work there. */
export const isTakenAt = async (weir: Weir, device: string): Promise<boolean> => {
  const { xdp } = await viewOf(weir);
  return xdp!.interfaces.some((one) => one.device === device && one.problem === undefined);
};

/** Why it is not. */
export const problemAt = async (weir: Weir, device: string): Promise<string | undefined> =>
  (await viewOf(weir)).xdp!.interfaces.find((one) => one.device === device)?.problem;
