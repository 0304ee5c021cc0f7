/**
 * Hands out Board slots by key (a frontend's name, `backend/server`). A key keeps its slot for as
 * long as it is configured; a slot given up is not handed out again until `settle` says that no
 * worker reads an older Plan, so nobody counts into a row that has changed its meaning.
 */
export class Slots {
  readonly limit: number;
  #byKey = new Map<string, number>();
  #free: number[] = [];
  #leaving: number[] = [];
  #next = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: string): number | undefined {
    return this.#byKey.get(key);
  }

  /** Every key with its slot, for saving and for readers. */
  entries(): [string, number][] {
    return [...this.#byKey];
  }

  /** True when `assign` would have room for these keys. */
  fits(keys: readonly string[]): boolean {
    return this.#free.length + this.limit - this.#next >= this.#fresh(keys).length;
  }

  #fresh(keys: readonly string[]): string[] {
    return [...new Set(keys)].filter((key) => !this.#byKey.has(key));
  }

  /**
   * Slots for exactly these keys: known ones keep theirs, new ones get one, absent ones are given
   * up. Returns the keys that are new, or undefined (nothing changed) when the limit would be
   * passed.
   */
  assign(keys: readonly string[]): string[] | undefined {
    if (!this.fits(keys)) return undefined;
    const wanted = new Set(keys);
    const fresh = this.#fresh(keys);
    for (const [key, slot] of this.#byKey) {
      if (wanted.has(key)) continue;
      this.#byKey.delete(key);
      this.#leaving.push(slot);
    }
    for (const key of fresh) this.#byKey.set(key, this.#free.pop() ?? this.#next++);
    return fresh;
  }

  /** Takes over assignments made earlier (another engine on the same Board). */
  adopt(entries: Iterable<readonly [string, number]>): void {
    for (const [key, slot] of entries) {
      this.#byKey.set(key, slot);
      this.#next = Math.max(this.#next, slot + 1);
    }
    const used = new Set(this.#byKey.values());
    this.#free = [];
    for (let slot = this.#next - 1; slot >= 0; slot--) if (!used.has(slot)) this.#free.push(slot);
  }

  /**
   * No worker reads an older Plan any more: slots given up may be used again, those of them that
   * are `quiet`; the others wait for the next call. Returns the slots freed.
   */
  settle(quiet: (slot: number) => boolean = () => true): number[] {
    const settled = this.#leaving.filter(quiet);
    this.#leaving = this.#leaving.filter((slot) => !settled.includes(slot));
    this.#free.push(...settled);
    return settled;
  }

  /** No slot waits to be freed. */
  get settled(): boolean {
    return this.#leaving.length === 0;
  }

  /** A second table in the same state, to try an assignment on. */
  copy(): Slots {
    const copy = new Slots(this.limit);
    copy.#byKey = new Map(this.#byKey);
    copy.#free = [...this.#free];
    copy.#leaving = [...this.#leaving];
    copy.#next = this.#next;
    return copy;
  }
}
