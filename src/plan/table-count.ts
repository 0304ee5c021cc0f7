/** The connection table as it was counted last. */
export interface TableCount {
  readonly count: number;
  readonly size: number;
}

/** Share of the table from which on it runs short. */
export const SHORT = 0.9;

export const isShort = ({ count, size }: TableCount): boolean => count > SHORT * size;
