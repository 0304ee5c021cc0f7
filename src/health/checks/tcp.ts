import { check, dialFailure } from "../check.ts";

export const tcp = check({
  name: "tcp",
  summary: "the server accepts a connection",
  options: {},
  start: (target, _options, context, report) =>
    context.dial(target.address, { timeoutMs: context.timeoutMs, answerBytes: 0 }, (result) =>
      report(dialFailure(result) ?? { ok: true, code: "L4OK", detail: "connection accepted" }),
    ),
});
