import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { isWatched, printFrames, showScreen } from "../live.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

/** As often as the rates change. */
const EVERY_MS = 2000;

export const l4Rates = command({
  name: "l4 rates",
  group: "l4",
  summary: "shows live what services of layer 4 and their servers do a second",
  details: [
    "Rates are means over some 8 s, as IPVS makes them. Keys: q quits. Into a pipe it prints a frame",
    "every 2 s.",
  ].join("\n"),
  options: {
    once: flag("print one frame and end", "1"),
    socket: socketOption,
    json: flag("a frame as JSON, one line each: what GET /api/v1/director answers"),
  },
  async run(context, options) {
    const { fetchDirector } = await import("../l4/fetch.ts");
    const { ratesView } = await import("../l4/rates-view.ts");
    const socket = adminSocketPath(options.socket, context.env);
    // Nobody there at the start is an error, and a problem is said once.
    await fetchDirector(context, socket);
    const quiet = { ...context, warn: () => {} };
    const lines = async (): Promise<string[]> =>
      ratesView(await fetchDirector(quiet, socket), context.style);
    const { once, json } = options;
    if (isWatched() && !once && !json) {
      await showScreen(async ({ rows }) => (await lines()).slice(0, rows), EVERY_MS);
      return EXIT.OK;
    }
    const frame = async (): Promise<string> =>
      json ? JSON.stringify(await fetchDirector(quiet, socket)) : (await lines()).join("\n");
    await printFrames(context, frame, { once, between: json ? "" : "\n", everyMs: EVERY_MS });
    return EXIT.OK;
  },
});
