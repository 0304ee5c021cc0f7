import type { Command } from "../command.ts";
import { check } from "./check.ts";
import { fmt } from "./fmt.ts";
import { reload } from "./reload.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { stop } from "./stop.ts";
import { upgrade } from "./upgrade.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help: one line each. Heavy imports happen inside `run`. */
export const commands: readonly Command[] = [
  run,
  reload,
  upgrade,
  stop,
  check,
  fmt,
  schema,
  version,
];
