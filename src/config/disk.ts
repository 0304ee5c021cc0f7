import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";

/** What reading a configuration needs of the machine; tests hand in their own. */
export interface Disk {
  readonly exists: (path: string) => boolean;
  /** Text of a file; throws an Error that says why not. */
  readonly readText: (path: string) => string;
  /** Names in a directory; undefined when it is none. */
  readonly list: (path: string) => readonly string[] | undefined;
  /** Default export of a TypeScript or JavaScript module, run anew each time. */
  readonly run: (path: string) => Promise<unknown>;
}

/** Files larger than this are not read at all. */
const MAX_BYTES = 16 * 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no directory",
};

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(REASONS[code ?? ""] ?? message);
  }
}

function list(path: string): readonly string[] | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  return readdirSync(path);
}

/** In a thread of its own: nothing it imports stays loaded, and what it exports is plain data. */
function run(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./evaluate.ts", import.meta.url), {
      workerData: path,
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    worker.once("message", ({ value, error }: { value?: unknown; error?: string }) => {
      if (error === undefined) resolve(value);
      else reject(new Error(error));
      void worker.terminate();
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("it ended before it exported anything")));
  });
}

/** The machine's own disk. */
export const disk: Disk = { exists: existsSync, readText, list, run };
