import { WeirError } from "#base/errors.ts";
import { systemTimers } from "#io/clock.ts";
import { duration } from "#schema/index.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flush } from "../flush.ts";
import { flag, option } from "../option.ts";
import { isAlive } from "../process-alive.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";
import { fetchStatus } from "../status-client.ts";

const LOOK_MS = 50;

export const stop = command({
  name: "stop",
  group: "daemon",
  summary: "stops a running weir and waits until it has ended",
  details: [
    "After engine.shutdownDelay nothing new is accepted, and requests under way may end within",
    "engine.drain. With --quick there is no delay and they have 5 s, with --now none. A weir that stops",
    "already can be asked again to be faster. Layer 4 goes on in the kernel, unless --flush is given.",
  ].join("\n"),
  options: {
    quick: flag("give requests 5 s at most"),
    now: flag("cut requests off"),
    drain: option(
      duration({ help: "how long requests may go on, for engine.drain", max: 86_400_000 }),
      "DURATION",
    ),
    "no-wait": flag("return at once"),
    flush: flag("then take layer 4 out of the kernel, as `weir director flush` does"),
    socket: socketOption,
    json: flag("as JSON"),
  },
  examples: ["weir stop", "weir stop --drain 2m"],
  async run(context, options) {
    const { now, quick, drain } = options;
    if ([now, quick, drain !== undefined].filter(Boolean).length > 1) {
      throw new WeirError("USAGE", "--quick, --now or --drain, not several");
    }
    if (options.flush && options["no-wait"]) {
      throw new WeirError("USAGE", "--flush has to wait for the end, which --no-wait does not");
    }
    const socket = adminSocketPath(options.socket, context.env);
    const mode = now ? "now" : quick ? "quick" : "graceful";
    const body = drain === undefined ? { mode } : { mode, drain: `${drain}ms` };
    const { engine, director } = await fetchStatus(socket);
    await askJson(socket, "/api/v1/stop", { method: "POST", body });
    if (!options["no-wait"]) {
      while (isAlive(engine.supervisorPid)) {
        await new Promise<void>((resolve) => void systemTimers.after(LOOK_MS, resolve));
      }
    }
    const state = options["no-wait"] ? "stopping" : "stopped";
    const flushed = options.flush && director ? await flush(director.pins) : undefined;
    if (options.json) context.write(`${JSON.stringify({ state, mode, flushed })}\n`);
    else {
      context.write(options["no-wait"] ? `stopping (${mode})\n` : "stopped\n");
      if (flushed !== undefined) context.write(`${flushed}\n`);
    }
    return EXIT.OK;
  },
});
