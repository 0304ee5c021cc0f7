import { check, problem } from "../check.ts";
import { answerers, holdersOf } from "../overview.ts";

export const vipQuiet = check({
  name: "vip-quiet",
  of: "node",
  summary: "no interface that is asked for its addresses holds a service's",
  look: (facts) =>
    facts.node!.vips.flatMap(({ address }) =>
      holdersOf(facts, address)
        .filter((name) => answerers(facts).includes(name))
        .map((name) =>
          problem(
            `${address} is an address of ${name}, which answers for it: clients come here past the director`,
            `ip addr del ${address} dev ${name} (with its prefix), then weir node join`,
          ),
        ),
    ),
});
