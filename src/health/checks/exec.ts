import type { Address } from "#base/address.ts";
import type { ProgramResult } from "#io/program.ts";
import { list, text } from "#schema/index.ts";
import { type CheckResult, check, quoteLine } from "../check.ts";

const OUTPUT_LIMIT = 4096;

/** What a program needs to find others, and nothing of our own environment. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function judge(result: ProgramResult): CheckResult {
  const said = quoteLine(result.output);
  const and = said === "" ? "" : `: ${said}`;
  if (result.status === 0) return { ok: true, code: "PROCOK", detail: said || "exit status 0" };
  if (result.status !== undefined) {
    return { ok: false, code: "PROCERR", detail: `exit status ${result.status}${and}` };
  }
  const code = result.local ? "SOCKERR" : result.timeout ? "PROCTOUT" : "PROCERR";
  return { ok: false, code, detail: `${result.failure ?? "it did not run"}${and}` };
}

const host = (address: Address): string =>
  address.kind === "inet" ? address.host : address.kind === "unix" ? address.path : "";

export const exec = check({
  name: "exec",
  summary: "a program of yours exits with status 0",
  options: {
    program: text({
      required: true,
      pattern: /^\/[^\0]+$/,
      expected: "an absolute path",
      help: "Program to run. No shell is involved. It finds WEIR_SERVER_ADDRESS, WEIR_SERVER_PORT, WEIR_SERVER_NAME and WEIR_BACKEND_NAME in its environment",
    }),
    args: list(text({ pattern: /^[^\0]*$/, help: "An argument, passed as it is" }), {
      fallback: [],
      help: "Its arguments",
    }),
  },
  start: (target, options, context, report) =>
    context.run(
      options.program,
      {
        args: options.args,
        env: {
          PATH,
          WEIR_SERVER_ADDRESS: host(target.address),
          WEIR_SERVER_PORT: target.address.kind === "inet" ? String(target.address.port) : "",
          WEIR_SERVER_NAME: target.server,
          WEIR_BACKEND_NAME: target.backend,
        },
        timeoutMs: context.timeoutMs,
        outputBytes: OUTPUT_LIMIT,
      },
      (result) => report(judge(result)),
    ),
});
