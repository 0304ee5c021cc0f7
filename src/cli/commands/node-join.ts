import { int, oneOf, text } from "#schema/index.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { mustBeRoot, placeOptions, statePath } from "../node-options.ts";
import { defaulted, flag, option, repeated } from "../option.ts";

export const nodeJoin = command({
  name: "node join",
  group: "node",
  summary: "prepares this machine to serve behind the director",
  details: [
    "dr: the addresses are put on lo, and ARP does not tell that they are here. tun: the same, and",
    "packets to them are taken out of the director's tunnels by a program in the kernel. fullnat: programs",
    "here see the client's address, which the director tells (passClient). What is in the kernel goes on",
    "when this command has ended. Calling it again adds to what is there. Nothing survives a reboot.",
  ].join("\n"),
  arguments: [
    {
      name: "METHOD",
      help: "dr, tun or fullnat, as the service's method, or this server's own",
      required: true,
    },
  ],
  options: {
    vip: repeated(text({ help: "dr, tun: address of a service" }), "ADDRESS"),
    device: repeated(
      text({
        help: "dr: what holds the addresses (default lo); tun: where tunnels come in (default: the default route's); fullnat: where packets come in (default: the way to --from)",
      }),
      "NAME",
    ),
    type: defaulted(
      oneOf(["ipip", "gue", "gre", "all"], { help: "tun: form of the tunnels", fallback: "all" }),
      "TYPE",
    ),
    port: repeated(
      int({
        help: "tun: UDP port of gue (default 6080); fullnat: port of the server (default: every one)",
        min: 1,
        max: 65_535,
      }),
      "PORT",
    ),
    from: repeated(
      text({
        help: "tun: network that tunnels may come from: the directors'; else from anywhere. fullnat: addresses of directors, which alone are believed",
      }),
      "NETWORK",
    ),
    cgroup: option(text({ help: "fullnat: whose processes are told; else all" }), "DIRECTORY"),
    mss: option(
      int({
        help: "tun: most bytes that a TCP segment to us may have; else what fits the interface",
        min: 500,
        max: 65_535,
      }),
      "BYTES",
    ),
    ...placeOptions,
    json: flag("as JSON"),
  },
  examples: [
    "weir node join dr --vip 10.0.0.1 --vip fd00::1",
    "weir node join tun --vip 10.0.0.1 --type gue --from 192.0.2.0/28",
    "weir node join fullnat --from 10.2.0.1 --port 8000",
  ],
  async run(context, options, [method]) {
    const { joinRequest } = await import("../node-request.ts");
    const request = joinRequest(method, options);
    mustBeRoot("node join");
    const { join } = await import("#node/join.ts");
    const { changes, state } = join(request, statePath(options.state, context), options.pins);
    if (options.json) context.write(`${JSON.stringify({ changes, state }, null, 2)}\n`);
    else {
      const said = changes.length > 0 ? changes : ["everything was so already"];
      context.write(said.map((line) => `${line}\n`).join(""));
      context.warn("undo: weir node leave · look: weir doctor\n");
    }
    return EXIT.OK;
  },
});
