import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { ScriptPlace } from "./script-error.ts";

/** What reading a configuration needs of the machine; tests hand in their own. */
export interface Disk {
  readonly exists: (path: string) => boolean;
  /** Text of a file; throws an Error that says why not. */
  readonly readText: (path: string) => string;
  /** Names in a directory; undefined when it is none. */
  readonly list: (path: string) => readonly string[] | undefined;
  /**
   * Default export of a TypeScript or JavaScript module, run anew each time. The Error's `cause` is
   * a ScriptPlace where one is known.
   */
  readonly run: (path: string) => Promise<unknown>;
}

/** Files larger than this are refused; the parser has a limit of its own. */
const MAX_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no directory",
};

function readText(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    return decode(readAll(fd));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(REASONS[code ?? ""] ?? message);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Everything up to the end: pipes and devices have no size to ask for first. */
function readAll(fd: number): Buffer {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const count = readSync(fd, piece);
    if (count === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, count));
    bytes += count;
    if (bytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("it is not text in UTF-8");
  }
}

function list(path: string): readonly string[] | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  return readdirSync(path);
}

/** What evaluate.ts posts. */
interface Ran {
  readonly value?: unknown;
  readonly error?: string;
  readonly place?: ScriptPlace;
}

/** In a thread of its own: nothing it imports stays loaded, and what it exports is plain data. */
function run(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./evaluate.ts", import.meta.url), {
      workerData: path,
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    worker.once("message", ({ value, error, place }: Ran) => {
      if (error === undefined) resolve(value);
      else reject(new Error(error, { cause: place }));
      void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("it ended before it exported anything")));
  });
}

/** The machine's own disk. */
export const disk: Disk = { exists: existsSync, readText, list, run };
