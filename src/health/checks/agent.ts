import { latin1, textOf } from "#base/bytes.ts";
import { optional, text } from "#schema/index.ts";
import { type AgentReport, type CheckResult, check, dialFailure, quoteLine } from "../check.ts";

/**
 * Longest line an agent may send; HAProxy reads one buffer, of which real agents use a few words.
 */
const LINE_LIMIT = 1024;

const WORDS: Readonly<Record<string, AgentReport>> = {
  ready: { admin: "ready" },
  drain: { admin: "drain" },
  maint: { admin: "maint" },
  up: { health: "up" },
  down: { health: "down" },
  fail: { health: "down" },
  failed: { health: "down" },
  stopped: { health: "down" },
};

function readWord(word: string): AgentReport | undefined {
  const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (known) return known;
  const m = /^(?:(weight|maxconn):)?(\d{1,9})(%?)$/.exec(word);
  if (!m) return undefined;
  const value = Number(m[2]);
  if (m[1] === "maxconn") return m[3] === "" ? { maxConnections: value } : undefined;
  if (m[3] === "%") return { weight: { percent: value } };
  return m[1] === "weight" ? { weight: { absolute: value } } : undefined;
}

/**
 * Reads an agent's line, the protocol of HAProxy's agent-check: words parted by blanks or commas,
 * in any order, the last of its kind counting, `#` before a remark. `75%` and `weight:N%` are
 * percent of the configured weight, `weight:N` is a weight, `maxconn:N` a limit; `ready`, `drain`,
 * `maint` an administrative state; `up`, `down`, `fail`, `failed`, `stopped` health. A word nobody
 * knows is skipped, so that newer agents can be asked by older balancers; a line without any known
 * word says nothing, and is a fault.
 */
export function readAgentLine(bytes: Uint8Array): CheckResult {
  const line = textOf(bytes, 0, bytes.length).split(/[\r\n]/, 1)[0]!;
  const [words, ...remark] = line.split("#");
  const reports = words!
    .split(/[\s,]+/)
    .map((word) => readWord(word.toLowerCase()))
    .filter((report) => report !== undefined);
  const detail = quoteLine(line) || "closed without an answer";
  if (reports.length === 0) return { ok: false, code: "L7RSP", detail };
  const agent: AgentReport = Object.assign({}, ...reports);
  if (agent.health !== "down") return { ok: true, code: "L7OK", detail, agent };
  const why = quoteLine(remark.join("#"));
  return {
    ok: false,
    code: "L7STS",
    detail: why === "" ? detail : `${detail.split("#")[0]!.trim()}: ${why}`,
    agent,
  };
}

export const agent = check({
  name: "agent",
  summary: "a small program on the server says how it is: weight, limit, state, health",
  options: {
    send: optional(
      text({
        maxLength: 1024,
        help: "Sent to the agent when the connection stands; \\n in it is a new line",
      }),
    ),
  },
  start: (target, options, context, report) =>
    context.dial(
      target.address,
      {
        timeoutMs: context.timeoutMs,
        answerBytes: LINE_LIMIT,
        enough: (bytes) => bytes.includes(10),
        ...(options.send === undefined
          ? {}
          : { send: latin1(options.send.replaceAll("\\n", "\n").replaceAll("\\r", "\r")) }),
      },
      (result) => report(dialFailure(result) ?? readAgentLine(result.bytes)),
    ),
});
