import { formatEndpoint } from "#base/address.ts";
import { check, problem } from "../check.ts";

export const listener = check({
  name: "listener",
  of: "node",
  summary: "something listens at the services' ports (--port)",
  look: ({ node }) =>
    node!.vips.flatMap(({ address }) =>
      node!.ports
        .filter((port) => !node!.listens(address, port))
        .map((port) => {
          const place = formatEndpoint(address, port);
          return problem(
            `nothing listens at ${place}: clients are refused`,
            `start the server, with ${place} or every address among those it listens at`,
          );
        }),
    ),
});
