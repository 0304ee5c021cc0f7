import type { Pinged } from "#io/ping.ts";
import { int, optional } from "#schema/index.ts";
import { type CheckResult, check } from "../check.ts";

function judge({ failure }: Pinged): CheckResult {
  if (!failure) return { ok: true, code: "L3OK", detail: "echo reply" };
  const { local, timeout, text } = failure;
  return { ok: false, code: local ? "SOCKERR" : timeout ? "L3TOUT" : "L3CON", detail: text };
}

export const icmp = check({
  name: "icmp",
  summary: "the machine answers an echo request (ping), whatever runs on it",
  options: {
    size: int({ help: "Bytes to be echoed", max: 65_000, fallback: 56 }),
    ttl: optional(
      int({ help: "Hops a request may take; absent: as the system has it", min: 1, max: 255 }),
    ),
  },
  start: ({ address }, { size, ttl }, context, report) => {
    if (address.kind !== "inet") {
      const result = { ok: false, code: "SOCKERR", detail: "a Unix socket has no host" } as const;
      return context.timers.after(0, () => report(result));
    }
    const options = { timeoutMs: context.timeoutMs, payloadBytes: size, ttl };
    return context.ping(address.host, options, (result) => report(judge(result)));
  },
});
