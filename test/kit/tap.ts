import { must } from "#io/errno-names.ts";
import { addressOf, native } from "#io/ffi.ts";
import { interfaceIndex } from "#io/netlink.ts";
import { closeFd } from "#io/sockets.ts";
import { withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
/** Every protocol (ETH_P_ALL), as the network has it. */
const ALL = 0x0300;
const PATIENCE = new Uint8Array(BigInt64Array.of(3n, 0n).buffer);
const TCP = 6;

const socket = native("socket", "i32", "i32", "i32", "i32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");
const recv = native("recv", "i64", "i32", "u64", "u64", "i32") as (...args: unknown[]) => bigint;

/** Hears the frames that come to an interface (packet(7)). */
export class Tap {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65_536);

  constructor(owner: Owner, netns: string, device: string) {
    this.#fd = withNetns(netns, () => {
      const fd = must("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
      // struct sockaddr_ll: family, protocol, interface; the rest is for sending.
      const address = new Uint8Array(20);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, ALL, true);
      view.setInt32(4, interfaceIndex(device), true);
      must(`bind to ${device}`, bind(fd, addressOf(address), address.length));
      return fd;
    });
    owner.after(() => closeFd(this.#fd));
    must(
      "patience",
      setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, addressOf(PATIENCE), PATIENCE.length),
    );
  }

  /** The next frame of a protocol; undefined when none comes within three seconds. */
  next(protocol = TCP): Uint8Array | undefined {
    for (;;) {
      const at = [addressOf(this.#buffer), BigInt(this.#buffer.length)] as const;
      const length = Number(recv(this.#fd, ...at, 0));
      if (length < 0) return undefined;
      const frame = this.#buffer.slice(0, length);
      // The interface itself speaks, too: of neighbours and routers.
      if (frame[frame[14]! >> 4 === 4 ? 23 : 20] === protocol) return frame;
    }
  }
}
