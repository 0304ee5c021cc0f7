/** Connections of layer 4 and lines of a trace: for who does not say how many, and at most. */
export const CONNECTIONS = { fallback: 1000, max: 100_000 } as const;
export const TRACED_PACKETS = { fallback: 1000, max: 1_000_000 } as const;
export const TRACED_SECONDS = { fallback: 30, max: 3600 } as const;
