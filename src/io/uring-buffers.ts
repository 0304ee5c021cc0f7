// @hot
/**
 * The ring of provided buffers (IORING_REGISTER_PBUF_RING): the kernel takes a buffer only when
 * bytes have arrived, so a waiting socket holds no memory. Entry: u64 address, u32 length, u16 id;
 * the tail is a u16 in the unused half-word of entry 0 (byte 14).
 */
export class ProvidedBuffers {
  readonly count: number;
  readonly bytes: number;
  /** Arena offset of buffer 0. */
  readonly start: number;
  /** Buffers in the kernel's hands, as far as we know. */
  free = 0;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #ringAt: number;
  readonly #address: number;
  #tail = 0;
  #published = 0;

  /** `ringAt`: arena offset of count × 16 bytes, page-aligned; `address`: of the arena itself. */
  constructor(
    memory: ArrayBuffer,
    address: number,
    ringAt: number,
    start: number,
    count: number,
    bytes: number,
  ) {
    this.#words = new Int32Array(memory);
    this.#halves = new Uint16Array(memory);
    this.#address = address;
    this.#ringAt = ringAt;
    this.start = start;
    this.count = count;
    this.bytes = bytes;
    for (let id = 0; id < count; id++) this.give(id);
    this.publish();
  }

  at(id: number): number {
    return this.start + id * this.bytes;
  }

  give(id: number): void {
    const entry = this.#ringAt + (this.#tail & (this.count - 1)) * 16;
    this.#words[entry >> 2] = this.#address + this.start + id * this.bytes;
    this.#words[(entry >> 2) + 1] = 0;
    this.#words[(entry >> 2) + 2] = this.bytes;
    this.#halves[(entry >> 1) + 6] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.free++;
  }

  /** Shows buffers given since to the kernel. */
  publish(): void {
    if (this.#tail === this.#published) return;
    Atomics.store(this.#halves, (this.#ringAt >> 1) + 7, this.#tail);
    this.#published = this.#tail;
  }
}
