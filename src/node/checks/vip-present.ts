import { check, problem } from "../check.ts";
import { holdersOf } from "../overview.ts";

export const vipPresent = check({
  name: "vip-present",
  of: "node",
  summary: "every service's address is one of this machine's",
  look: (facts) =>
    facts
      .node!.vips.filter(({ address }) => holdersOf(facts, address).length === 0)
      .map(({ address, tunnel }) =>
        problem(
          `${address} is no address of this machine: what the director sends for it is dropped`,
          `weir node join ${tunnel ? "tun" : "dr"} --vip ${address}`,
        ),
      ),
});
