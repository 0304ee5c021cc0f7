/**
 * Waits until each of some members has reported. One wait at a time; a new one replaces the old.
 */
export class MemberWait {
  #missing = new Set<number>();
  #resolve: (() => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** Resolves when `done` was called for each of these from now on; rejects on `fail`. */
  all(members: readonly number[]): Promise<void> {
    this.#resolve?.();
    this.#missing = new Set(members);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#look();
    });
  }

  done(member: number): void {
    this.#missing.delete(member);
    this.#look();
  }

  fail(error: Error): void {
    this.#reject?.(error);
    this.#resolve = this.#reject = undefined;
  }

  /** Resolves as if all had reported. */
  giveUp(): void {
    this.#missing.clear();
    this.#look();
  }

  #look(): void {
    if (this.#missing.size > 0) return;
    this.#resolve?.();
    this.#resolve = this.#reject = undefined;
  }
}
