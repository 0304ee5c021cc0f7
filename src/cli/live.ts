import { WeirError } from "#base/errors.ts";
import type { Context } from "./command.ts";

/** Where output goes no terminal, lines are as long as they are. */
export const UNBOUNDED = Object.freeze({ columns: 10_000, rows: 10_000 });

/** Whether somebody watches a screen and can press keys. */
export const isWatched = (): boolean => process.stdin.isTTY && process.stdout.isTTY;

/** Prints a frame every so often until the process is ended. */
export async function printFrames(
  context: Context,
  next: () => Promise<string>,
  { once, between, everyMs }: { once: boolean; between: string; everyMs: number },
): Promise<void> {
  const { systemTimers } = await import("#io/clock.ts");
  for (;;) {
    context.write(`${await next()}\n`);
    if (once) return;
    await new Promise<void>((resolve) => systemTimers.after(everyMs, resolve));
    context.write(between);
  }
}

/** Redraws the screen every so often and at every key, until `q`, Escape or Ctrl-C. */
export async function showScreen(
  frame: (size: { readonly columns: number; readonly rows: number }) => Promise<string[]>,
  everyMs: number,
  onKey: (key: string) => void = () => {},
): Promise<void> {
  const { systemTimers } = await import("#io/clock.ts");
  const { openScreen } = await import("./screen.ts");
  let wake = (): void => {};
  let done = false;
  const screen = openScreen(process.stdin, process.stdout, (key) => {
    if (["q", "Q", "\u001b", "\u0003"].includes(key)) done = true;
    onKey(key);
    wake();
  });
  try {
    while (!done) {
      const { columns, rows } = screen;
      screen.draw(await frame({ columns, rows }).catch(unreachable));
      if (done) break;
      await new Promise<void>((resolve) => {
        const cancel = systemTimers.after(everyMs, resolve);
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
