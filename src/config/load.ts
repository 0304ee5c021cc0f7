import { relative, resolve } from "node:path";
import { type Place, Report } from "#schema/index.ts";
import { type CompileContext, type Compiled, compileConfig } from "./compile.ts";
import { discoverConfig } from "./discover.ts";
import { type Disk, disk as realDisk } from "./disk.ts";
import type { ScriptPlace } from "./script-error.ts";
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
  const texts = new Map<string, string>();
  const reading: Reading = { cwd, disk, report, texts };
  const read = await Promise.all(files.map((file) => readSource(file, reading)));
  const sources = read.filter((source) => source !== undefined);
  const textOf = (file: string): string | undefined => texts.get(file);
  if (report.hasErrors) {
    const nothing = { plan: undefined, model: undefined, secrets: new Set<string>() };
    return { ...nothing, faults: report.faults, files, textOf };
  }
  const readFile = (path: string) => disk.readText(resolve(cwd, path));
  return { ...compileConfig(sources, { ...options, readFile }), files, textOf };
}

interface Reading {
  readonly cwd: string;
  readonly disk: Disk;
  readonly report: Report;
  /** By the name that faults give. */
  readonly texts: Map<string, string>;
}

async function readSource(file: string, reading: Reading): Promise<Source | undefined> {
  const { cwd, disk, report, texts } = reading;
  const path = resolve(cwd, file);
  try {
    const text = disk.readText(path);
    texts.set(file, text);
    if (!/\.[cm]?[tj]s$/.test(file)) return { file, text };
    return { file, value: await disk.run(path), script: text };
  } catch (error) {
    const { message, cause } = error as Error;
    const place = placeOf(file, cause as ScriptPlace | undefined, reading);
    report.error({ place }, "", `cannot read it: ${message}`);
    return undefined;
  }
}

/** The place in the file itself, or in one that it imports: then a name for that one. */
function placeOf(file: string, at: ScriptPlace | undefined, { cwd, disk, texts }: Reading): Place {
  if (at === undefined) return { file, line: 0, column: 0, length: 1 };
  const { path, line, column, length } = at;
  if (path === resolve(cwd, file)) return { file, line, column, length };
  const name = relative(cwd, path);
  try {
    texts.set(name, disk.readText(path));
  } catch {
    // The place is worth saying without the lines.
  }
  return { file: name, line, column, length };
}
