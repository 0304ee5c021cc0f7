import { hashText } from "#base/hash.ts";

/** SERVER.IDENTITY of the server called `backend/server`; never 0, which is nobody's. */
export const rowIdentity = (key: string): number => hashText(key) | 0 || 1;
