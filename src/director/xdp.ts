import { attachXdpHook, detachXdpHook, xdpDevices } from "#io/bpf/xdp-hook.ts";
import { ERRNO, type SystemError } from "#io/errno-names.ts";
import { Netdev } from "#io/netdev.ts";
import { interfaceIndex, type Netlink } from "#io/netlink.ts";
import { describeInterface, type FoundInterface } from "#io/routes.ts";
import { type Exit, Hops } from "./hops.ts";
import { type Kernel, object } from "./kernel.ts";
import { rehearse } from "./rehearsal.ts";
import type { RowTable } from "./row-table.ts";
import { portRow, rowKey } from "./rows.ts";
import { Table } from "./table.ts";
import { kernelTicks, ticksOf } from "./ticks.ts";

/** So long XDP goes on without control: some seconds, in ticks. Then packets take tcx. */
const LEASE_TICKS = ticksOf(5000);

/** Whether XDP is at work at an interface, or why not. */
export interface XdpInterface {
  readonly device: string;
  readonly problem: string | undefined;
}

export interface XdpStatus {
  /** Packets that it has sent on, of all interfaces. */
  readonly packets: number;
  readonly interfaces: readonly XdpInterface[];
}

/** What became of putting the program there. */
interface Attached {
  /** 0: the interface is not there. */
  readonly index: number;
  /** Its own address, 6 bytes. */
  readonly hardware: Uint8Array;
  readonly problem: string | undefined;
}

const UNTRIED: Attached = { index: 0, hardware: new Uint8Array(6), problem: undefined };

/**
 * Packets of known flows take the short way (bpf/xdp.h) at interfaces where that works. Everything
 * that stands in the way is said, and is no error: packets take tcx then.
 */
export class Xdp {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  readonly #routes: RowTable;
  readonly #ports: Table;
  #hops: Hops | undefined;
  #netdev: Netdev | undefined;
  /** Of the rehearsal; null: there was none yet. */
  #refusal: string | null | undefined = null;
  #attached: ReadonlyMap<string, Attached> = new Map();
  #interfaces: readonly XdpInterface[] = [];

  constructor(kernel: Kernel, netlink: Netlink, routes: RowTable) {
    this.#kernel = kernel;
    this.#netlink = netlink;
    this.#routes = routes;
    this.#ports = new Table(kernel.maps.ports);
  }

  /** Undefined where nobody wants it. */
  get status(): XdpStatus | undefined {
    if (this.#attached.size === 0) return undefined;
    const cells = new BigUint64Array(this.#kernel.maps.hastened.lookup(rowKey(0))!.slice().buffer);
    const packets = Number(cells.reduce((sum, one) => sum + one, 0n));
    return { packets, interfaces: this.#interfaces };
  }

  /** Has it at these interfaces and no others. What failed before is tried again. */
  apply(devices: readonly string[]): void {
    const { folder } = this.#kernel;
    for (const device of xdpDevices(folder)) {
      if (!devices.includes(device)) detachXdpHook(folder, device);
    }
    this.#attached = new Map(devices.map((device) => [device, UNTRIED]));
    this.follow();
  }

  /**
   * Follows what has become of interfaces and neighbours, and lets the program go on. To be called
   * every second. Throws a SystemError.
   */
  follow(): void {
    const devices = [...this.#attached.keys()];
    this.#attached = new Map(devices.map((device) => [device, this.#attach(device)]));
    const taken = [...this.#attached.values()].filter(({ problem }) => problem === undefined);
    const exits = taken.length > 0 ? this.#followHops() : [];
    const isOpen = exits.length === 0 || exits.some(({ problem }) => problem === undefined);
    const untilTick = kernelTicks() + LEASE_TICKS;
    const open = (isOpen ? taken : []).map(({ index, hardware }) => {
      return { key: rowKey(index), value: portRow({ address: hardware, untilTick }) };
    });
    this.#ports.replace(open);
    const closed = new Map(exits.map(({ device, problem }) => [device, problem]));
    const others = exits.filter(({ device, problem }) => problem && !this.#attached.has(device));
    this.#interfaces = [
      ...devices.map((device) => {
        const problem = this.#attached.get(device)!.problem ?? closed.get(device);
        return { device, problem };
      }),
      ...others,
    ];
  }

  close(): void {
    this.#netdev?.close();
  }

  #followHops(): readonly Exit[] {
    this.#hops ??= new Hops(this.#kernel.maps.hops, this.#netlink, this.#routes);
    return this.#hops.follow((index) => this.#exit(index));
  }

  /** Puts the program there, once for as long as the interface is the same one. */
  #attach(device: string): Attached {
    const { folder } = this.#kernel;
    let now = UNTRIED;
    try {
      const index = interfaceIndex(device);
      const found = describeInterface(this.#netlink, index);
      const known = this.#attached.get(device)!;
      now = { ...known, index, hardware: found.hardware };
      if (known.index === index) return now;
      const problem = this.#obstacle(index, found);
      if (problem === undefined) attachXdpHook(this.#kernel.loadXdp(), folder, device);
      else detachXdpHook(folder, device);
      return { ...now, problem };
    } catch (error) {
      return { ...now, problem: explain(error as SystemError) };
    }
  }

  /** What stands in the way of the program at an interface, before it is tried. */
  #obstacle(index: number, { isEthernet, kind }: FoundInterface): string | undefined {
    if (!isEthernet) return "it has no Ethernet frames";
    // There the program would run, but not know that it is at the bond.
    if (kind === "bond") return "frames of a bond come in by its members";
    const { runs, redirects } = this.#features(index);
    if (!runs) return "its driver runs no XDP programs";
    if (!redirects) return "its driver sends no frames on to other interfaces";
    if (this.#refusal === null) this.#refusal = rehearse(object());
    return this.#refusal;
  }

  /** An interface that frames are to go out by. */
  #exit(index: number): Exit {
    const { name, hardware } = describeInterface(this.#netlink, index);
    const problem = this.#features(index).sends
      ? undefined
      : "its driver takes no frames from XDP to send out (a veth does when its other end has an XDP program, or GRO)";
    return { device: name, hardware, problem };
  }

  #features(index: number) {
    this.#netdev ??= new Netdev();
    return this.#netdev.xdpFeatures(index);
  }
}

/** In words, where the kernel has only a number. */
function explain({ errno, message }: SystemError): string {
  if (errno === ERRNO.EBUSY) return "somebody else's XDP program is there";
  if (errno === ERRNO.EOPNOTSUPP || errno === ERRNO.EINVAL || errno === ERRNO.ERANGE) {
    return `its driver refuses XDP as it is set up now (MTU, LRO, queues): ${message}`;
  }
  return message;
}
