import { utf8 } from "#base/bytes.ts";
import { must } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";
import { closeFd } from "./sockets.ts";

/*
 * How an interface merges what it receives (ioctl SIOCETHTOOL, include/uapi/linux/ethtool.h).
 */

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GFLAGS = 0x25;
const ETHTOOL_GGRO = 0x2b;
const ETH_FLAG_LRO = 1 << 15;
const NAME_BYTES = 16;

const socket = native("socket", "i32", "i32", "i32", "i32");
const ioctl = native("ioctl", "i32", "i32", "u64", "u64");

export interface Merging {
  /** By the card, so that what was merged cannot be cut up again. */
  readonly lro: boolean;
  /** By the kernel. */
  readonly gro: boolean;
}

/** Throws a SystemError, also for an interface that does not say. */
export function describeMerging(device: string): Merging {
  const fd = must("socket", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    return {
      lro: (ask(fd, device, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) !== 0,
      gro: ask(fd, device, ETHTOOL_GGRO) !== 0,
    };
  } finally {
    closeFd(fd);
  }
}

/** struct ifreq: a name, and the address of a struct ethtool_value. */
function ask(fd: number, device: string, command: number): number {
  const value = Uint32Array.of(command, 0);
  const request = new Uint8Array(40);
  request.set(utf8(device).subarray(0, NAME_BYTES - 1));
  new DataView(request.buffer).setBigUint64(NAME_BYTES, addressOf(value), true);
  must(`offloads of ${device}`, ioctl(fd, BigInt(SIOCETHTOOL), addressOf(request)));
  return value[1]!;
}
