import type { HistoryDocument } from "#monitor/history.ts";
import { oneOf } from "#schema/index.ts";
import { askJson } from "../client.ts";
import { type Context, command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { isWatched, printFrames, showScreen, UNBOUNDED } from "../live.ts";
import { defaulted, flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";
import { fetchStatus } from "../status-client.ts";
import { SORT_NAMES, type Sort, topView } from "../top-view.ts";

const EVERY_MS = 1000;
const KEYS = "q quit   s sort by ";

/** One reading, drawn for a terminal of this size. */
async function frame(
  context: Context,
  socket: string,
  sort: Sort,
  size: { columns: number; rows: number; keys: string },
): Promise<string[]> {
  const [status, history] = await Promise.all([
    fetchStatus(socket),
    askJson(socket, "/api/v1/history") as Promise<HistoryDocument>,
  ]);
  return topView({ status, history, sort, style: context.style, ...size });
}

export const top = command({
  name: "top",
  group: "daemon",
  summary: "shows traffic and servers live in the terminal",
  details: "Keys: q quits, s sorts by something else. Into a pipe it prints a frame every second.",
  options: {
    once: flag("print one frame and end", "1"),
    json: flag("a frame as JSON, one line each: the status document of the admin API"),
    sort: defaulted(
      oneOf(SORT_NAMES, { help: "order of the servers", fallback: "configured" }),
      "COLUMN",
    ),
    socket: socketOption,
  },
  async run(context, options) {
    const socket = adminSocketPath(options.socket, context.env);
    // Nobody there at the start is an error; later on it is shown.
    await fetchStatus(socket);
    const { once, json } = options;
    if (json) {
      const line = async (): Promise<string> => JSON.stringify(await fetchStatus(socket));
      await printFrames(context, line, { once, between: "", everyMs: EVERY_MS });
    } else if (isWatched() && !once) {
      let { sort } = options;
      const draw = (size: { columns: number; rows: number }) =>
        frame(context, socket, sort, { ...size, keys: `${KEYS}${sort}` });
      await showScreen(draw, EVERY_MS, (key) => {
        if (key !== "s") return;
        sort = SORT_NAMES[(SORT_NAMES.indexOf(sort) + 1) % SORT_NAMES.length]!;
      });
    } else {
      const size = { ...UNBOUNDED, keys: "" };
      const text = async (): Promise<string> =>
        (await frame(context, socket, options.sort, size)).join("\n");
      await printFrames(context, text, { once, between: "\n", everyMs: EVERY_MS });
    }
    return EXIT.OK;
  },
});
