/**
 * Numbers of a backend's servers among its services' rows. A server keeps its number for as long as
 * it is configured, and after that until `release`: connections to it may still be there, and when
 * it comes back they go on.
 */
export class Members {
  readonly #numbers = new Map<string, number>();

  /** The number of a server, if it has one. */
  get(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** One more than the largest number in use. */
  get span(): number {
    return Math.max(-1, ...this.#numbers.values()) + 1;
  }

  /** Everybody that has a number. */
  entries(): [string, number][] {
    return [...this.#numbers];
  }

  /** Takes over a number from the control before. False when somebody else has it. */
  adopt(name: string, number: number): boolean {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known === number;
    if ([...this.#numbers.values()].includes(number)) return false;
    this.#numbers.set(name, number);
    return true;
  }

  /** Gives a number to each that has none; the lowest that are free. */
  assign(names: readonly string[]): void {
    const used = new Set(this.#numbers.values());
    let next = 0;
    for (const name of names) {
      if (this.#numbers.has(name)) continue;
      while (used.has(next)) next++;
      used.add(next);
      this.#numbers.set(name, next);
    }
  }

  release(name: string): void {
    this.#numbers.delete(name);
  }
}
