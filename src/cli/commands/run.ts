import { dirname, resolve } from "node:path";
import { text } from "#schema/index.ts";
import { command } from "../command.ts";
import { fileOption } from "../config-files.ts";
import { engineEntry } from "../engine-entry.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { option } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const run = command({
  name: "run",
  group: "daemon",
  summary: "serves what a configuration says, until it is stopped",
  details: [
    "Runs in the foreground. HUP and USR2 reload; TERM, QUIT and USR1 stop when requests under way have",
    "ended, at most engine.shutdownDelay and engine.drain later; INT waits 5 s for them. A second TERM or",
    "INT stops at once.",
  ].join("\n"),
  options: {
    file: fileOption,
    socket: socketOption,
    "pid-file": option(text({ help: "where to write the process id" }), "PATH"),
  },
  examples: ["weir run -f weir.yaml", "weir run -f /etc/weir/weir.yaml -f /etc/weir/conf.d"],
  async run(context, options) {
    const { runDaemon } = await import("#control/daemon.ts");
    const { stderrLog } = await import("#control/stderr-log.ts");
    const log = stderrLog(context.env);
    const adminSocket = resolve(context.cwd, adminSocketPath(options.socket, context.env));
    const end = await runDaemon({
      engineEntry,
      configFiles: options.file,
      adminSocket,
      pidFile: options["pid-file"] ?? `${dirname(adminSocket)}/weir.pid`,
      log,
      env: context.env,
      ready: () => log("info", `serving; commands reach it at ${adminSocket}`),
    });
    if (end.code !== "NONE") {
      context.warn(`${context.warnStyle.red("weir:")} ${end.text}\n`);
      return exitCodeOf(end.code);
    }
    log("info", end.text);
    if (end.signal === undefined) return EXIT.OK;
    return end.signal === "SIGINT" ? EXIT.INTERRUPTED : EXIT.TERMINATED;
  },
});
