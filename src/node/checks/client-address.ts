import { check, type Finding, problem, warning } from "../check.ts";

/** Connections without a client, after which it is no accident. */
const MANY = 10;
const AGAIN = "weir node join fullnat, as before";

export const clientAddress = check({
  name: "client-address",
  of: "node",
  summary: "directors say who clients are, and programs here are told",
  look: ({ node, interfaces }) => {
    if (!node!.told) return [];
    const { programs, tells, cgroup, counts } = node!.told;
    const found: Finding[] = [];
    for (const { device, hook } of programs) {
      if (!interfaces.some(({ name }) => name === device)) {
        const text = `the interface ${device} is gone, where directors' packets came in`;
        found.push(problem(text, "weir node leave, then weir node join fullnat again"));
      } else if (hook === undefined) {
        const text = `our program is not at ${device} any more: programs see the director's address`;
        found.push(problem(text, AGAIN));
      }
    }
    if (!tells) {
      const text = `nothing of ours is at the cgroup ${cgroup} any more: programs see the director's address`;
      found.push(problem(text, AGAIN));
    }
    if (counts && counts.begun >= MANY && counts.told === 0) {
      const text = `${counts.begun} connections came from directors, and none said who the client is`;
      found.push(warning(text, "passClient: true for the service on the director"));
    }
    return found;
  },
});
