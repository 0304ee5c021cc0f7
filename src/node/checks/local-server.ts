import { check, problem } from "../check.ts";

/** Answers of this machine's own sockets come in nowhere, so nobody would translate them. */
export const localServer = check({
  name: "local-server",
  of: "director",
  summary: "no server that packets get to by nat or fullnat is on this machine",
  look: ({ director, way }) =>
    director!.translated
      .filter((address) => way(address)?.local)
      .map((address) =>
        problem(
          `the server ${address} is on this machine: with nat and fullnat it is sent nothing`,
          "put it on another machine, or give it `method: local`, and have it listen at the service's address",
        ),
      ),
});
