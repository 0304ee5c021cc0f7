import { existsSync, unlinkSync } from "node:fs";
import { Loop } from "#proxy/loop.ts";

/**
 * The proxy's worker with a way to die: when the file that WEIR_TEST_CRASH names is there, one
 * worker removes it and throws in the middle of its loop, or with the text `hang` in its name never
 * comes back.
 */
const path = process.env["WEIR_TEST_CRASH"]!;
const hangs = path.endsWith("hang");
const { turn } = Loop.prototype;

Loop.prototype.turn = function (messages, mostMs) {
  turn.call(this, messages, mostMs);
  if (!existsSync(path)) return;
  try {
    unlinkSync(path);
  } catch {
    // Another worker was faster.
    return;
  }
  while (hangs);
  throw new Error("told to die by a test");
};

await import("#proxy/worker.ts");
