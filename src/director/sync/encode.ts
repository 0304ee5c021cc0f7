import {
  ENTRIES_MAX,
  ENTRY,
  ENTRY_SIZE_MASK,
  MESSAGE,
  OPTION,
  PROTOCOL_VERSION,
  SEQUENCES_BYTES,
  type SequenceShift,
  type SyncEntry,
  TYPE_IPV6,
} from "./wire.ts";

/** Bytes of an entry's size field at most. */
const ENTRY_MAX = ENTRY_SIZE_MASK;

const align4 = (bytes: number): number => (bytes + 3) & ~3;

const addressBytes = (family: 4 | 6): number => (family === 4 ? 4 : 16);

/** Bytes of an entry, without those that fill up to the next. */
export function entryBytes({ family, sequences, engine }: SyncEntry): number {
  const options =
    (sequences ? 2 + SEQUENCES_BYTES : 0) +
    (engine ? 2 + engine.data.length + 2 + engine.name.length : 0);
  return ENTRY.ADDRESSES + 3 * addressBytes(family) + options;
}

/** A whole message, as it was when it was taken. */
export interface SyncMessage {
  readonly bytes: Uint8Array;
  readonly entries: number;
}

/** Puts entries into a message, of so many bytes at most, until no more has room. */
export class MessageWriter {
  readonly #syncId: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number = MESSAGE.BYTES;
  #entries = 0;

  /** `syncId`: 0 to 255. `maxBytes`: 256 to 65,507. */
  constructor(syncId: number, maxBytes: number) {
    this.#syncId = syncId;
    this.#bytes = new Uint8Array(maxBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** False when it has no room: then `take` comes first. */
  add(entry: SyncEntry): boolean {
    const size = entryBytes(entry);
    const start = align4(this.#at);
    if (size > ENTRY_MAX || start + size > this.#bytes.length) return false;
    if (this.#entries === ENTRIES_MAX) return false;
    this.#bytes.fill(0, this.#at, start + size);
    this.#write(entry, start, size);
    this.#at = start + size;
    this.#entries++;
    return true;
  }

  /** The message, and begins another; one without entries is a message too. */
  take(): SyncMessage {
    const bytes = this.#bytes.slice(0, this.#at);
    const view = new DataView(bytes.buffer);
    bytes.fill(0, 0, MESSAGE.BYTES);
    bytes[MESSAGE.SYNC_ID] = this.#syncId;
    view.setUint16(MESSAGE.SIZE, bytes.length);
    bytes[MESSAGE.COUNT] = this.#entries;
    bytes[MESSAGE.VERSION] = PROTOCOL_VERSION;
    const message = { bytes, entries: this.#entries };
    this.#at = MESSAGE.BYTES;
    this.#entries = 0;
    return message;
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  #write(entry: SyncEntry, start: number, size: number): void {
    const { family, sequences, engine } = entry;
    const bytes = this.#bytes;
    const view = this.#view;
    bytes[start + ENTRY.TYPE] = family === 6 ? TYPE_IPV6 : 0;
    bytes[start + ENTRY.PROTOCOL] = entry.protocol;
    view.setUint16(start + ENTRY.VERSION_SIZE, size);
    view.setUint32(start + ENTRY.FLAGS, entry.flags);
    view.setUint16(start + ENTRY.STATE, entry.state);
    view.setUint16(start + ENTRY.CLIENT_PORT, entry.clientPort);
    view.setUint16(start + ENTRY.SERVICE_PORT, entry.servicePort);
    view.setUint16(start + ENTRY.SERVER_PORT, entry.serverPort);
    view.setUint32(start + ENTRY.MARK, entry.mark);
    view.setUint32(start + ENTRY.TIMEOUT, entry.timeoutSeconds);
    const width = addressBytes(family);
    let at = start + ENTRY.ADDRESSES;
    for (const address of [entry.client, entry.service, entry.server]) {
      bytes.set(address.subarray(16 - width), at);
      at += width;
    }
    if (sequences) at = this.#writeSequences(at, sequences);
    if (engine) {
      at = this.#writeOption(at, OPTION.ENGINE_DATA, engine.data);
      const name = Uint8Array.from(engine.name, (letter) => letter.charCodeAt(0));
      this.#writeOption(at, OPTION.ENGINE_NAME, name);
    }
  }

  #writeSequences(
    at: number,
    { in: toServer, out: toClient }: NonNullable<SyncEntry["sequences"]>,
  ) {
    this.#bytes[at] = OPTION.SEQUENCES;
    this.#bytes[at + 1] = SEQUENCES_BYTES;
    this.#writeShift(at + 2, toServer);
    this.#writeShift(at + 2 + SEQUENCES_BYTES / 2, toClient);
    return at + 2 + SEQUENCES_BYTES;
  }

  #writeShift(at: number, { initial, delta, previousDelta }: SequenceShift): void {
    this.#view.setUint32(at, initial);
    this.#view.setUint32(at + 4, delta);
    this.#view.setUint32(at + 8, previousDelta);
  }

  #writeOption(at: number, type: number, data: Uint8Array): number {
    this.#bytes[at] = type;
    this.#bytes[at + 1] = data.length;
    this.#bytes.set(data, at + 2);
    return at + 2 + data.length;
  }
}
