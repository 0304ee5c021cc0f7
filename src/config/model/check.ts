import { NO_CHECK } from "#health/check.ts";
import { checks } from "#health/checks/index.ts";
import {
  type ChosenBeside,
  choose,
  duration,
  group,
  type InferFields,
  int,
  ip,
  optional,
  percent,
  refine,
  text,
} from "#schema/index.ts";
import { whyNoUnicast } from "./service-address.ts";

const port = int({
  help: "Port to check instead of the server's own",
  min: 1,
  max: 65_535,
});

/** How often to ask, and how to judge the answers: the same for every kind of check. */
const paceFields = {
  interval: duration({ help: "Between two checks of a server", min: 10, fallback: 2_000 }),
  fastInterval: optional(
    duration({
      help: "Between two checks while a change is in the air; absent: `interval`",
      min: 10,
    }),
  ),
  downInterval: optional(
    duration({ help: "Between two checks of a server that is down; absent: `interval`", min: 10 }),
  ),
  timeout: optional(
    duration({ help: "For one whole check; absent: `interval`, but at most 10s", min: 1 }),
  ),
  rise: int({ help: "Good checks in a row that make a server up", min: 1, max: 1000, fallback: 2 }),
  fall: int({ help: "Bad checks in a row that make it down", min: 1, max: 1000, fallback: 3 }),
  jitter: percent({
    help: "Share of the interval by which a check comes earlier or later, so that they spread",
    max: 0.5,
    fallback: 0.1,
  }),
};

export const checkFields = {
  ...paceFields,
  port: optional(port),
  via: optional(
    text({
      help: "Service of method dr or tun: its servers are asked at its first address, the way its packets go. Else at their own",
    }),
  ),
  vip: optional(
    refine(
      ip({
        help: "With `via`: address that servers are asked at; absent: the service's first. One by mark has none",
      }),
      whyNoUnicast,
    ),
  ),
  observe: int({
    help: "Failed requests in a row that mark a server down without waiting for a check; 0 = off",
    max: 10_000,
    fallback: 0,
  }),
  eject: duration({
    help: "How long a server stays down that `observe` marked so",
    min: 100,
    fallback: 10_000,
  }),
};
export type Pace = InferFields<typeof paceFields>;
export type Check = ChosenBeside<typeof checkFields>;

const none = {
  name: NO_CHECK,
  summary: "servers are asked nothing: with `observe`, failed requests alone tell that one is down",
  options: {},
};

export const check = choose([...checks, none] as const, {
  help: "How servers are asked whether they are well; absent: not at all",
  key: "type",
  what: "check",
  beside: checkFields,
});

export const agentType = checks.find((type) => type.name === "agent")!;

export const agentFields = {
  port: optional({ ...port, help: "Port of the agent on every server that names none itself" }),
  ...paceFields,
  ...agentType.options,
};

export const agent = group(agentFields, {
  help: "Asks a small program on each server how it is: weight, state, limit. A bare value is its port",
  short: "port",
});
