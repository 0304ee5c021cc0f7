import type { Cancel } from "#base/clock.ts";
import type { Provider } from "./provider.ts";

/** Bounds for an answer's TTL: one of 0 must not make us ask all the time, nor one of a day sleep on. */
const TTL_MIN_MS = 1000;
const TTL_MAX_MS = 3_600_000;
/** Where nobody gives a TTL: the hosts file, the C library. */
const TTL_UNKNOWN_MS = 30_000;
/** After a failure: doubled from the first to the last. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** Share by which waits are moved at random, so that names with one TTL part ways. */
const JITTER = 0.1;

const clamp = (value: number, min: number, max: number): number =>
  Math.min(max, Math.max(min, value));

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
          askAfter(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures++, 10)));
          sink.failed(answer);
          return;
        }
        failures = 0;
        const ttlMs = clamp(answer.ttlMs ?? TTL_UNKNOWN_MS, TTL_MIN_MS, TTL_MAX_MS);
        askAfter(target.intervalMs > 0 ? target.intervalMs : ttlMs);
        sink.addresses(answer.addresses);
      });
    };
    ask();
    return () => cancel();
  },
};
