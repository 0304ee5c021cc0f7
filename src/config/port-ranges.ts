interface Range<T> {
  readonly first: number;
  readonly last: number;
  readonly owner: T;
}

/** Ports of one address that are spoken for, as ranges that do not overlap. */
export class PortRanges<T> {
  /** In the order of their ports. */
  readonly #taken: Range<T>[] = [];

  /** Takes the ports from `first` to `last` if all are free; else the first owner in the way. */
  claim(first: number, last: number, owner: T): T | undefined {
    const at = this.#find(first);
    const next = this.#taken[at];
    if (next && next.first <= last) return next.owner;
    this.#taken.splice(at, 0, { first, last, owner });
    return undefined;
  }

  /** Who has a port; undefined when it is free. */
  owner(port: number): T | undefined {
    const next = this.#taken[this.#find(port)];
    return next && next.first <= port ? next.owner : undefined;
  }

  /** Index of the first range that does not end below a port. */
  #find(port: number): number {
    let low = 0;
    let high = this.#taken.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#taken[middle]!.last < port) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
