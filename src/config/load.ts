import { resolve } from "node:path";
import { Report } from "#schema/index.ts";
import { type CompileContext, type Compiled, compileConfig } from "./compile.ts";
import { discoverConfig } from "./discover.ts";
import { type Disk, disk as realDisk } from "./disk.ts";
import type { Source } from "./source.ts";

export interface LoadOptions extends Omit<CompileContext, "readFile"> {
  /** As given with `-f`; none: the usual places. */
  readonly files?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly disk?: Disk;
}

export interface Loaded extends Compiled {
  /** The files read, as faults name them. */
  readonly files: readonly string[];
  /** Text of a file read, for code frames. */
  readonly textOf: (file: string) => string | undefined;
}

/**
 * Finds, reads and compiles a configuration. A file that cannot be read is a fault like any other;
 * that there is none at all is a WeirError.
 */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const { files: named = [], cwd, env, disk = realDisk } = options;
  const files = discoverConfig(named, env, cwd, disk);
  const report = new Report();
  const read = await Promise.all(files.map((file) => readSource(file, cwd, disk, report)));
  const sources = read.filter((source) => source !== undefined);
  const texts = new Map(sources.map((s) => [s.file, "text" in s ? s.text : undefined]));
  const textOf = (file: string): string | undefined => texts.get(file);
  if (report.hasErrors) {
    const nothing = { plan: undefined, model: undefined, secrets: new Set<string>() };
    return { ...nothing, faults: report.faults, files, textOf };
  }
  const readFile = (path: string) => disk.readText(resolve(cwd, path));
  return { ...compileConfig(sources, { ...options, readFile }), files, textOf };
}

async function readSource(
  file: string,
  cwd: string,
  disk: Disk,
  report: Report,
): Promise<Source | undefined> {
  const path = resolve(cwd, file);
  try {
    if (/\.[cm]?[tj]s$/.test(file)) return { file, value: await disk.run(path) };
    return { file, text: disk.readText(path) };
  } catch (error) {
    const place = { file, line: 0, column: 0, length: 1 };
    report.error({ place }, "", `cannot read it: ${(error as Error).message}`);
    return undefined;
  }
}
