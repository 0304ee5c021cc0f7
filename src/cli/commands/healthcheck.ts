import { ask } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const healthcheck = command({
  name: "healthcheck",
  group: "daemon",
  summary: "says whether a running weir is ready: for a container's health check",
  details: [
    "Asks /readyz over the admin socket. The exit code is 0 when new connections are welcome, 1 when",
    "not, as while it stops, and 6 when nobody answers within 5 s.",
  ].join("\n"),
  options: { socket: socketOption, json: flag("as JSON") },
  async run(context, options) {
    const { status, text } = await ask(adminSocketPath(options.socket, context.env), "/readyz");
    const ready = status === 200;
    const why = ready ? [] : text.trimEnd().split("\n");
    if (options.json) context.write(`${JSON.stringify({ ready, why })}\n`);
    else context.write(ready ? "ready\n" : `not ready: ${why.join("; ")}\n`);
    return ready ? EXIT.OK : EXIT.FAILED;
  },
});
