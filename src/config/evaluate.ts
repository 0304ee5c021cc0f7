import { realpathSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { placeOfError } from "./script-error.ts";

/**
 * Runs one `weir.config.ts` in a thread of its own and posts its default export: `{ value }`, or
 * `{ error, place }`: one line of text, and where in a script, if Node says so. `weir/config` is
 * found wherever the file lies.
 */
const file = workerData as string;
const define = new URL("./define.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "weir/config"
      ? { url: define, format: "module-typescript", shortCircuit: true }
      : next(specifier, context),
});

try {
  const url = pathToFileURL(file).href;
  const { default: exported } = (await import(url)) as { default?: unknown };
  const value: unknown = typeof exported === "function" ? await exported() : exported;
  if (value === undefined) throw new Error("it has no default export");
  parentPort!.postMessage({ value });
} catch (error) {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  const place = placeOfError(stack, [define, import.meta.url]);
  // Node names a file by its real path, users by the one they gave.
  const named = place?.path === realpathSync(file) ? { ...place, path: file } : place;
  parentPort!.postMessage({ error: message.split("\n", 1)[0], place: named });
}
