import { setTimeout as sleep } from "node:timers/promises";
import { must } from "#io/errno-names.ts";
import { addressOf, native } from "#io/ffi.ts";
import { withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";

/* One end of a wire, frame by frame (packet(7)). */

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
/** Ethernet's number of IPv4, as the network has it. */
const ETH_P_IP = 0x0008;
const FRAME_BYTES = 2048;
const LOOK_MS = 1;
/** Only a failing test ever looks so often. */
const LOOKS = 15_000;

const socket = native("socket", "i32", "i32", "i32", "i32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const send = native("send", "i32", "i32", "u64", "u64", "i32");
const recv = native("recv", "i32", "i32", "u64", "u64", "i32");
const close = native("close", "i32", "i32");
const ifNameToIndex = native("if_nametoindex", "u32", "u64");

export class Wire {
  /** Which frames are none of what packets lead to. */
  isAside: (frame: Uint8Array) => boolean = () => false;
  readonly #fd: number;
  #aside: Uint8Array[] = [];
  readonly #bytes = new Uint8Array(new ArrayBuffer(FRAME_BYTES));

  /** IPv4 on an interface, until the owner ends. */
  constructor(owner: Owner, netns: string, device: string) {
    this.#fd = withNetns(netns, () => {
      const fd = must("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
      const name = new Uint8Array(new ArrayBuffer(16));
      name.set(Buffer.from(device));
      const index = ifNameToIndex(addressOf(name));
      // struct sockaddr_ll: family, protocol, interface; the rest is for sending.
      const address = new Uint8Array(new ArrayBuffer(20));
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, ETH_P_IP, true);
      view.setInt32(4, index, true);
      must(`bind to ${device}`, bind(fd, addressOf(address), address.length));
      return fd;
    });
    owner.after(() => void close(this.#fd));
  }

  send(frame: Uint8Array): void {
    this.#bytes.set(frame);
    must("send a frame", send(this.#fd, addressOf(this.#bytes), BigInt(frame.length), 0));
  }

  /** What was put aside since. */
  aside(): Uint8Array[] {
    // The rest comes after no packet of ours: nobody waits for it.
    this.#received();
    return this.#aside.splice(0);
  }

  /** What has come since. */
  #received(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = recv(this.#fd, addressOf(this.#bytes), BigInt(FRAME_BYTES), MSG_DONTWAIT);
      if (length <= 0) return frames;
      const frame = this.#bytes.slice(0, length);
      (this.isAside(frame) ? this.#aside : frames).push(frame);
    }
  }

  /** Frames that come before one that `isLast`. */
  async receive(isLast: (frame: Uint8Array) => boolean): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    for (let looked = 0; looked < LOOKS; looked++) {
      frames.push(...this.#received());
      const last = frames.findIndex(isLast);
      if (last >= 0) return frames.slice(0, last);
      await sleep(LOOK_MS);
    }
    throw new Error(`the last frame did not come after ${frames.length} others`);
  }
}
