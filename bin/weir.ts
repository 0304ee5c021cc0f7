import { commands } from "#cli/commands/index.ts";
import { runCommandLine } from "#cli/main.ts";
import { createStyle, wantsColor } from "#cli/style.ts";

// A reader that leaves (`weir status | head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2), commands, {
  write: (text) => void process.stdout.write(text),
  warn: (text) => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
  style: createStyle(wantsColor(process.stdout, process.env)),
  warnStyle: createStyle(wantsColor(process.stderr, process.env)),
});
