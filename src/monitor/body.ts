import type { IncomingMessage } from "node:http";
import { WeirError } from "#base/errors.ts";

/** More than anything we are told takes. */
const MAX_BYTES = 64 * 1024;
/** So much is read, and not kept, of a body that is too large, so that its sender gets the answer. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Reads a request's JSON body, undefined when it is empty. Throws USAGE or REQUEST_BODY_TOO_LARGE.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) break;
    if (bytes <= MAX_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BYTES) {
    throw new WeirError("REQUEST_BODY_TOO_LARGE", `a body has at most ${MAX_BYTES} bytes`);
  }
  if (bytes === 0) return undefined;
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new WeirError("USAGE", "a body must be application/json");
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new WeirError("USAGE", "the body is not JSON", { cause });
  }
}
