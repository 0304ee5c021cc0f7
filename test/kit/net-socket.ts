import { isIPv4 } from "#base/ip.ts";
import { AF_INET, AF_INET6 } from "#io/driver.ts";
import { must } from "#io/errno-names.ts";
import { addressOf, native } from "#io/ffi.ts";
import { decodeSockaddr, encodeSockaddr } from "#io/sockaddr.ts";
import { closeFd } from "#io/sockets.ts";
import { withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * Sockets in a namespace with what Node has no words for: hops, options of IP, ICMP. Calls block,
 * for three seconds at most.
 */

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const PATIENCE = new Uint8Array(BigInt64Array.of(3n, 0n).buffer);

export const KIND = { tcp: 1, udp: 2 } as const;
export const LEVEL = { 4: 0, 6: 41 } as const;
/** IP_TTL, IPV6_UNICAST_HOPS. */
export const HOPS = { 4: 2, 6: 16 } as const;
/** IP_RECVERR, IPV6_RECVERR: any ICMP error ends a wait. */
export const ERRORS_TOLD = { 4: 11, 6: 25 } as const;

const socket = native("socket", "i32", "i32", "i32", "i32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const connect = native("connect", "i32", "i32", "u64", "u32");
const send = native("send", "i64", "i32", "u64", "u64", "i32") as (...args: unknown[]) => bigint;
const recvfrom = native("recvfrom", "i64", "i32", "u64", "u64", "i32", "u64", "u64") as (
  ...args: unknown[]
) => bigint;

export class NetSocket {
  readonly #fd: number;
  readonly #family: number;
  readonly #buffer = new Uint8Array(65_536);

  private constructor(owner: Owner, netns: string, family: number, type: number, protocol: number) {
    const make = () => socket(family, type | SOCK_CLOEXEC, protocol);
    this.#fd = must("socket", withNetns(netns, make));
    this.#family = family;
    owner.after(() => closeFd(this.#fd));
    for (const name of [SO_RCVTIMEO, SO_SNDTIMEO]) this.option(SOL_SOCKET, name, PATIENCE);
  }

  static open(owner: Owner, netns: string, host: string, kind: keyof typeof KIND): NetSocket {
    return new NetSocket(owner, netns, isIPv4(host) ? AF_INET : AF_INET6, KIND[kind], 0);
  }

  /** Hears every ICMP message that comes to the namespace. */
  static icmp(owner: Owner, netns: string, family: 4 | 6): NetSocket {
    return family === 4
      ? new NetSocket(owner, netns, AF_INET, SOCK_RAW, 1)
      : new NetSocket(owner, netns, AF_INET6, SOCK_RAW, 58);
  }

  option(level: number, name: number, value: number | Uint8Array): void {
    const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
    const done = setsockopt(this.#fd, level, name, addressOf(bytes), bytes.length);
    must(`option ${name}`, done);
  }

  bind(host: string, port: number): void {
    const address = new Uint8Array(28);
    const length = encodeSockaddr({ kind: "inet", host, port }, address, 0);
    must(`bind to ${host}:${port}`, bind(this.#fd, addressOf(address), length));
  }

  connect(host: string, port: number): void {
    const address = new Uint8Array(28);
    const length = encodeSockaddr({ kind: "inet", host, port }, address, 0);
    must(`connection to ${host}:${port}`, connect(this.#fd, addressOf(address), length));
  }

  send(bytes: Uint8Array): void {
    must("send", Number(send(this.#fd, addressOf(bytes), BigInt(bytes.length), 0)));
  }

  /** What comes next, and from where; undefined when nothing does, or an error. */
  receive(): { readonly bytes: Uint8Array; readonly host: string } | undefined {
    const from = new Uint8Array(32);
    const length = Int32Array.of(28);
    const at = [addressOf(this.#buffer), BigInt(this.#buffer.length)] as const;
    const got = Number(recvfrom(this.#fd, ...at, 0, addressOf(from), addressOf(length)));
    if (got < 0) return undefined;
    const known = from[0] === this.#family;
    const host = known ? decodeSockaddr(from, 0).host : "";
    return { bytes: this.#buffer.slice(0, got), host };
  }
}

export interface IcmpError {
  readonly from: string;
  readonly type: number;
  readonly code: number;
  /** As the quoted packet has it. */
  readonly to: string;
  readonly toPort: number;
}

const ERRORS = { 4: [3, 11], 6: [1, 2, 3] } as const;

/** The next ICMP error that this socket hears about UDP or TCP. */
export function nextError(icmp: NetSocket, family: 4 | 6): IcmpError | undefined {
  for (let heard = icmp.receive(); heard; heard = icmp.receive()) {
    const { bytes, host } = heard;
    const at = family === 4 ? (bytes[0]! & 15) * 4 : 0;
    if (!(ERRORS[family] as readonly number[]).includes(bytes[at]!)) continue;
    const inner = bytes.subarray(at + 8);
    const v4 = family === 4;
    const address = new Uint8Array(32);
    address[0] = v4 ? AF_INET : AF_INET6;
    address.set(v4 ? inner.subarray(16, 20) : inner.subarray(24, 40), v4 ? 4 : 8);
    const ports = v4 ? (inner[0]! & 15) * 4 : 40;
    const toPort = (inner[ports + 2]! << 8) | inner[ports + 3]!;
    const to = decodeSockaddr(address, 0).host;
    return { from: host, type: bytes[at]!, code: bytes[at + 1]!, to, toPort };
  }
  return undefined;
}
