import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { type Address, formatAddress } from "#base/address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./driver.ts";
import { ERRNO, must, systemError } from "./errno-names.ts";
import { addressOf, errno, native } from "./ffi.ts";
import { decodeSockaddr, encodeSockaddr, SOCKADDR_MAX_BYTES } from "./sockaddr.ts";

/*
 * Sockets as control code makes them: one blocking call at a time, an Error with the errno's name
 * when it fails. What happens to a connection is a driver's business (driver.ts).
 */

const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const SO_REUSEPORT = 15;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;

const socket = native("socket", "i32", "i32", "i32", "i32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const listen = native("listen", "i32", "i32", "i32");
const connect = native("connect", "i32", "i32", "u64", "u32");
const getsockname = native("getsockname", "i32", "i32", "u64", "u64");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");
const getsockopt = native("getsockopt", "i32", "i32", "i32", "i32", "u64", "u64");
const fcntl = native("fcntl", "i32", "i32", "i32", "i32");
const close = native("close", "i32", "i32");

const scratch = new ArrayBuffer(SOCKADDR_MAX_BYTES + 10);
const sockaddr = new Uint8Array(scratch, 8);
const words = new Int32Array(scratch, 0, 2);
/** words[0] is an option's value, words[1] a socklen_t; a sockaddr follows. */
const valueAt = addressOf(words);
const lengthAt = valueAt + 4n;
const sockaddrAt = valueAt + 8n;

export interface ListenOptions {
  /** Connections the kernel keeps until they are accepted; it caps this at net.core.somaxconn. */
  readonly backlog?: number;
  /** Several sockets share the port and the kernel spreads connections over them. */
  readonly reusePort?: boolean;
  /** An IPv6 socket takes IPv6 only; default is both families. */
  readonly v6Only?: boolean;
  /** Permissions of a Unix socket's file, such as 0o660. */
  readonly mode?: number;
}

/**
 * A listening TCP or Unix socket, blocking, closed on exec; the descriptor is the caller's. What it
 * accepts inherits TCP_NODELAY and SO_KEEPALIVE. The file of a Unix socket nobody listens on any
 * more is replaced. For `fd@N` it is N itself, after a look that it listens. Throws a SystemError.
 */
export function listenOn(address: Address, options: ListenOptions = {}): number {
  if (address.kind === "fd") return adopt(address.fd);
  const length = encodeSockaddr(address, sockaddr, 0);
  const family = sockaddr[0]!;
  const label = `listen on ${formatAddress(address)}`;
  const fd = must(label, socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  try {
    if (family === AF_UNIX) {
      bindUnix(fd, (address as { path: string }).path, length, label);
      if (options.mode !== undefined) chmodSync((address as { path: string }).path, options.mode);
    } else {
      prepareTcp(fd, family, options);
      must(label, bind(fd, sockaddrAt, length));
    }
    must(label, listen(fd, options.backlog ?? 4096));
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}

/**
 * Throws the SystemError that listenOn would without `reusePort`: SO_REUSEPORT lets us share a port
 * with any other program of our user that set it too, such as another weir. Takes nothing: the
 * socket only binds, so no connection can come to it. Addresses other than TCP pass.
 */
export function checkFree(address: Address): void {
  if (address.kind !== "inet") return;
  const length = encodeSockaddr(address, sockaddr, 0);
  const family = sockaddr[0]!;
  const label = `listen on ${formatAddress(address)}`;
  const fd = must(label, socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  try {
    prepareTcp(fd, family, {});
    must(label, bind(fd, sockaddrAt, length));
  } finally {
    close(fd);
  }
}

function prepareTcp(fd: number, family: number, options: ListenOptions): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6Only ? 1 : 0);
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

function bindUnix(fd: number, path: string, length: number, label: string): void {
  if (bind(fd, sockaddrAt, length) === 0) return;
  const problem = errno();
  if (problem !== ERRNO.EADDRINUSE || !isStale(path, length)) throw systemError(label, problem);
  unlinkSync(path);
  must(label, bind(fd, sockaddrAt, length));
}

/** True for the file of a Unix socket that refuses connections: whoever listened is gone. */
function isStale(path: string, length: number): boolean {
  if (!lstatSync(path).isSocket()) return false;
  const probe = must("socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const refused = connect(probe, sockaddrAt, length) < 0 && errno() === ERRNO.ECONNREFUSED;
  close(probe);
  return refused;
}

/** Takes a descriptor somebody left us, with the options our own listeners have. */
function adopt(fd: number): number {
  if (getOption(`listen on fd@${fd}`, fd, SO_ACCEPTCONN) !== 1) {
    throw systemError(`listen on fd@${fd}, which does not listen`, ERRNO.EINVAL);
  }
  const family = getOption(`listen on fd@${fd}`, fd, SO_DOMAIN);
  if (family === AF_INET || family === AF_INET6) {
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  }
  must(`descriptor ${fd}`, fcntl(fd, F_SETFD, FD_CLOEXEC));
  return fd;
}

/** The address a socket is bound to: tells the port when 0 was asked for. Throws a SystemError. */
export function boundAddress(fd: number): Address {
  sockaddr.fill(0);
  words[1] = sockaddr.length;
  must(`address of descriptor ${fd}`, getsockname(fd, sockaddrAt, lengthAt));
  const { family, host, port } = decodeSockaddr(sockaddr, 0);
  return family === AF_UNIX ? { kind: "unix", path: host } : { kind: "inet", host, port };
}

/**
 * Closes a descriptor. Errors say nothing a caller could act on: the descriptor is gone either way.
 */
export function closeFd(fd: number): void {
  close(fd);
}

/**
 * A second descriptor of the same open file, closed on exec; it outlives the first. Throws a
 * SystemError.
 */
export function duplicateFd(fd: number): number {
  return must(`copy of descriptor ${fd}`, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/**
 * Sets or clears O_NONBLOCK, which belongs to the open socket and so to everybody who shares it. An
 * epoll loop must not block in accept; a ring would be told EAGAIN at once. Throws a SystemError.
 */
export function setNonBlocking(fd: number, on: boolean): void {
  const flags = must(`flags of descriptor ${fd}`, fcntl(fd, F_GETFL, 0));
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) must(`flags of descriptor ${fd}`, fcntl(fd, F_SETFL, wanted));
}

function setOption(fd: number, level: number, option: number, value: number): void {
  words[0] = value;
  must(`option ${option} of descriptor ${fd}`, setsockopt(fd, level, option, valueAt, 4));
}

function getOption(label: string, fd: number, option: number): number {
  words[0] = 0;
  words[1] = 4;
  must(label, getsockopt(fd, SOL_SOCKET, option, valueAt, lengthAt));
  return words[0]!;
}
