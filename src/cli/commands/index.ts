import type { Command } from "../command.ts";
import { run } from "./run.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help: one line each. Heavy imports happen inside `run`. */
export const commands: readonly Command[] = [run, version];
