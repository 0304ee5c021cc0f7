import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

/**
 * Runs one `weir.config.ts` in a thread of its own and posts its default export: `{ value }`, or
 * `{ error }` with one line of text. `weir/config` is found wherever the file lies.
 */
const define = new URL("./define.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "weir/config"
      ? { url: define, format: "module-typescript", shortCircuit: true }
      : next(specifier, context),
});

try {
  const url = pathToFileURL(workerData as string).href;
  const { default: exported } = (await import(url)) as { default?: unknown };
  const value: unknown = typeof exported === "function" ? await exported() : exported;
  if (value === undefined) throw new Error("it has no default export");
  parentPort!.postMessage({ value });
} catch (error) {
  const said = error instanceof Error ? error.message : String(error);
  parentPort!.postMessage({ error: said.split("\n", 1)[0] });
}
