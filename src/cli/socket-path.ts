import { text } from "#schema/index.ts";
import { option } from "./option.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Directory for what lives as long as the daemon: sockets, process ids. */
function runtimeDirectory(env: Env, uid: number): string {
  return uid === 0 ? "/run/weir" : `${env["XDG_RUNTIME_DIR"] ?? "/tmp"}/weir-${uid}`;
}

/**
 * Where the admin socket is unless --socket says otherwise: WEIR_SOCKET, or a place of this user's.
 */
export function adminSocketPath(
  given: string | undefined,
  env: Env,
  uid: number = process.getuid!(),
): string {
  return given ?? env["WEIR_SOCKET"] ?? `${runtimeDirectory(env, uid)}/admin.sock`;
}

/** The option of every command that speaks to a running weir. */
export const socketOption = option(
  text({ help: "admin socket of the weir meant (or WEIR_SOCKET)", maxLength: 107 }),
  "PATH",
);
