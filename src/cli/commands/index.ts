import type { Command } from "../command.ts";
import { check } from "./check.ts";
import { demo } from "./demo.ts";
import { explain } from "./explain.ts";
import { fmt } from "./fmt.ts";
import { healthcheck } from "./healthcheck.ts";
import { reload } from "./reload.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { serverDrain } from "./server-drain.ts";
import { serverList } from "./server-list.ts";
import { serverMaint } from "./server-maint.ts";
import { serverReady } from "./server-ready.ts";
import { serverWeight } from "./server-weight.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { top } from "./top.ts";
import { upgrade } from "./upgrade.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help: one line each. Heavy imports happen inside `run`. */
export const commands: readonly Command[] = [
  run,
  reload,
  upgrade,
  stop,
  status,
  healthcheck,
  top,
  check,
  explain,
  fmt,
  schema,
  serverList,
  serverDrain,
  serverReady,
  serverMaint,
  serverWeight,
  demo,
  version,
];
