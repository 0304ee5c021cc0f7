import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

const TIMEOUT_MS = 60_000;

export const upgrade = command({
  name: "upgrade",
  group: "daemon",
  summary: "starts a new engine on the same sockets and drains the old one",
  details: [
    "Takes what a reload cannot: new code, and keywords that are fixed at start. When the new engine",
    "cannot serve, the old one stays and the exit code says why.",
  ].join("\n"),
  options: { socket: socketOption, json: flag("as JSON") },
  async run(context, options) {
    const socket = adminSocketPath(options.socket, context.env);
    const ask = { method: "POST", timeoutMs: TIMEOUT_MS } as const;
    const outcome = (await askJson(socket, "/api/v1/upgrade", ask)) as { message: string };
    context.write(options.json ? `${JSON.stringify(outcome)}\n` : `upgraded: ${outcome.message}\n`);
    return EXIT.OK;
  },
});
