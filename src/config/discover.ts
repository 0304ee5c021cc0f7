import { join, resolve } from "node:path";
import { WeirError } from "#base/errors.ts";
import type { Disk } from "./disk.ts";

/** Where a configuration is looked for when none is named, in this order. */
const USUAL = ["weir.yaml", "weir.config.ts", "/etc/weir/weir.yaml"];
/** Beside the last of them: pieces that packages and people drop in. */
const PIECES = "/etc/weir/conf.d";

const isYaml = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith(".");

/**
 * The files of the configuration: those named (`-f`, each a file or a directory of *.yaml), else
 * WEIR_CONFIG (several parted by colons), else the first usual place where there is one. Throws a
 * WeirError when there is none.
 */
export function discoverConfig(
  named: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  disk: Pick<Disk, "exists" | "list">,
): string[] {
  const wanted = named.length > 0 ? named : (env["WEIR_CONFIG"]?.split(":").filter(Boolean) ?? []);
  if (wanted.length > 0) return wanted.flatMap((path) => filesAt(path, cwd, disk));
  const usual = USUAL.find((path) => disk.exists(resolve(cwd, path)));
  if (usual === undefined) {
    throw new WeirError(
      "CONFIG_INVALID",
      `no configuration: there is none of ${USUAL.join(", ")}; name one with -f or WEIR_CONFIG`,
    );
  }
  const pieces =
    usual === USUAL.at(-1) && disk.list(PIECES) ? filesAt(PIECES, cwd, disk, true) : [];
  return [usual, ...pieces];
}

/** A file itself; a directory's *.yaml in the order of their names. */
function filesAt(
  path: string,
  cwd: string,
  { list }: Pick<Disk, "list">,
  mayBeEmpty = false,
): string[] {
  const names = list(resolve(cwd, path));
  if (!names) return [path];
  const files = names.filter(isYaml).toSorted();
  if (files.length === 0 && !mayBeEmpty) {
    throw new WeirError("CONFIG_INVALID", `${path}: there is no *.yaml in this directory`);
  }
  return files.map((name) => join(path, name));
}
