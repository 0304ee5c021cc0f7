import { WeirError } from "#base/errors.ts";
import { systemTimers } from "#io/clock.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { isAlive } from "../process-alive.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

const LOOK_MS = 50;

export const stop = command({
  name: "stop",
  group: "daemon",
  summary: "stops a running weir and waits until it has ended",
  details: [
    "After engine.shutdownDelay nothing new is accepted, and requests under way may end within",
    "engine.drain. With --quick there is no delay and they have 5 s, with --now none.",
  ].join("\n"),
  options: {
    quick: flag("give requests 5 s at most"),
    now: flag("cut requests off"),
    "no-wait": flag("return at once"),
    socket: socketOption,
    json: flag("as JSON"),
  },
  async run(context, options) {
    if (options.now && options.quick) throw new WeirError("USAGE", "--quick or --now, not both");
    const socket = adminSocketPath(options.socket, context.env);
    const mode = options.now ? "now" : options.quick ? "quick" : "graceful";
    const { engine } = (await askJson(socket, "/api/v1/status")) as {
      engine: { supervisorPid: number };
    };
    await askJson(socket, "/api/v1/stop", { method: "POST", body: { mode } });
    if (!options["no-wait"]) {
      while (isAlive(engine.supervisorPid)) {
        await new Promise<void>((resolve) => void systemTimers.after(LOOK_MS, resolve));
      }
    }
    const state = options["no-wait"] ? "stopping" : "stopped";
    if (options.json) context.write(`${JSON.stringify({ state, mode })}\n`);
    else context.write(options["no-wait"] ? `stopping (${mode})\n` : "stopped\n");
    return EXIT.OK;
  },
});
