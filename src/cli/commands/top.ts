import { WeirError } from "#base/errors.ts";
import type { HistoryDocument } from "#monitor/history.ts";
import { oneOf } from "#schema/index.ts";
import { askJson } from "../client.ts";
import { type Context, command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { defaulted, flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";
import { fetchStatus } from "../status-client.ts";
import { SORT_NAMES, type Sort, topView } from "../top-view.ts";

const EVERY_MS = 1000;
/** Where output goes no terminal, lines are as long as they are. */
const UNBOUNDED = 10_000;
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

/** Prints a frame every second until the process is ended. */
async function printFrames(
  context: Context,
  next: () => Promise<string>,
  { once, between }: { once: boolean; between: string },
): Promise<void> {
  const { systemTimers } = await import("#io/clock.ts");
  for (;;) {
    context.write(`${await next()}\n`);
    if (once) return;
    await new Promise<void>((resolve) => systemTimers.after(EVERY_MS, resolve));
    context.write(between);
  }
}

/** Redraws the screen every second and at every key, until `q`, Escape or Ctrl-C. */
async function showScreen(context: Context, socket: string, first: Sort): Promise<void> {
  const { systemTimers } = await import("#io/clock.ts");
  const { openScreen } = await import("../screen.ts");
  let sort = first;
  let wake = (): void => {};
  let done = false;
  const screen = openScreen(process.stdin, process.stdout, (key) => {
    if (["q", "Q", "\u001b", "\u0003"].includes(key)) done = true;
    if (key === "s") sort = SORT_NAMES[(SORT_NAMES.indexOf(sort) + 1) % SORT_NAMES.length]!;
    wake();
  });
  try {
    while (!done) {
      const keys = `${KEYS}${sort}`;
      const { columns, rows } = screen;
      const lines = await frame(context, socket, sort, { columns, rows, keys }).catch(unreachable);
      screen.draw(lines);
      if (done) break;
      await new Promise<void>((resolve) => {
        const cancel = systemTimers.after(EVERY_MS, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    screen.close();
  }
}

/** While an engine is replaced nobody answers for a moment: that is shown, not the end. */
function unreachable(error: unknown): string[] {
  if (error instanceof WeirError && error.code === "DAEMON_UNREACHABLE") return [error.message];
  throw error;
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
    const { once, sort, json } = options;
    if (json) {
      const line = async (): Promise<string> => JSON.stringify(await fetchStatus(socket));
      await printFrames(context, line, { once, between: "" });
    } else if (process.stdin.isTTY && process.stdout.isTTY && !once) {
      await showScreen(context, socket, sort);
    } else {
      const size = { columns: UNBOUNDED, rows: UNBOUNDED, keys: "" };
      const text = async (): Promise<string> =>
        (await frame(context, socket, sort, size)).join("\n");
      await printFrames(context, text, { once, between: "\n" });
    }
    return EXIT.OK;
  },
});
