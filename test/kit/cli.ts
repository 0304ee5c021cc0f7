import { commands } from "#cli/commands/index.ts";
import { runCommandLine } from "#cli/main.ts";
import { createStyle } from "#cli/style.ts";

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a weir command in this process, against the admin socket at that path. */
export async function runCli(socket: string, ...words: readonly string[]): Promise<Said> {
  let out = "";
  let err = "";
  const style = createStyle(false);
  const code = await runCommandLine(words, commands, {
    write: (text) => {
      out += text;
    },
    warn: (text) => {
      err += text;
    },
    env: { WEIR_SOCKET: socket },
    cwd: "/",
    style,
    warnStyle: style,
  });
  return { code, out, err };
}
