import { spawnSync } from "node:child_process";

/** First line that `command args…` prints, or undefined when there is no such command. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return error ? undefined : (stdout || stderr).split("\n")[0];
}
