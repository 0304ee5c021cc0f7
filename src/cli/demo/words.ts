import type { Style } from "../style.ts";
import type { DemoPorts } from "./config.ts";

export interface DemoPlace {
  readonly ports: DemoPorts;
  readonly configFile: string;
  /** Set when commands need to be told where it is. */
  readonly socket: string | undefined;
}

/** What to try, once the demo serves. */
export function demoWelcome({ ports, configFile, socket }: DemoPlace, style: Style): string {
  const web = `http://127.0.0.1:${ports.web}`;
  const { bold, dim } = style;
  const servers = ports.servers.map(({ name, port }) => `${name} on ${port}`).join(", ");
  const first = ports.servers[0]!;
  const lines: (string | [command: string, what: string])[] = [
    "",
    `${bold("Weir is balancing.")} Three servers (${servers}) behind ${bold(web)}`,
    `Status page: ${bold(`http://127.0.0.1:${ports.monitor}`)}`,
    "",
    bold("Try, in another terminal"),
    [`curl ${web}`, "again and again: the servers take turns"],
    [`curl ${web}/slow`, "takes two seconds: stop a server meanwhile"],
    [`curl -X POST 127.0.0.1:${first.port}/stop`, `ends server ${first.name} for 15 s`],
    ["bin/weir status", "or bin/weir top, which is live"],
    ["bin/weir server drain demo/b", "nothing new for b; ready takes it back"],
    [`bin/weir explain -f ${configFile} /`, "where a request would go, and why"],
    ["bin/weir reload", `after a change to ${configFile}`],
    "",
    "Ctrl-C ends everything.",
    "",
  ];
  if (socket !== undefined) {
    lines.splice(5, 0, [`export WEIR_SOCKET=${socket}`, "the usual admin socket is taken"]);
  }
  const width = Math.max(...lines.map((line) => (typeof line === "string" ? 0 : line[0].length)));
  return lines
    .map((line) =>
      typeof line === "string" ? line : `  ${line[0].padEnd(width)}  ${dim(`# ${line[1]}`)}`,
    )
    .map((line) => `${line}\n`)
    .join("");
}
