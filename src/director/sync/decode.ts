import { viewOf } from "#base/bytes.ts";
import {
  ENGINE_DATA_MAX,
  ENGINE_NAME_MAX,
  ENTRY,
  ENTRY_SIZE_MASK,
  type EnginePart,
  MESSAGE,
  OPTION,
  OPTION_MAY_BE_PASSED,
  PROTOCOL_VERSION,
  SEQUENCES_BYTES,
  type SequenceShift,
  type SyncEntry,
  TYPE_IPV6,
} from "./wire.ts";

export interface ReadMessage {
  readonly syncId: number;
  readonly entries: readonly SyncEntry[];
}

/** What is wrong with a message, in words. */
export interface BadMessage {
  readonly fault: string;
}

/**
 * Reads a message. One that is wrong anywhere is refused whole; of what is behind the last entry
 * nothing is read. Allocates as many entries as there are, 255 at most.
 */
export function readMessage(bytes: Uint8Array): ReadMessage | BadMessage {
  if (bytes.length < MESSAGE.BYTES) return { fault: "shorter than a header" };
  const view = viewOf(bytes);
  if (bytes[MESSAGE.VERSION] !== PROTOCOL_VERSION || bytes[0] !== 0) {
    return { fault: "not of version 1" };
  }
  if (view.getUint16(MESSAGE.SPARE) !== 0) return { fault: "not of version 1" };
  if (view.getUint16(MESSAGE.SIZE) !== bytes.length) return { fault: "not as long as it says" };
  const entries: SyncEntry[] = [];
  let at: number = MESSAGE.BYTES;
  for (let left = bytes[MESSAGE.COUNT]!; left > 0; left--) {
    if (at + ENTRY.ADDRESSES > bytes.length) return { fault: "ends within an entry" };
    const versionAndSize = view.getUint16(at + ENTRY.VERSION_SIZE);
    const end = at + (versionAndSize & ENTRY_SIZE_MASK);
    if (versionAndSize > ENTRY_SIZE_MASK) return { fault: "an entry of another version" };
    if (end > bytes.length) return { fault: "ends within an entry" };
    const entry = readEntry(bytes, view, at, end);
    if (typeof entry === "string") return { fault: entry };
    entries.push(entry);
    at = (end + 3) & ~3;
  }
  return { syncId: bytes[MESSAGE.SYNC_ID]!, entries };
}

/** The entry in bytes[at, end), or what is wrong with it. */
function readEntry(bytes: Uint8Array, view: DataView, at: number, end: number): SyncEntry | string {
  const type = bytes[at + ENTRY.TYPE]!;
  // As IPVS has it: one bit says IPv6, others go with that alone.
  const isV6 = (type & TYPE_IPV6) !== 0;
  if (!isV6 && type !== 0) return "an entry of unknown type";
  const width = isV6 ? 16 : 4;
  const addresses = at + ENTRY.ADDRESSES;
  const options = addresses + 3 * width;
  if (options > end) return "an entry that is too short";
  const found = readOptions(bytes, view, options, end);
  if (typeof found === "string") return found;
  const address = (i: number): Uint8Array => {
    const from = addresses + i * width;
    const whole = new Uint8Array(16);
    if (!isV6) whole.fill(0xff, 10, 12);
    whole.set(bytes.subarray(from, from + width), 16 - width);
    return whole;
  };
  return {
    family: isV6 ? 6 : 4,
    protocol: bytes[at + ENTRY.PROTOCOL]!,
    flags: view.getUint32(at + ENTRY.FLAGS),
    state: view.getUint16(at + ENTRY.STATE),
    client: address(0),
    clientPort: view.getUint16(at + ENTRY.CLIENT_PORT),
    service: address(1),
    servicePort: view.getUint16(at + ENTRY.SERVICE_PORT),
    server: address(2),
    serverPort: view.getUint16(at + ENTRY.SERVER_PORT),
    mark: view.getUint32(at + ENTRY.MARK),
    timeoutSeconds: view.getUint32(at + ENTRY.TIMEOUT),
    ...found,
  };
}

type Options = Pick<SyncEntry, "sequences" | "engine">;

function readOptions(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  end: number,
): Options | string {
  let sequences: SyncEntry["sequences"];
  let data: Uint8Array | undefined;
  let name: string | undefined;
  let at = from;
  while (at < end) {
    if (at + 2 > end) return "an option without a length";
    const type = bytes[at]!;
    const length = bytes[at + 1]!;
    const start = at + 2;
    at = start + length;
    if (length === 0 || at > end) return "an option that is too long, or empty";
    switch (type & ~OPTION_MAY_BE_PASSED) {
      case OPTION.SEQUENCES:
        if (length !== SEQUENCES_BYTES || sequences) return "sequence numbers that are none";
        sequences = readSequences(view, start);
        break;
      case OPTION.ENGINE_DATA:
        if (length > ENGINE_DATA_MAX || data) return "a second engine's data";
        data = bytes.slice(start, at);
        break;
      case OPTION.ENGINE_NAME:
        if (length > ENGINE_NAME_MAX || name !== undefined) return "a name that is too long";
        name = String.fromCharCode(...bytes.subarray(start, at));
        break;
      default:
        if ((type & OPTION_MAY_BE_PASSED) === 0) return "an option that is not known";
    }
  }
  const engine = engineOf(name, data);
  if (engine === false) return "an engine's data without a name";
  return { ...(sequences && { sequences }), ...(engine && { engine }) };
}

/** A name without data says nothing. */
function engineOf(
  name: string | undefined,
  data: Uint8Array | undefined,
): EnginePart | undefined | false {
  if (!data) return undefined;
  return name === undefined ? false : { name, data };
}

function readSequences(view: DataView, at: number): NonNullable<SyncEntry["sequences"]> {
  return { in: readShift(view, at), out: readShift(view, at + SEQUENCES_BYTES / 2) };
}

const readShift = (view: DataView, at: number): SequenceShift => ({
  initial: view.getUint32(at),
  delta: view.getUint32(at + 4),
  previousDelta: view.getUint32(at + 8),
});
