import { isIPv4 } from "#base/ip.ts";
import { AF_INET, AF_INET6 } from "./driver.ts";
import { ERRNO, must, type SystemError, systemError } from "./errno-names.ts";
import { addressOf, errno, native } from "./ffi.ts";
import { encodeSockaddr, SOCKADDR_MAX_BYTES } from "./sockaddr.ts";
import { closeFd } from "./sockets.ts";

/*
 * Echo requests (RFC 792, RFC 4443 section 4) to one host. Two kinds of socket can send them: one
 * of datagrams, for groups of net.ipv4.ping_group_range, whose identifier is the kernel's business;
 * and a raw one, for CAP_NET_RAW, which hears every answer to this machine. Both are connected, so
 * that what others send and errors of other hosts stay away.
 *
 * header: type, code, checksum (2 bytes), identifier (2), sequence (2); then what is echoed.
 */

const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const NONBLOCK_CLOEXEC = 0o2004000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SOL_RAW = 255;
const IP_TTL = 2;
const IP_RECVERR = 11;
const IPV6_UNICAST_HOPS = 16;
const IPV6_RECVERR = 25;
/** Both families call their option so: a bit for each type that is not to be heard. */
const ICMP_FILTER = 1;

const HEADER_BYTES = 8;
/** The longest header of IPv4, which raw sockets see. */
const V4_HEADER_MAX = 60;
const MSG_NOSIGNAL = 0x4000;
/** Datagrams looked at in one go: on a raw socket most may be others'. */
const RECEIVES_AT_ONCE = 64;

const socket = native("socket", "i32", "i32", "i32", "i32");
const connect = native("connect", "i32", "i32", "u64", "u32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");
const send = native("send", "i32", "i32", "u64", "u32", "i32");
const recv = native("recv", "i32", "i32", "u64", "u32", "i32");

/** What one family calls things. */
const FAMILIES = {
  4: { domain: AF_INET, protocol: IPPROTO_ICMP, request: 8, reply: 0, level: SOL_IP },
  6: { domain: AF_INET6, protocol: IPPROTO_ICMPV6, request: 128, reply: 129, level: SOL_IPV6 },
} as const;

export interface EchoOptions {
  /** What is sent, and has to come back. */
  readonly payload: Uint8Array;
  /** Both of 16 bits. The identifier counts on raw sockets only. */
  readonly identifier: number;
  readonly sequence: number;
  /** Hops a request may take; undefined: as the system has it. */
  readonly ttl: number | undefined;
  /** Firewall mark of what is sent. */
  readonly mark?: number | undefined;
}

/** The checksum of RFC 1071 over bytes whose own checksum is zero. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** One question to one host. Nothing here blocks; errors are SystemErrors. */
export class EchoSocket {
  readonly #fd: number;
  readonly #isRaw: boolean;
  readonly #family: 4 | 6;
  readonly #options: EchoOptions;
  readonly #room: Uint8Array;

  private constructor(fd: number, isRaw: boolean, family: 4 | 6, options: EchoOptions) {
    this.#fd = fd;
    this.#isRaw = isRaw;
    this.#family = family;
    this.#options = options;
    this.#room = new Uint8Array(V4_HEADER_MAX + HEADER_BYTES + options.payload.length);
  }

  /** Throws a SystemError; EACCES where neither kind of socket is permitted. */
  static open(host: string, options: EchoOptions): EchoSocket {
    const family = isIPv4(host) ? 4 : 6;
    const { fd, isRaw } = openSocket(family);
    try {
      prepare(fd, family, isRaw, options);
      const to = new Uint8Array(SOCKADDR_MAX_BYTES);
      const bytes = encodeSockaddr({ kind: "inet", host, port: 0 }, to, 0);
      must(`ping ${host}`, connect(fd, addressOf(to), bytes));
      return new EchoSocket(fd, isRaw, family, options);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Asks, once. */
  send(): void {
    const { payload, identifier, sequence } = this.#options;
    const request = new Uint8Array(HEADER_BYTES + payload.length);
    const view = new DataView(request.buffer);
    request[0] = FAMILIES[this.#family].request;
    view.setUint16(4, identifier);
    view.setUint16(6, sequence);
    request.set(payload, HEADER_BYTES);
    // That of ICMPv6 covers addresses, too, and is the kernel's.
    if (this.#family === 4) view.setUint16(2, internetChecksum(request));
    must("echo request", send(this.#fd, addressOf(request), request.length, MSG_NOSIGNAL));
  }

  /** True when the answer has come. Throws what the network says instead. */
  receive(): boolean {
    const at = addressOf(this.#room);
    for (let i = 0; i < RECEIVES_AT_ONCE; i++) {
      const length = recv(this.#fd, at, this.#room.length, 0);
      if (length < 0) {
        const problem = errno();
        if (problem === ERRNO.EAGAIN || problem === ERRNO.EINTR) return false;
        throw systemError("echo reply", problem);
      }
      if (this.#isAnswer(this.#room.subarray(0, length))) return true;
    }
    return false;
  }

  #isAnswer(datagram: Uint8Array): boolean {
    const hasHeader = this.#isRaw && this.#family === 4;
    const reply = datagram.subarray(hasHeader ? (datagram[0]! & 15) * 4 : 0);
    const { payload, identifier, sequence } = this.#options;
    if (reply.length !== HEADER_BYTES + payload.length) return false;
    const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
    if (reply[0] !== FAMILIES[this.#family].reply || reply[1] !== 0) return false;
    if (this.#isRaw && view.getUint16(4) !== identifier) return false;
    if (view.getUint16(6) !== sequence) return false;
    return payload.every((byte, i) => reply[HEADER_BYTES + i] === byte);
  }

  close(): void {
    closeFd(this.#fd);
  }
}

function openSocket(family: 4 | 6): { fd: number; isRaw: boolean } {
  const { domain, protocol } = FAMILIES[family];
  const fd = socket(domain, SOCK_DGRAM | NONBLOCK_CLOEXEC, protocol);
  if (fd >= 0) return { fd, isRaw: false };
  const why = errno();
  // Where the kind is not built in, the kernel knows no such protocol.
  if (why !== ERRNO.EACCES && why !== ERRNO.EPERM && why !== ERRNO.EPROTONOSUPPORT) {
    throw systemError("ping", why);
  }
  const raw = socket(domain, SOCK_RAW | NONBLOCK_CLOEXEC, protocol);
  if (raw >= 0) return { fd: raw, isRaw: true };
  const problem = errno();
  throw systemError("ping", problem === ERRNO.EPERM ? ERRNO.EACCES : problem);
}

/** True for what `open` throws where neither kind of socket is permitted. */
export const isForbidden = (error: unknown): boolean =>
  (error as SystemError).code === "EACCES" && /^ping: /.test((error as Error).message);

function prepare(fd: number, family: 4 | 6, isRaw: boolean, { ttl, mark }: EchoOptions): void {
  const { level, reply } = FAMILIES[family];
  // Also what a host on the way says, and that nobody has the address, is heard.
  setOption(fd, level, family === 4 ? IP_RECVERR : IPV6_RECVERR, Uint32Array.of(1));
  if (ttl !== undefined) {
    setOption(fd, level, family === 4 ? IP_TTL : IPV6_UNICAST_HOPS, Uint32Array.of(ttl));
  }
  if (mark !== undefined) setOption(fd, SOL_SOCKET, SO_MARK, Uint32Array.of(mark));
  if (!isRaw) return;
  const deaf = new Uint32Array(family === 4 ? 1 : 8).fill(0xffff_ffff);
  deaf[reply >> 5]! &= ~(1 << (reply & 31));
  setOption(fd, family === 4 ? SOL_RAW : IPPROTO_ICMPV6, ICMP_FILTER, deaf);
}

function setOption(fd: number, level: number, option: number, value: Uint32Array): void {
  const done = setsockopt(fd, level, option, addressOf(value), value.byteLength);
  must(`option ${option} of a socket for ICMP`, done);
}
