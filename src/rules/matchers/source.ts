// @hot
import { inNetwork, type Network } from "#base/ip.ts";
import { list, network } from "#schema/index.ts";
import { describeSource } from "../describe.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const summary = "Network of the client's address";

export const source = matcher({
  name: "source",
  summary,
  value: list(network({ help: "a network or an address" }), {
    help: summary,
    single: true,
    min: 1,
  }),
  example: ["10.0.0.0/8", "fd00::/8"],
  subject: describeSource,
  compile: createSource,
});

function createSource(networks: readonly Network[]): Matcher {
  return (view: RequestView): boolean => {
    for (let i = 0; i < networks.length; i++) {
      if (inNetwork(networks[i]!, view.peer, view.peerAt)) return true;
    }
    return false;
  };
}
