/** Names in the kernel are no longer than half of this. */
const MAX_TEXT_BYTES = 1024;

/**
 * Little-endian numbers and strings of bytes that may be damaged: reading past the end throws an
 * Error that names what was read.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #what: string;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, what: string) {
    const { buffer, byteOffset, byteLength } = bytes;
    // Never a Buffer, whose slice() is no copy.
    this.bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#what = what;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#check(at, 1));
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#check(at, 2), true);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#check(at, 4), true);
  }

  i32(at: number): number {
    return this.#view.getInt32(this.#check(at, 4), true);
  }

  /** A 64-bit number that is a position or a size, so must be one that a number can hold. */
  u64(at: number): number {
    const value = this.#view.getBigUint64(this.#check(at, 8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new Error(`${this.#what}: ${value} at byte ${at} is out of range`);
    }
    return Number(value);
  }

  /** bytes[at, at + length): a view, not a copy. */
  slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.#check(at, length), at + length);
  }

  /** The string that begins at `at` and ends before the next zero. */
  text(at: number): string {
    const rest = this.bytes.subarray(this.#check(at, 1), at + MAX_TEXT_BYTES);
    const length = rest.indexOf(0);
    if (length < 0) throw new Error(`${this.#what}: the string at byte ${at} has no end`);
    return decoder.decode(rest.subarray(0, length));
  }

  #check(at: number, length: number): number {
    if (at < 0 || length < 0 || at + length > this.bytes.length) {
      throw new Error(
        `${this.#what}: ${length} bytes at ${at} are beyond its end (${this.bytes.length} bytes)`,
      );
    }
    return at;
  }
}

const decoder = new TextDecoder();
