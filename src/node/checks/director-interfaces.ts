import { check, problem } from "../check.ts";

export const directorInterfaces = check({
  name: "director-interfaces",
  of: "director",
  summary: "every interface of the director is there, up, Ethernet's, and has the program",
  look: ({ director, interfaces }) =>
    director!.interfaces.flatMap(({ device, attached }) => {
      const found = interfaces.find(({ name }) => name === device);
      if (!found) {
        return problem(
          `there is no interface ${device}: no packet comes in there`,
          "name it in director.interfaces as ip link shows it",
        );
      }
      if (!found.isEthernet) {
        return problem(
          `${device} has no Ethernet frames, which the director needs`,
          "take it out of director.interfaces",
        );
      }
      if (attached === undefined || (attached !== "filter" && attached !== found.index)) {
        return problem(
          `the director's program is not at ${device}: its packets are not directed`,
          "weir reload, or start weir run",
        );
      }
      return found.isUp ? [] : problem(`${device} is down`, `ip link set ${device} up`);
    }),
});
