import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { CODES, type CodeName, WeirError } from "#base/errors.ts";

export interface Ask {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  /** For the whole of it. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const TIMEOUT_MS = 5000;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * One request to a running weir over its admin socket. Throws DAEMON_UNREACHABLE when nobody
 * answers in time, NOT_PERMITTED when the socket may not be opened. Any status is an Answer.
 */
export function ask(socket: string, path: string, options: Ask = {}): Promise<Answer> {
  const { method = "GET", timeoutMs = TIMEOUT_MS } = options;
  const body = options.body === undefined ? "" : JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: socket,
      path,
      method,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        host: "localhost",
        ...(body ? { "content-type": "application/json" } : {}),
        "content-length": Buffer.byteLength(body),
      },
    });
    const fail = (error: unknown): void => reject(unreachable(socket, error, timeoutMs));
    sent.on("error", fail);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("error", fail);
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if ((bytes += chunk.length) > MAX_BYTES) response.destroy(new Error("answer too large"));
      });
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          type: response.headers["content-type"] ?? "",
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.end(body);
  });
}

/**
 * As `ask`, for answers that are JSON: returns the value of a success. A refusal, `{code, message}`
 * with a status of 400 and more, is thrown as the WeirError it names.
 */
export async function askJson(socket: string, path: string, options: Ask = {}): Promise<unknown> {
  return jsonOf(await ask(socket, path, options), path);
}

function jsonOf(answer: Answer, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(answer.text);
  } catch {
    throw new WeirError("INTERNAL", `unexpected answer (${answer.status}) to ${path}`);
  }
  if (answer.status < 400) return value;
  const { code, message } = value as { code?: string; message?: string };
  const known = code !== undefined && Object.hasOwn(CODES, code);
  throw new WeirError(
    known ? (code as CodeName) : "INTERNAL",
    message ?? `${path} answered ${answer.status}`,
    value as Record<string, unknown>,
  );
}

/**
 * The lines of an answer that goes on, as they come, each a JSON value. Throws as `askJson`; nobody
 * waits longer than `timeoutMs` for it to begin.
 */
export async function* askLines(
  socket: string,
  path: string,
  timeoutMs: number = TIMEOUT_MS,
): AsyncGenerator<unknown> {
  const sent = request({ socketPath: socket, path, agent: false, headers: { host: "localhost" } });
  sent.setTimeout(timeoutMs, () => sent.destroy(new DOMException("late", "TimeoutError")));
  sent.end();
  try {
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    sent.setTimeout(0);
    const status = response.statusCode!;
    let rest = "";
    for await (const piece of response.setEncoding("utf8")) {
      const lines = `${rest}${piece}`.split("\n");
      rest = lines.pop()!;
      for (const text of lines) yield jsonOf({ status, type: "", text }, path);
    }
  } catch (error) {
    throw error instanceof WeirError ? error : unreachable(socket, error, timeoutMs);
  } finally {
    sent.destroy();
  }
}

function unreachable(socket: string, cause: unknown, timeoutMs: number): WeirError {
  const { code, name, message } = cause as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") {
    return new WeirError("NOT_PERMITTED", `may not open ${socket}: try as its owner`, { cause });
  }
  const why =
    code === "ENOENT" || code === "ECONNREFUSED"
      ? "no weir runs there"
      : name === "TimeoutError" || code === "ABORT_ERR"
        ? `no answer within ${timeoutMs / 1000} s`
        : message;
  return new WeirError("DAEMON_UNREACHABLE", `${socket}: ${why}`, { cause });
}
