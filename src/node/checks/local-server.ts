import { check, problem } from "../check.ts";

/** Answers of this machine's own sockets come in nowhere, so nobody would translate them. */
export const localServer = check({
  name: "local-server",
  of: "director",
  summary: "no server of a service with nat or fullnat is on this machine",
  look: ({ director, way }) =>
    director!.translated
      .filter((address) => way(address)?.local)
      .map((address) =>
        problem(
          `the server ${address} is on this machine: services with nat and fullnat send it nothing`,
          "put it on another machine; with dr and tun it may be here, listening at the service's address",
        ),
      ),
});
