import { randomBytes } from "node:crypto";

/** A 32-bit seed from the kernel, for createRandom of base/clock.ts. */
export const randomSeed = (): number => randomBytes(4).readUInt32LE(0);

/** So many bytes from the kernel that nobody can guess. */
export const randomKey = (bytes: number): Uint8Array => Uint8Array.from(randomBytes(bytes));
