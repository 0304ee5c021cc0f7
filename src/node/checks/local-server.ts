import { isLoopback, parseIp } from "#base/ip.ts";
import { check, problem } from "../check.ts";

/** What came in from a network is not for them (RFC 1122 section 3.2.1.3). */
export const localServer = check({
  name: "local-server",
  of: "director",
  summary: "no server that packets get to by nat or fullnat is at a loopback address",
  look: ({ director }) =>
    director!.translated
      .filter((address) => isLoopback(parseIp(address)!))
      .map((address) =>
        problem(
          `the server ${address} is at a loopback address: with nat and fullnat it is sent nothing`,
          "let it listen at another address of this machine, and name that in the configuration",
        ),
      ),
});
