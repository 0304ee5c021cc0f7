// @hot
import { common, type Field, int } from "#schema/index.ts";
import { type Action, action } from "../types.ts";

const summary = "Answers at once with this status, 400 to 599; true is 403";

const status = int({ help: summary, min: 400, max: 599 });

const value: Field<number, number | true> = {
  ...status,
  ...common({ help: summary }),
  expected: `${status.expected}, or true for 403`,
  read: (tree, path, report) =>
    tree.kind === "scalar" && tree.value === true ? 403 : status.read(tree, path, report),
  jsonSchema: () => ({ anyOf: [status.jsonSchema(), { const: true }] }),
} as Field<number, number | true>;

export const deny = action({
  name: "deny",
  summary,
  value,
  example: 403,
  final: true,
  compile: createDeny,
});

function createDeny(code: number): Action {
  return (_view, verdict) => {
    verdict.status = code;
    return true;
  };
}
