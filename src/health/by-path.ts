import type { CheckContext, CheckPath } from "./check.ts";

/** What a check may do whose packets have a way of their own: all of them take it. */
export function byPath(path: CheckPath | undefined, context: CheckContext): CheckContext {
  if (!path || path === "address") return context;
  if ("problem" in path) return byNoWay(path.problem, context);
  const { mark } = path;
  return {
    ...context,
    dial: (address, options, done) => context.dial(address, { ...options, mark }, done),
    datagram: (address, options, done) => context.datagram(address, { ...options, mark }, done),
    ping: (host, options, done) => context.ping(host, { ...options, mark }, done),
  };
}

/** Nothing can be sent, which says nothing about the server. */
function byNoWay(text: string, context: CheckContext): CheckContext {
  const failure = { phase: "connect", timeout: false, local: true, text } as const;
  const later = (answer: () => void) => context.timers.after(0, answer);
  const failed = { failure, end: "failed", bytes: new Uint8Array() } as const;
  return {
    ...context,
    dial: (_address, _options, done) => later(() => done(failed)),
    datagram: (_address, _options, done) => later(() => done(failed)),
    ping: (_host, _options, done) => later(() => done({ failure })),
  };
}
