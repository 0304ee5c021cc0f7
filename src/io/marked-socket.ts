import { type Address, formatAddress } from "#base/address.ts";
import { AF_INET6 } from "./driver.ts";
import { ERRNO, must, systemError } from "./errno-names.ts";
import { addressOf, errno, native } from "./ffi.ts";
import { encodeSockaddr, SOCKADDR_MAX_BYTES } from "./sockaddr.ts";
import { closeFd } from "./sockets.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const NONBLOCK_CLOEXEC = 0o2004000;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_NOSIGNAL = 0x4000;

const socket = native("socket", "i32", "i32", "i32", "i32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const connect = native("connect", "i32", "i32", "u64", "u32");
const send = native("send", "i32", "i32", "u64", "u32", "i32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");

/**
 * A TCP socket whose packets carry a firewall mark, on its way to an address; the descriptor is the
 * caller's, and does not block. Its port is its own: no other connection of this machine has it,
 * whatever address that one goes to. Needs CAP_NET_ADMIN. Throws a SystemError.
 */
export function connectMarked(address: Address, mark: number): number {
  return open(address, SOCK_STREAM, (label, fd) => {
    setOption(label, fd, SOL_SOCKET, SO_MARK, mark);
    setOption(label, fd, IPPROTO_TCP, TCP_NODELAY, 1);
  });
}

/**
 * The same of UDP, with a mark or none: it hears that address alone. Without a mark no rights are
 * needed.
 */
export function openDatagrams(address: Address, mark: number | undefined): number {
  return open(address, SOCK_DGRAM, (label, fd) => {
    if (mark !== undefined) setOption(label, fd, SOL_SOCKET, SO_MARK, mark);
  });
}

/** Sends a datagram on a socket that is connected. Throws a SystemError. */
export const sendOn = (fd: number, bytes: Uint8Array): number =>
  must("send a datagram", send(fd, addressOf(bytes), bytes.length, MSG_NOSIGNAL));

function open(
  address: Address,
  type: number,
  prepare: (label: string, fd: number) => void,
): number {
  const to = new Uint8Array(SOCKADDR_MAX_BYTES);
  const length = encodeSockaddr(address, to, 0);
  const family = to[0]!;
  const label = `connect to ${formatAddress(address)}`;
  const fd = must(label, socket(family, type | NONBLOCK_CLOEXEC, 0));
  try {
    prepare(label, fd);
    const own = new Uint8Array(SOCKADDR_MAX_BYTES);
    const any = { kind: "inet", host: family === AF_INET6 ? "::" : "0.0.0.0", port: 0 } as const;
    must(label, bind(fd, addressOf(own), encodeSockaddr(any, own, 0)));
    if (connect(fd, addressOf(to), length) < 0) {
      const problem = errno();
      if (problem !== ERRNO.EINPROGRESS) throw systemError(label, problem);
    }
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function setOption(label: string, fd: number, level: number, option: number, value: number): void {
  const words = Uint32Array.of(value);
  must(label, setsockopt(fd, level, option, addressOf(words), 4));
}
