import type { Owner } from "#kit/owner.ts";
import { Pressure } from "#kit/pressure.ts";
import { ServerProcess } from "#kit/server-process.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";
import type { StatusDocument } from "#monitor/document.ts";

/** Connections that ask without a pause, so that a gap is seen as soon as it is there. */
const CONNECTIONS = 16;

/** The real program in processes of its own, before servers in theirs. */
export interface World {
  readonly weir: Weir;
  readonly servers: readonly ServerProcess[];
  press(): Pressure;
  /** Resolves when the servers are in these states; a word for all, or one for each. */
  states(what: string, ...wanted: readonly string[]): Promise<void>;
}

/** Checks as often as one would have them who wants a fault noticed within a second or so. */
const CHECK =
  "type: http, interval: 500ms, fastInterval: 200ms, downInterval: 200ms, timeout: 400ms, " +
  "rise: 1, fall: 2";

export async function startWorld(owner: Owner, names: string, env = {}): Promise<World> {
  const servers = await Promise.all([...names].map((name) => ServerProcess.start(owner, name)));
  const list = servers.map(({ name, port }) => `${name}: "127.0.0.1:${port}"`).join(", ");
  const weir = await startWeir(
    owner,
    (ground) => `
engine: { threads: 2 }
log: none
frontends:
  web: { bind: "127.0.0.1:${ground.port("web")}", default: app }
backends:
  app: { check: { ${CHECK} }, servers: { ${list} } }
`,
    { env },
  );
  const world: World = {
    weir,
    servers,
    press: () => new Pressure(owner, weir.port(), { connections: CONNECTIONS }),
    states: (what, ...wanted) =>
      until(what, async () => {
        const status = (await weir.adminJson("/api/v1/status")) as StatusDocument;
        const found = status.backends[0]!.servers.map(({ state }) => state);
        return found.every((state, i) => state === (wanted[i] ?? wanted[0]));
      }),
  };
  await world.states("all servers are up", "up");
  return world;
}
