import type { SyncRole } from "#plan/plan.ts";
import type { Hello } from "./own.ts";

/** After so long without a hello a director counts as lost: five of them. */
const LOST_MS = 5000;
/** Machines that are remembered; the one silent for longest makes room. */
const MOST = 32;

/** A machine that messages come from. */
export interface Peer {
  readonly address: string;
  /**
   * It says hello every second; else it is taken for IPVS, which says nothing where nothing is
   * new.
   */
  readonly kind: "weir" | "ipvs";
  /** Undefined where it does not say. */
  readonly role: SyncRole | undefined;
  readonly isLost: boolean;
  readonly heardMs: number;
}

interface Known {
  readonly address: string;
  hello: Hello | undefined;
  isLost: boolean;
  heardMs: number;
}

export interface PeerEvents {
  /** One is there that was not, or is there again. */
  seen(peer: Peer): void;
  /** One that begins and may know nothing: it is to be told everything. */
  begun(peer: Peer): void;
  lost(peer: Peer): void;
}

const peerOf = ({ address, hello, isLost, heardMs }: Known): Peer => ({
  address,
  kind: hello ? "weir" : "ipvs",
  role: hello?.role,
  isLost,
  heardMs,
});

/** Who else is there. Times are those of a monotonic clock. */
export class Peers {
  readonly #events: PeerEvents;
  readonly #known = new Map<string, Known>();

  constructor(events: PeerEvents) {
    this.#events = events;
  }

  get all(): Peer[] {
    return [...this.#known.values()].map(peerOf);
  }

  /** A message came from there. */
  heard(address: string, hello: Hello | undefined, nowMs: number): void {
    const before = this.#known.get(address);
    const isBegun = hello !== undefined && before?.hello?.instance !== hello.instance;
    const peer = before ?? this.#add(address, nowMs);
    const isNews = !before || peer.isLost || (isBegun && before.hello !== undefined);
    peer.heardMs = nowMs;
    peer.isLost = false;
    if (hello) peer.hello = hello;
    if (isNews) this.#events.seen(peerOf(peer));
    if (isBegun) this.#events.begun(peerOf(peer));
  }

  /** Looks for those who are silent. To be called about every second. */
  look(nowMs: number): void {
    for (const peer of this.#known.values()) {
      if (peer.isLost || !peer.hello || nowMs - peer.heardMs < LOST_MS) continue;
      peer.isLost = true;
      // What it knew may be gone with it.
      peer.hello = { ...peer.hello, instance: -1 };
      this.#events.lost(peerOf(peer));
    }
  }

  #add(address: string, nowMs: number): Known {
    if (this.#known.size >= MOST) {
      const silent = [...this.#known.values()].reduce((a, b) => (a.heardMs <= b.heardMs ? a : b));
      this.#known.delete(silent.address);
    }
    const peer = { address, hello: undefined, isLost: false, heardMs: nowMs };
    this.#known.set(address, peer);
    return peer;
  }
}
