import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";

/** Where datagrams of a group of machines go. */
export interface GroupPlace {
  /** An interface's name. */
  readonly interface: string;
  /** Multicast address, for when there are no peers. */
  readonly group: string;
  readonly port: number;
  /** Of multicast. */
  readonly ttl: number;
  /** Addresses of one family; not empty: no multicast. */
  readonly peers: readonly string[];
}

export interface GroupEvents {
  opened(): void;
  /** A datagram came; `from` is an address. The bytes are the receiver's to keep. */
  received(bytes: Uint8Array, from: string): void;
  /** The socket is of no use any more, and closed. */
  failed(problem: string): void;
  /** A datagram could not be sent; others may be. */
  unsent(): void;
}

/** Asked for; the kernel gives `net.core.rmem_max` at most. */
const RECEIVE_BYTES = 4 << 20;

/**
 * A UDP socket of a group of machines that hear each other, by multicast on one interface or each
 * by its address. It needs no privilege. What it sends it does not hear itself. Not before
 * `isOpen` is anything sent or received.
 */
export class GroupSocket {
  readonly #place: GroupPlace;
  readonly #socket: Socket;
  readonly #events: GroupEvents;
  readonly #targets: readonly string[];
  #isOpen = false;
  #isClosed = false;

  /** Throws an Error when the interface is down or has no address of the family. */
  constructor(place: GroupPlace, events: GroupEvents) {
    this.#place = place;
    this.#events = events;
    const isV6 = (place.peers[0] ?? place.group).includes(":");
    const own = ownAddress(place.interface, isV6);
    const isUnicast = place.peers.length > 0;
    const scoped = isV6 ? `${place.group}%${place.interface}` : place.group;
    this.#targets = isUnicast ? place.peers : [scoped];
    this.#socket = createSocket({ type: isV6 ? "udp6" : "udp4", reuseAddr: true, ipv6Only: isV6 });
    this.#socket.on("error", ({ message }) => this.#fail(message));
    this.#socket.on("message", (bytes, { address }) => {
      const from = address.split("%")[0]!;
      if (isUnicast && !place.peers.includes(from)) return;
      // Of a pool that is used again.
      events.received(Uint8Array.from(bytes), from);
    });
    // To the group's own address no other datagrams come.
    const address = isUnicast ? own : scoped;
    this.#socket.bind({ address, port: place.port }, () => this.#open(isUnicast, isV6, own));
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isClosed;
  }

  /** Sends it to everybody else. Lost when there is no room for it in the kernel. */
  send(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    for (const target of this.#targets) {
      this.#socket.send(bytes, this.#place.port, target, (error) => {
        if (error && !this.#isClosed) this.#events.unsent();
      });
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  #open(isUnicast: boolean, isV6: boolean, own: string): void {
    if (this.#isClosed) return;
    try {
      if (!isUnicast) {
        const by = isV6 ? `::%${this.#place.interface}` : own;
        this.#socket.addMembership(this.#place.group, by);
        this.#socket.setMulticastInterface(by);
        this.#socket.setMulticastTTL(this.#place.ttl);
        this.#socket.setMulticastLoopback(false);
      }
      this.#socket.setRecvBufferSize(RECEIVE_BYTES);
    } catch (error) {
      this.#fail((error as Error).message);
      return;
    }
    this.#isOpen = true;
    this.#events.opened();
  }

  #fail(problem: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.failed(problem);
  }
}

/** The first address of the family, not of the link alone if there is another. */
function ownAddress(device: string, isV6: boolean): string {
  const family = isV6 ? "IPv6" : "IPv4";
  const all = (networkInterfaces()[device] ?? []).filter((one) => one.family === family);
  const found = all.find(({ address }) => !address.startsWith("fe80")) ?? all[0];
  // Of an interface that is down Node says nothing.
  if (!found) throw new Error(`${device} is down, or has no ${family} address`);
  return found.address.startsWith("fe80") ? `${found.address}%${device}` : found.address;
}
