import type { TraceLine } from "#monitor/document.ts";
import { TRACED_PACKETS, TRACED_SECONDS } from "#monitor/limits.ts";
import { int, text } from "#schema/index.ts";
import { askLines } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { defaulted, flag, option } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4Trace = command({
  name: "l4 trace",
  group: "l4",
  summary: "shows live what layer 4 does with packets, one line each",
  details: [
    "It ends after --count packets or --seconds, whichever comes first, and with Ctrl-C. Packets that",
    "nobody asked for cost next to nothing meanwhile; of those that are shown there are at most 5,000 a",
    "second. Only one trace can run at a time.",
  ].join("\n"),
  options: {
    client: option(text({ help: "only packets of this client, and answers to it" }), "ADDRESS"),
    service: option(
      text({ help: "only of this service: its name, or an address and port that it takes" }),
      "SERVICE",
    ),
    count: defaulted(int({ help: "packets", min: 1, ...TRACED_PACKETS }), "N"),
    seconds: defaulted(int({ help: "how long", min: 1, ...TRACED_SECONDS }), "S"),
    socket: socketOption,
    json: flag("as JSON, a packet a line: what the admin API answers"),
  },
  examples: ["weir l4 trace --client 192.0.2.7", "weir l4 trace --service 10.0.0.1:80 --count 20"],
  async run(context, options) {
    const { traceLine } = await import("../l4/trace-view.ts");
    const { client, service, count, seconds, json } = options;
    const query = new URLSearchParams({
      ...{ count: String(count), seconds: String(seconds) },
      ...(service === undefined ? {} : { service }),
      ...(client === undefined ? {} : { client }),
    });
    const socket = adminSocketPath(options.socket, context.env);
    for await (const value of askLines(socket, `/api/v1/director/trace?${query}`)) {
      const line = value as TraceLine;
      if (json) context.write(`${JSON.stringify(line)}\n`);
      else if ("packet" in line) context.write(`${traceLine(line.packet, context.style)}\n`);
      else {
        const { why, leftOut } = line.end;
        const more = leftOut > 0 ? `; ${leftOut} packets were too many to be shown` : "";
        context.warn(context.warnStyle.dim(`(${why}${more})\n`));
      }
    }
    return EXIT.OK;
  },
});
