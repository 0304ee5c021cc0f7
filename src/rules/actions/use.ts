// @hot
import { text } from "#schema/index.ts";
import { type Action, action, type CompileContext } from "../types.ts";

const summary = "Backend that serves the request";

export const use = action({
  name: "use",
  summary,
  value: text({ help: summary, maxLength: 64, expected: "the name of a backend" }),
  example: "api",
  final: true,
  backends: (value) => [value],
  compile: createUse,
});

function createUse(name: string, context: CompileContext): Action {
  const backend = context.backend(name);
  return (_view, verdict) => {
    verdict.backend = backend;
    return true;
  };
}
