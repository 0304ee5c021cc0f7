import type { IncomingMessage } from "node:http";
import { WeirError } from "#base/errors.ts";

/** More than anything we are told takes. */
const MAX_BYTES = 64 * 1024;
/**
 * Reads a request's JSON body, undefined when it is empty. Throws USAGE or REQUEST_BODY_TOO_LARGE.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBytes(request);
  if (body.length === 0) return undefined;
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new WeirError("USAGE", "a body must be application/json");
  }
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw new WeirError("USAGE", "the body is not JSON", { cause });
  }
}

/**
 * The body's bytes. One that is too large is refused at once; the rest of it is read all the same,
 * and not kept, because closing on a sender would take the answer from it.
 */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BYTES) chunks.push(chunk);
      else {
        chunks.length = 0;
        const text = `a body has at most ${MAX_BYTES} bytes`;
        reject(new WeirError("REQUEST_BODY_TOO_LARGE", text));
      }
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject);
  });
}
