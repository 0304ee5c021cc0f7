import { WeirError } from "#base/errors.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

/** As the admin API answers; see ReloadResult of control/api.ts. */
interface Result {
  readonly message: string;
  readonly generation: number;
  readonly durationMs: number;
  readonly text: string;
}

/** Names to resolve and workers to wait for come on top of reading the files. */
const TIMEOUT_MS = 60_000;

export const reload = command({
  name: "reload",
  group: "daemon",
  summary: "puts the configuration files in force as they are now",
  details: [
    "Connections of what did not change notice nothing. A configuration with a fault is refused whole:",
    "the one in force stays, the faults are shown, and the exit code is 3.",
  ].join("\n"),
  options: { socket: socketOption, json: flag("as JSON") },
  async run(context, options) {
    const socket = adminSocketPath(options.socket, context.env);
    const ask = { method: "POST", timeoutMs: TIMEOUT_MS } as const;
    try {
      const result = (await askJson(socket, "/api/v1/reload", ask)) as Result;
      if (options.json) context.write(`${JSON.stringify(result)}\n`);
      else {
        context.warn(result.text);
        const { message, generation, durationMs } = result;
        context.write(`reloaded: ${message} (generation ${generation}, ${durationMs} ms)\n`);
      }
      return EXIT.OK;
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== "CONFIG_INVALID") throw error;
      if (options.json) context.write(`${JSON.stringify(error.details)}\n`);
      else {
        context.warn(`${error.details["text"] ?? ""}`);
        context.warn(`${context.warnStyle.red("weir:")} ${error.message}\n`);
      }
      return exitCodeOf(error.code);
    }
  },
});
