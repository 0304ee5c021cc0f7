import type { Cancel } from "#base/clock.ts";
import type { Provider } from "../provider.ts";

/** Bounds of the wait: a TTL of 0 must not make us ask all the time, nor one of a day sleep on. */
const WAIT_MIN_MS = 1000;
const WAIT_MAX_MS = 3_600_000;
/** After the first failure; doubled with each further one, up to the usual wait or a minute. */
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Share by which waits are moved at random, so that names with one TTL part ways. */
const JITTER = 0.1;

/**
 * The wait after a good answer. Where nobody gives a TTL (hosts file, C library) the interval
 * counts.
 */
function waitMs(ttlMs: number | undefined, intervalMs: number): number {
  return Math.min(intervalMs, WAIT_MAX_MS, Math.max(WAIT_MIN_MS, ttlMs ?? intervalMs));
}

function retryMs(failures: number, intervalMs: number): number {
  const most = Math.max(RETRY_MS, Math.min(RETRY_MAX_MS, intervalMs));
  return Math.min(most, RETRY_MS * 2 ** Math.min(failures, 10));
}

export const dns: Provider = {
  name: "dns",
  summary: "A and AAAA records, asked again when their TTL ends",
  watch(target, { timers, random, resolver }, sink): Cancel {
    let failures = 0;
    let cancel: Cancel;
    const askAfter = (delayMs: number): void => {
      const spread = 1 + JITTER * (random.next() / 0x8000_0000 - 1);
      cancel = timers.after(delayMs * spread, ask);
    };
    const ask = (): void => {
      cancel = resolver.resolve(target.host, (answer) => {
        if (typeof answer === "string") {
          askAfter(retryMs(failures++, target.intervalMs));
          sink.failed(answer);
          return;
        }
        failures = 0;
        askAfter(waitMs(answer.ttlMs, target.intervalMs));
        sink.addresses(answer.addresses);
      });
    };
    ask();
    return () => cancel();
  },
};
