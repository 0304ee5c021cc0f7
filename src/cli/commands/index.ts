import type { Command } from "../command.ts";
import { check } from "./check.ts";
import { demo } from "./demo.ts";
import { directorFlush } from "./director-flush.ts";
import { directorPrepare } from "./director-prepare.ts";
import { doctor } from "./doctor.ts";
import { explain } from "./explain.ts";
import { fmt } from "./fmt.ts";
import { healthcheck } from "./healthcheck.ts";
import { importRules } from "./import.ts";
import { l4Connections } from "./l4-connections.ts";
import { l4List } from "./l4-list.ts";
import { l4Maps } from "./l4-maps.ts";
import { l4Rates } from "./l4-rates.ts";
import { l4Save } from "./l4-save.ts";
import { l4Sync } from "./l4-sync.ts";
import { l4Trace } from "./l4-trace.ts";
import { nodeJoin } from "./node-join.ts";
import { nodeLeave } from "./node-leave.ts";
import { nodeStatus } from "./node-status.ts";
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
  importRules,
  schema,
  serverList,
  serverDrain,
  serverReady,
  serverMaint,
  serverWeight,
  l4List,
  l4Rates,
  l4Connections,
  l4Trace,
  l4Maps,
  l4Sync,
  l4Save,
  directorPrepare,
  directorFlush,
  nodeJoin,
  nodeLeave,
  nodeStatus,
  doctor,
  demo,
  version,
];
