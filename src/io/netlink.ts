import { utf8 } from "#base/bytes.ts";
import { ERRNO, must, systemError } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";
import { closeFd } from "./sockets.ts";

/*
 * Configuration of the kernel's network by messages (netlink(7), rtnetlink(7)):
 *
 *     length | type, flags | sequence | port | what the type begins with | attributes
 *
 * An attribute is its length and type (2 bytes each) and a value, filled up to 4 bytes. All calls
 * block, but the kernel has answered when the request was sent. A socket speaks to the network
 * namespace the thread was in when it was opened.
 */

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER_BYTES = 16;
const REPLY_BYTES = 65_536;
/** Questions sent at once: their answers wait in the socket's buffer, a packet each. */
const QUESTIONS = 32;

/** Flags of a request. */
export const NLM = {
  REQUEST: 1,
  ACK: 4,
  ACK_TLVS: 0x200,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
} as const;

const socket = native("socket", "i32", "i32", "i32", "i32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u64", "u32");
const send = native("send", "i32", "i32", "u64", "u64", "i32");
const recv = native("recv", "i32", "i32", "u64", "u64", "i32");
const ifNameToIndex = native("if_nametoindex", "u32", "u64");

/** Index of a network interface of this thread's namespace. Throws a SystemError. */
export function interfaceIndex(name: string): number {
  const label = utf8(`${name}\0`);
  const index = ifNameToIndex(addressOf(label));
  if (index === 0) throw systemError(`interface ${name}`, ERRNO.ENODEV);
  return index;
}

/** The body of a message: numbers in the machine's order, attributes, nested ones. */
export class NetlinkBody {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Appends what the message's type begins with. */
  raw(bytes: Uint8Array): this {
    const from = this.#reserve(bytes.length);
    this.#bytes.set(bytes, from);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const from = this.#reserve(4 + value.length);
    this.#header(from, type, 4 + value.length);
    this.#bytes.set(value, from + 4);
    return this;
  }

  u32(type: number, value: number): this {
    return this.attribute(type, new Uint8Array(Uint32Array.of(value).buffer));
  }

  text(type: number, value: string): this {
    return this.attribute(type, utf8(`${value}\0`));
  }

  /** An attribute whose value is the attributes that `fill` appends. */
  nest(type: number, fill: (body: this) => void): this {
    const from = this.#reserve(4);
    fill(this);
    this.#header(from, type | NLA_F_NESTED, this.#length - from);
    return this;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #header(at: number, type: number, length: number): void {
    new Uint16Array(this.#bytes.buffer, at, 2).set([length, type]);
  }

  #reserve(bytes: number): number {
    const from = this.#length;
    this.#length += Math.ceil(bytes / 4) * 4;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return from;
  }
}

export interface NetlinkMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** A socket to rtnetlink. Its owner closes it. */
export class Netlink {
  readonly #fd: number;
  readonly #reply = new Uint8Array(new ArrayBuffer(REPLY_BYTES));
  #sequence = 0;

  /** `protocol`: a family of netlink, by default rtnetlink. Throws a SystemError. */
  constructor(protocol: number = NETLINK_ROUTE) {
    this.#fd = must("netlink socket", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    // Words beside the errno, and no copy of the request; kernels before 4.12 do without.
    const one = Int32Array.of(1);
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK]) {
      setsockopt(this.#fd, SOL_NETLINK, option, addressOf(one), 4);
    }
  }

  /**
   * Sends a request and waits until the kernel says that it is done; returns what it answered
   * besides. Throws a SystemError named by `attempt`, with the kernel's words if it has any.
   */
  request(attempt: string, type: number, flags: number, body: Uint8Array): NetlinkMessage[] {
    // A dump ends with a message of its own instead of an acknowledgement.
    const ack = (flags & NLM.DUMP) === NLM.DUMP ? 0 : NLM.ACK;
    this.#send(attempt, type, ack | flags, [body]);
    const answers: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(attempt)) {
        if (message.sequence !== this.#sequence) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          checkResult(attempt, message);
          return answers;
        }
        answers.push({ type: message.type, body: message.body.slice() });
      }
    }
  }

  /**
   * Asks many questions, each of which has one answer: in their order, the body of its message or a
   * negative errno. Throws a SystemError where asking itself fails.
   */
  ask(attempt: string, type: number, bodies: readonly Uint8Array[]): (Uint8Array | number)[] {
    const answers: (Uint8Array | number)[] = [];
    for (let from = 0; from < bodies.length; from += QUESTIONS) {
      const some = bodies.slice(from, from + QUESTIONS);
      const first = this.#send(attempt, type, 0, some);
      for (let open = some.length; open > 0; ) {
        for (const { sequence, type, body } of this.#receive(attempt)) {
          const place = sequence - first;
          if (place < 0 || answers[from + place] !== undefined) continue;
          answers[from + place] = type === NLMSG_ERROR ? resultOf(body) : body.slice();
          open--;
        }
      }
    }
    return answers;
  }

  close(): void {
    closeFd(this.#fd);
  }

  /** Sends requests in one message; they are numbered from what it returns. */
  #send(attempt: string, type: number, flags: number, bodies: readonly Uint8Array[]): number {
    const first = this.#sequence + 1;
    const lengths = bodies.map((body) => HEADER_BYTES + Math.ceil(body.length / 4) * 4);
    const message = new Uint8Array(lengths.reduce((a, b) => a + b));
    let at = 0;
    for (const [i, body] of bodies.entries()) {
      const length = HEADER_BYTES + body.length;
      const asked = ((NLM.REQUEST | flags) << 16) | type;
      new Uint32Array(message.buffer, at, 4).set([length, asked, ++this.#sequence, 0]);
      message.set(body, at + HEADER_BYTES);
      at += lengths[i]!;
    }
    must(attempt, send(this.#fd, addressOf(message), BigInt(message.length), 0));
    return first;
  }

  /** The messages of the next datagram; they are in memory that the one after it is put in. */
  #receive(attempt: string): Received[] {
    const at = addressOf(this.#reply);
    const length = must(attempt, recv(this.#fd, at, BigInt(REPLY_BYTES), 0));
    return messagesOf(this.#reply.subarray(0, length));
  }
}

interface Received extends NetlinkMessage {
  readonly flags: number;
  readonly sequence: number;
}

/** The messages of one datagram. */
function messagesOf(bytes: Uint8Array): Received[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Received[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || at + length > bytes.length)
      throw new Error("netlink: damaged answer");
    found.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += Math.ceil(length / 4) * 4;
  }
  return found;
}

/** How a request ended: 0, or a negative errno. */
const resultOf = (body: Uint8Array): number =>
  body.length < 4 ? 0 : new DataView(body.buffer, body.byteOffset, 4).getInt32(0, true);

function checkResult(attempt: string, { body, flags, type }: Received): void {
  const result = resultOf(body);
  if (result >= 0) return;
  // An error is followed by the header of the request, and then by attributes.
  const from = type === NLMSG_ERROR && flags & NLM.ACK_TLVS ? 4 + HEADER_BYTES : body.length;
  const words = attributesOf(body.subarray(from)).get(NLMSGERR_ATTR_MSG);
  const text = words && new TextDecoder().decode(words).replace(/\0.*$/s, "");
  throw systemError(text ? `${attempt} (${text})` : attempt, result);
}

/** Attributes by their type; of several with the same type, the last. */
export function attributesOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += Math.ceil(length / 4) * 4;
  }
  return found;
}
