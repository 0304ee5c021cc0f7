import { CODE_NAMES, CODES, type CodeName } from "#base/errors.ts";
import { exitCodeOf } from "#cli/exit-codes.ts";
import { sentence } from "#config/docs-tables.ts";
import { GENERATED, table } from "./table.ts";

const INTRODUCTION = `# Codes

${GENERATED}

Every way a request or a command can end has one code. They come from one table in the code
(\`src/base/errors.ts\`), from which the answers, the logs, the exit codes and this page derive.

## How an exchange ends

An exchange is a request and its answer. *Fault* is who caused the end. *Status* is what the client is
sent when nothing of an answer has been sent yet; without one the connection is closed. *Log* are the
two letters in which HAProxy's users look for the cause: \`httplog\` and \`json\` lines carry them in
their termination field, \`json\` also the code itself. *May be repeated* are requests that no server
has seen, or those that do no harm twice: the first are what \`retries\` sends again for \`connect\`, the
others for the rest of \`retryOn\`.
`;

/** Fact.retry in words. */
const REPEATED = { unsent: "any request", idempotent: "idempotent ones", never: "" } as const;

/** The letters' meanings, for a code's flags. */
const LETTERS = `The first letter says who ended it: \`C\` the client, \`S\` the server, \`c\` and \`s\` the client's or
the server's silence, \`P\` Weir because of what the protocol or a rule says, \`L\` Weir by itself, \`R\` a
resource that ran out, \`D\` because the server went down, \`K\` an operator, \`I\` a defect of ours. The
second says when: \`R\` while the request was read, \`Q\` in the queue, \`C\` while connecting, \`H\` before
the answer's head was whole, \`D\` in the body. \`--\` is an ordinary end.
`;

const isOfCommand = (name: CodeName): boolean =>
  CODES[name].side === "operator" && CODES[name].flags === "--";

/** The page docs/errors.md. */
export function errorsDocs(): string {
  const exchanges = CODE_NAMES.filter((name) => !isOfCommand(name)).map((name) => {
    const { side, status, flags, retry, summary } = CODES[name];
    const fault = name === "NONE" ? "nobody" : side;
    return [
      `\`${name}\``,
      fault,
      status ? `${status}` : "",
      `\`${flags}\``,
      REPEATED[retry],
      sentence(summary),
    ];
  });
  const commands = CODE_NAMES.filter(isOfCommand).map((name) => [
    `\`${name}\``,
    `${exitCodeOf(name)}`,
    sentence(CODES[name].summary),
  ]);
  return [
    INTRODUCTION,
    table(["code", "fault", "status", "log", "may be repeated", "meaning"], exchanges),
    "",
    LETTERS,
    "## How a command ends\n",
    "The admin API names these codes in its refusals; [the commands](cli.md#exit-codes) exit with:\n",
    table(["code", "exit code", "meaning"], commands),
    "",
  ].join("\n");
}
