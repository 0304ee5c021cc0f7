import { check, problem } from "../check.ts";
import { clientsOf } from "../clients.ts";
import { isV4 } from "../forms.ts";

export const returnRoute = check({
  name: "return-route",
  of: "node",
  summary: "answers find clients without the director",
  look: (facts) =>
    clientsOf(facts).flatMap((client) => {
      if (facts.way(client)) return [];
      const named = facts.node!.clients.includes(client);
      const family = isV4(client) ? "" : "-6 ";
      return problem(
        named
          ? `there is no route to the client ${client}: answers go nowhere`
          : `there is no default route of IPv${isV4(client) ? 4 : 6}: answers to clients go nowhere`,
        `ip ${family}route add ${named ? client : "default"} via ROUTER (or name clients: --client)`,
      );
    }),
});
