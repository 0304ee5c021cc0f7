import { WeirError } from "#base/errors.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flush, pinsOption } from "../flush.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";
import { fetchStatus } from "../status-client.ts";

export const directorFlush = command({
  name: "director flush",
  group: "l4",
  summary: "takes what layer 4 left in the kernel out of it: programs, tables, connections",
  details: [
    "A weir that ends leaves its director in the kernel, and packets go on being directed. This ends it.",
    "While a weir with services answers on the admin socket it is refused, unless --force is given; that",
    "weir would have to be started again.",
  ].join("\n"),
  options: {
    pins: pinsOption,
    force: flag("also under a running weir"),
    socket: socketOption,
    json: flag("as JSON"),
  },
  examples: ["weir director flush"],
  async run(context, options) {
    const { pins, force } = options;
    if (!force && (await hasServices(adminSocketPath(options.socket, context.env)))) {
      const message = "a weir with services runs: stop it with `weir stop --flush`, or use --force";
      throw new WeirError("SAFETY_REFUSED", message);
    }
    const message = await flush(pins);
    context.write(options.json ? `${JSON.stringify({ message })}\n` : `${message}\n`);
    return EXIT.OK;
  },
});

async function hasServices(socket: string): Promise<boolean> {
  try {
    return (await fetchStatus(socket)).director !== null;
  } catch (error) {
    if (error instanceof WeirError && error.code === "DAEMON_UNREACHABLE") return false;
    throw error;
  }
}
