/** Bytes as a key of a Map: one character each. */
export const textOf = (bytes: Uint8Array): string =>
  String.fromCharCode.apply(null, bytes as unknown as number[]);
