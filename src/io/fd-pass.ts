import { utf8 } from "#base/bytes.ts";
import { AF_UNIX } from "./driver.ts";
import { ERRNO, must, systemError } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";
import { closeFd } from "./sockets.ts";

/*
 * Descriptors travel between processes beside the bytes of a Unix stream socket (unix(7),
 * SCM_RIGHTS). One parcel of ours:
 *
 *     descriptors in this piece | 1 if another piece follows | label bytes | label
 *     int32                       int32                        int32         UTF-8
 *
 * The descriptors ride on the piece's first byte; the kernel takes at most 253 at once, so a longer
 * list goes in pieces.
 */

const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 8;
const MSG_WAITALL = 0x100;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const POLLIN = 1;

const MAX_FDS = 253;
const HEADER_BYTES = 12;
const MAX_LABEL_BYTES = 65_536;
/** cmsghdr: length (8 bytes), level, type; then the descriptors. */
const CMSG_HEADER_BYTES = 16;

const socketpair = native("socketpair", "i32", "i32", "i32", "i32", "u64");
const sendmsg = native("sendmsg", "i32", "i32", "u64", "i32");
const recvmsg = native("recvmsg", "i32", "i32", "u64", "i32");
const send = native("send", "i32", "i32", "u64", "u32", "i32");
const recv = native("recv", "i32", "i32", "u64", "u32", "i32");
const poll = native("poll", "i32", "u64", "u32", "i32");

/*
 * scratch:   0 msghdr (56 bytes: name 8, its length 8, iov 8, their count 8, control 8, its
 *              length 8, flags 4, padding 4)
 *           56 iovec (address, length)
 *           72 pollfd (descriptor, events and revents)
 *           80 the header of a piece
 *           96 control message
 */
const IOV = 56;
const POLLFD = 72;
const HEADER = 80;
const CONTROL = 96;
const scratch = new ArrayBuffer(CONTROL + CMSG_HEADER_BYTES + (MAX_FDS + 1) * 4);
const words = new Int32Array(scratch);
const longs = new BigUint64Array(scratch);
const scratchAt = addressOf(words);
const FLAGS = 48;

/** Two connected stream sockets, closed on exec. Throws a SystemError. */
export function createSocketPair(): [number, number] {
  must("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scratchAt));
  return [words[0]!, words[1]!];
}

/** What came with one sendFds. The descriptors are the receiver's, closed on exec. */
export interface FdParcel {
  readonly label: string;
  readonly fds: readonly number[];
}

/**
 * Sends copies of descriptors with a label; waits while the socket is full. The sender's own stay
 * open. Throws a SystemError, EPIPE when the other side is gone.
 */
export function sendFds(socket: number, fds: readonly number[], label: string): void {
  const text = utf8(label);
  if (text.length > MAX_LABEL_BYTES) throw new Error("the label of descriptors is too long");
  for (let from = 0; from === 0 || from < fds.length; from += MAX_FDS) {
    const piece = fds.slice(from, from + MAX_FDS);
    const last = from + MAX_FDS >= fds.length;
    words.set([piece.length, last ? 0 : 1, last ? text.length : 0], HEADER / 4);
    message(piece);
    must("send descriptors", sendmsg(socket, scratchAt, MSG_NOSIGNAL));
  }
  sendAll(socket, text);
}

/** Prepares the msghdr: the header as data, the descriptors (or room for the most) as control. */
function message(fds: readonly number[]): void {
  const controlBytes = CMSG_HEADER_BYTES + fds.length * 4;
  longs.fill(0n, 0, IOV / 8);
  longs[2] = scratchAt + BigInt(IOV);
  longs[3] = 1n;
  longs[IOV / 8] = scratchAt + BigInt(HEADER);
  longs[IOV / 8 + 1] = BigInt(HEADER_BYTES);
  if (fds.length === 0) return;
  longs[4] = scratchAt + BigInt(CONTROL);
  longs[5] = BigInt((controlBytes + 7) & ~7);
  longs[CONTROL / 8] = BigInt(controlBytes);
  words[CONTROL / 4 + 2] = SOL_SOCKET;
  words[CONTROL / 4 + 3] = SCM_RIGHTS;
  words.set(fds, (CONTROL + CMSG_HEADER_BYTES) / 4);
}

const roomForMost: readonly number[] = Array<number>(MAX_FDS).fill(0);

/**
 * Takes the next parcel; undefined when the other side has closed. Waits at most `timeoutMs` for it
 * to begin (for ever by default) and throws ETIMEDOUT, or the SystemError of the call that failed.
 * Descriptors of a broken parcel are closed.
 */
export function receiveFds(socket: number, timeoutMs = -1): FdParcel | undefined {
  const fds: number[] = [];
  try {
    for (;;) {
      waitReadable(socket, timeoutMs);
      const header = receivePiece(socket, fds);
      if (header === undefined && fds.length === 0) return undefined;
      if (header === undefined) throw systemError("receive descriptors", ERRNO.ECONNRESET);
      if (!header.more) return { label: receiveText(socket, header.labelBytes), fds };
    }
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}

interface PieceHeader {
  readonly more: boolean;
  readonly labelBytes: number;
}

/**
 * Reads a piece's header and appends what came with it to `fds`. Undefined at the end of the
 * stream.
 */
function receivePiece(socket: number, fds: number[]): PieceHeader | undefined {
  message(roomForMost);
  const n = must("receive descriptors", recvmsg(socket, scratchAt, MSG_CMSG_CLOEXEC | MSG_WAITALL));
  const came = arrived();
  fds.push(...came);
  if (n === 0) return undefined;
  const [count = 0, more = 0, labelBytes = 0] = words.subarray(HEADER / 4);
  const cut = (words[FLAGS / 4]! & MSG_CTRUNC) !== 0;
  if (n !== HEADER_BYTES || cut || count !== came.length || labelBytes > MAX_LABEL_BYTES) {
    throw systemError("receive descriptors", cut ? ERRNO.EMFILE : ERRNO.EPROTO);
  }
  return { more: more === 1, labelBytes };
}

/** The descriptors in the control message recvmsg just filled. */
function arrived(): number[] {
  if (longs[5]! < BigInt(CMSG_HEADER_BYTES) || words[CONTROL / 4 + 3] !== SCM_RIGHTS) return [];
  const first = (CONTROL + CMSG_HEADER_BYTES) / 4;
  const count = (Number(longs[CONTROL / 8]) - CMSG_HEADER_BYTES) / 4;
  return Array.from(words.subarray(first, first + count));
}

function waitReadable(socket: number, timeoutMs: number): void {
  if (timeoutMs < 0) return;
  words[POLLFD / 4] = socket;
  words[POLLFD / 4 + 1] = POLLIN;
  const ready = must("wait for descriptors", poll(scratchAt + BigInt(POLLFD), 1, timeoutMs));
  if (ready === 0) throw systemError("wait for descriptors", ERRNO.ETIMEDOUT);
}

function sendAll(socket: number, bytes: Uint8Array): void {
  const at = bytes.length === 0 ? 0n : addressOf(bytes);
  for (let done = 0; done < bytes.length; ) {
    const left = bytes.length - done;
    done += must("send label", send(socket, at + BigInt(done), left, MSG_NOSIGNAL));
  }
}

function receiveText(socket: number, bytes: number): string {
  if (bytes === 0) return "";
  const text = new Uint8Array(bytes);
  const n = must("receive label", recv(socket, addressOf(text), bytes, MSG_WAITALL));
  if (n !== bytes) throw systemError("receive label", ERRNO.ECONNRESET);
  return new TextDecoder().decode(text);
}
