import { check, problem } from "../check.ts";

export const decapsulation = check({
  name: "decapsulation",
  of: "node",
  summary: "the programs that take packets out of tunnels run",
  look: ({ node, interfaces }) =>
    node!.programs.flatMap(({ device, direction, hook }) => {
      if (!interfaces.some(({ name }) => name === device)) {
        return problem(
          `the interface ${device} is gone, where tunnels came in`,
          "weir node leave, then weir node join tun with the interfaces there are",
        );
      }
      if (hook !== undefined) return [];
      const what = direction === "ingress" ? "packets stay in their tunnels" : "MSS is not lowered";
      return problem(
        `our program is not at ${device} any more: ${what}`,
        "weir node join tun, as before",
      );
    }),
});
