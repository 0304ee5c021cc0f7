// @hot
/** A queue of handles. Each is in it at most once, which the owner sees to with a flag. */
export class HandleQueue {
  readonly #ring: Int32Array;
  #head = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#ring = new Int32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  push(handle: number): void {
    const at = this.#head + this.#count++;
    this.#ring[at < this.#ring.length ? at : at - this.#ring.length] = handle;
  }

  /** The oldest; only while count > 0. */
  shift(): number {
    const handle = this.#ring[this.#head]!;
    this.#head = this.#head + 1 === this.#ring.length ? 0 : this.#head + 1;
    this.#count--;
    return handle;
  }
}
