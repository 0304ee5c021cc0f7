import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Level } from "#base/log.ts";
import { int } from "#schema/index.ts";
import { ask } from "../client.ts";
import { type Context, command } from "../command.ts";
import { engineEntry } from "../engine-entry.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { defaulted } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

const port = (help: string, fallback: number) =>
  defaulted(int({ help, fallback, min: 1, max: 65_535 }), "PORT");

export const demo = command({
  name: "demo",
  group: "misc",
  summary: "a balancer in front of three small servers, to try things on",
  details: "Needs no configuration and no rights. Ctrl-C ends it and leaves nothing behind.",
  options: {
    port: port("where the balancer listens", 8080),
    "monitor-port": port("where the status page is", 8404),
    socket: socketOption,
  },
  async run(context, options) {
    const { runDaemon } = await import("#control/daemon.ts");
    const { systemTimers } = await import("#io/clock.ts");
    const { demoConfig } = await import("../demo/config.ts");
    const { DemoServers } = await import("../demo/servers.ts");
    const { demoWelcome } = await import("../demo/words.ts");
    const log = demoLog(context);
    const directory = mkdtempSync(join(tmpdir(), "weir-demo-"));
    const usual = adminSocketPath(options.socket, context.env);
    const adminSocket = (await isTaken(usual)) ? join(directory, "admin.sock") : usual;
    const configFile = join(directory, "weir.yaml");
    const servers = new DemoServers(systemTimers, (text) => log("info", text));
    try {
      const members = await servers.start();
      const ports = { web: options.port, monitor: options["monitor-port"], servers: members };
      writeFileSync(configFile, demoConfig(ports));
      const socket = adminSocket === usual ? undefined : adminSocket;
      const end = await runDaemon({
        engineEntry,
        configFiles: [configFile],
        adminSocket,
        pidFile: undefined,
        log,
        env: context.env,
        ready: () => context.write(demoWelcome({ ports, configFile, socket }, context.style)),
      });
      if (end.code === "NONE") return EXIT.OK;
      context.warn(`${context.warnStyle.red("weir:")} ${end.text}\n`);
      if (end.text.includes("EADDRINUSE")) {
        context.warn("Something listens there; try: weir demo --port 8081 --monitor-port 8405\n");
      }
      return exitCodeOf(end.code);
    } finally {
      await servers.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
});

function demoLog(context: Context): (level: Level, text: string) => void {
  const paint = { info: "dim", warning: "yellow", error: "red" } as const;
  return (level, text) => context.warn(`${context.warnStyle[paint[level]](text)}\n`);
}

/** Whether some weir answers there. */
async function isTaken(socket: string): Promise<boolean> {
  return ask(socket, "/livez", { timeoutMs: 1000 }).then(
    () => true,
    () => false,
  );
}
