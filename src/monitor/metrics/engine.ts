import type { ControlApi } from "#control/api.ts";
import { GLOBAL } from "#plan/board.ts";
import type { Exposition, Family } from "./exposition.ts";

/** The program as a whole. */
export function writeEngine(api: ControlApi, out: Exposition): void {
  const status = api.status();
  const { global } = api.board;
  const one = (family: Family, value: number, labels = {}): void => {
    out.family(family);
    out.sample(labels, value);
  };
  const state = (name: string) => (status.state === name ? 1 : 0);

  one({ name: "weir_build", type: "info", help: "Which build runs." }, 1, {
    version: status.version,
  });
  one(
    {
      name: "weir_start_time_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When the engine started.",
    },
    status.startedAt / 1000,
  );
  out.family({ name: "weir_engine_state", type: "gauge", help: "1 for the state it is in." });
  for (const name of ["starting", "running", "draining"]) out.sample({ state: name }, state(name));
  one(
    { name: "weir_engine_starts", type: "counter", help: "Engines started by this supervisor." },
    global[GLOBAL.ENGINE_STARTS]!,
  );
  one(
    { name: "weir_worker_starts", type: "counter", help: "Worker threads started." },
    global[GLOBAL.WORKER_STARTS]!,
  );
  one(
    {
      name: "weir_config_generation",
      type: "gauge",
      help: "Number of the configuration in force.",
    },
    status.generation,
  );
  one(
    {
      name: "weir_config_last_reload_successful",
      type: "gauge",
      help: "0: the last reload was refused and the configuration before it is in force.",
    },
    (status.lastReload?.ok ?? true) ? 1 : 0,
  );
  one(
    { name: "weir_config_reloads", type: "counter", help: "Configurations taken." },
    global[GLOBAL.RELOADS]!,
  );
  one(
    { name: "weir_config_reloads_refused", type: "counter", help: "Configurations refused." },
    global[GLOBAL.RELOADS_REFUSED]!,
  );
  out.family({
    name: "weir_log_errors",
    type: "counter",
    help: "Log lines that could not be written, by target.",
  });
  for (const [target, count] of Object.entries(status.logErrors)) out.sample({ target }, count);
}
