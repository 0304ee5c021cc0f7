import type { ServerDocument } from "#monitor/document.ts";
import { askJson } from "./client.ts";
import type { Context } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { flag } from "./option.ts";
import { findServer } from "./server-name.ts";
import { adminSocketPath, socketOption } from "./socket-path.ts";
import { fetchStatus } from "./status-client.ts";

/** Options of every command that changes a server. */
export const changeOptions = {
  force: flag("also when it is the last server of its backend that may serve"),
  "dry-run": flag("say what would change, and change nothing"),
  json: flag("as JSON"),
  socket: socketOption,
} as const;

export interface ChangeOptions {
  readonly force: boolean;
  readonly "dry-run": boolean;
  readonly json: boolean;
  readonly socket: string | undefined;
}

/** A change, and how it reads. */
export interface Change {
  readonly body: { readonly admin?: ServerDocument["admin"]; readonly weight?: number };
  readonly before: string;
  readonly after: string;
  /** What becomes of what is going on. */
  readonly effect: string;
  /** The verb and value that take it back. */
  readonly undo: (name: string) => string;
}

/**
 * Changes one server and says what changed and how to undo it. A refusal for safety is thrown, and
 * ends with exit code 7.
 */
export async function changeServer(
  context: Context,
  options: ChangeOptions,
  given: string,
  describe: (server: ServerDocument) => Change,
): Promise<number> {
  const socket = adminSocketPath(options.socket, context.env);
  const { backend, server } = findServer(await fetchStatus(socket), given);
  const name = `${backend.name}/${server.name}`;
  const change = describe(server);
  const undo = `weir server ${change.undo(name)}`;
  if (!options["dry-run"]) {
    const path = `/api/v1/servers/${encodeURIComponent(backend.name)}/${encodeURIComponent(server.name)}`;
    await askJson(socket, path, { method: "POST", body: { ...change.body, force: options.force } });
  }
  const { before, after, effect } = change;
  if (options.json) {
    const applied = !options["dry-run"];
    context.write(`${JSON.stringify({ server: name, before, after, applied, undo })}\n`);
    return EXIT.OK;
  }
  const would = options["dry-run"] ? "would go: " : "";
  if (before === after) context.write(`${name}: ${after} already\n`);
  else {
    context.write(`${would}${name}: ${before} → ${context.style.bold(after)}; ${effect}\n`);
    if (!options["dry-run"]) context.write(context.style.dim(`undo: ${undo}\n`));
  }
  return EXIT.OK;
}

/** A change of administrative state. */
export const adminChange =
  (admin: ServerDocument["admin"], effect: (server: ServerDocument) => string) =>
  (server: ServerDocument): Change => ({
    body: { admin },
    before: server.admin,
    after: admin,
    effect: effect(server),
    undo: (name) => `${server.admin} ${name}`,
  });
