/** Rates and shares need no seventeen digits. */
const brief = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

export const toJson = (value: unknown): string => JSON.stringify(value, brief);
