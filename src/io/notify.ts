import { AF_UNIX } from "./driver.ts";
import { addressOf, native } from "./ffi.ts";
import { SOCKADDR_MAX_BYTES } from "./sockaddr.ts";

/*
 * sd_notify(3): one datagram of lines `NAME=value` to the Unix socket that the service manager
 * named in NOTIFY_SOCKET. Node has no Unix datagrams.
 */

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;

const socket = native("socket", "i32", "i32", "i32", "i32");
const sendto = native("sendto", "i32", "i32", "u64", "u64", "i32", "u64", "u32");
const close = native("close", "i32", "i32");

/** Tells the service manager something. Never throws: nobody may be listening. */
export type Notify = (state: string) => void;

/**
 * A Notify for the socket in NOTIFY_SOCKET (`@name` is an abstract one), or one that does nothing.
 * A `RELOADING=1` gets the MONOTONIC_USEC that systemd wants beside it.
 */
export function createNotify(path: string | undefined): Notify {
  const target = path === undefined ? undefined : addressBytes(path);
  if (!target) return () => {};
  return (state) => {
    const text = state.startsWith("RELOADING=1")
      ? `${state}\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`
      : state;
    const bytes = Uint8Array.from(Buffer.from(text));
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    const at = addressOf(bytes);
    sendto(fd, at, BigInt(bytes.length), MSG_NOSIGNAL, addressOf(target), target.length);
    close(fd);
  };
}

/** struct sockaddr_un, as long as it is used: an abstract name has no NUL at its end. */
function addressBytes(path: string): Uint8Array | undefined {
  if (!/^[/@]./.test(path)) return undefined;
  const isAbstract = path.startsWith("@");
  const name = Buffer.from(isAbstract ? path.slice(1) : path);
  const bytes = new Uint8Array(2 + name.length + 1);
  if (bytes.length > SOCKADDR_MAX_BYTES) return undefined;
  bytes[0] = AF_UNIX;
  bytes.set(name, isAbstract ? 3 : 2);
  return bytes;
}
