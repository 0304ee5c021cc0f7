/** Has some of many in turn: nobody again before all others were there. */
export class Turns<Key> {
  readonly #had = new Set<Key>();

  /** At most so many of those that are there now. */
  take(all: readonly Key[], most: number): Key[] {
    let waiting = all.filter((key) => !this.#had.has(key));
    if (waiting.length === 0) {
      this.#had.clear();
      waiting = [...all];
    }
    const some = waiting.slice(0, most);
    for (const key of some) this.#had.add(key);
    return some;
  }
}
