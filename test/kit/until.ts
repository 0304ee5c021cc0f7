import { setTimeout as sleep } from "node:timers/promises";
import { PATIENCE } from "./patience.ts";

const LOOK_MS = 20;
/** Only a failing test ever waits so long. */
const GIVE_UP_MS = 30_000 * PATIENCE;

/** Resolves when `met` is true, which it is asked again and again; rejects in the end. */
export async function until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < GIVE_UP_MS; waited += LOOK_MS) {
    if (await met()) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`not in time: ${what}`);
}
