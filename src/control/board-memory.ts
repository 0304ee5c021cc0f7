/**
 * The Board's memory as the supervisor holds it: a descriptor, and the layout that engines agree
 * on. One that wants another layout gets new memory; engines that use the old have it by
 * descriptors of their own.
 */
export class BoardMemory {
  readonly #create: (bytes: number) => number;
  readonly #close: (fd: number) => void;
  #held: { readonly fd: number; readonly layout: string } | undefined;

  constructor(create: (bytes: number) => number, close: (fd: number) => void) {
    this.#create = create;
    this.#close = close;
  }

  /** Throws when there is none to be had. */
  obtain(bytes: number, layout: string): { readonly fd: number; readonly fresh: boolean } {
    if (this.#held?.layout === layout) return { fd: this.#held.fd, fresh: false };
    const fd = this.#create(bytes);
    this.release();
    this.#held = { fd, layout };
    return { fd, fresh: true };
  }

  release(): void {
    if (this.#held) this.#close(this.#held.fd);
    this.#held = undefined;
  }
}
